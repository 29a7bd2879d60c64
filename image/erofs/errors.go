package erofs

import (
	"errors"
	"fmt"

	"github.com/sandkit/sandkit/image"
)

// ErrFinished is returned when something is added to an image that is
// complete.
var ErrFinished = errors.New("image is finished")

// InputError says what of a file cannot be in an image, or which option is
// wrong. It matches [image.ErrInvalid]; where something is only too long, the
// cause is an [image.LimitError], so that it matches [image.ErrTooLarge] too.
type InputError struct {
	Field string // "name", "xattr", "mode", "block size"
	Value string // the one that is wrong
	Err   error
}

// Error gives field, value and cause.
func (e *InputError) Error() string { return fmt.Sprintf("%s %q: %v", e.Field, e.Value, e.Err) }

// Unwrap gives the cause.
func (e *InputError) Unwrap() error { return e.Err }

// Is matches image.ErrInvalid.
func (e *InputError) Is(target error) bool { return target == image.ErrInvalid }

func badInput(field, value, why string) error {
	return &InputError{field, value, errors.New(why)}
}

func tooLong(field, value, what string, limit, got int) error {
	if len(value) > maxName {
		value = value[:maxName]
	}
	return &InputError{field, value, &image.LimitError{What: what, Limit: int64(limit), Got: int64(got)}}
}

// FormatError says what is wrong in an image that is read. It matches
// [image.ErrInvalid]. What the format allows but this package does not read,
// such as compressed files, matches [errors.ErrUnsupported] as well.
type FormatError struct{ Err error }

// Error gives the cause.
func (e *FormatError) Error() string { return "invalid EROFS image: " + e.Err.Error() }

// Unwrap gives the cause.
func (e *FormatError) Unwrap() error { return e.Err }

// Is matches image.ErrInvalid.
func (e *FormatError) Is(target error) bool { return target == image.ErrInvalid }

func malformed(format string, args ...any) error {
	return &FormatError{fmt.Errorf(format, args...)}
}
