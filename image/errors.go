package image

import (
	"errors"
	"fmt"
	"strings"
)

var (
	// ErrInvalid is matched by every error about a document that is malformed.
	ErrInvalid = errors.New("invalid image")
	// ErrNotFound is matched when an image, a blob or a tag is not there.
	ErrNotFound = errors.New("not found")
	// ErrCorrupt is matched when content is not what its descriptor says.
	ErrCorrupt = errors.New("content does not match its descriptor")
	// ErrTooLarge is matched when a limit was passed.
	ErrTooLarge = errors.New("too large")
	// ErrNoPlatform is matched when an image is not made for a platform.
	ErrNoPlatform = errors.New("no matching platform")
	// ErrMediaType is matched when a media type is not supported, or wrong.
	ErrMediaType = errors.New("unsupported media type")
)

// Error names the image and the layer that something went wrong with. Fields
// that are not known are empty.
type Error struct {
	Op    string // what was being done: "pull", "unpack"
	Image string // reference or digest
	Layer Digest // the layer's digest
	Path  string // inside the layer
	Err   error  // the cause
}

// Error gives what is known, the cause last.
func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString(e.Op)
	if e.Image != "" {
		b.WriteString(" " + e.Image)
	}
	if e.Layer != "" {
		b.WriteString(": layer " + string(e.Layer))
	}
	if e.Path != "" {
		fmt.Fprintf(&b, ": %q", e.Path)
	}
	return b.String() + ": " + e.Err.Error()
}

// Unwrap gives the cause.
func (e *Error) Unwrap() error { return e.Err }

// DigestError says that content has another hash than its descriptor. It
// matches [ErrCorrupt].
type DigestError struct {
	What      string // "diffID", or empty for the content itself
	Want, Got Digest
}

// Error gives both digests.
func (e *DigestError) Error() string {
	what := "digest"
	if e.What != "" {
		what = e.What
	}
	return fmt.Sprintf("wrong %s: want %s, got %s", what, e.Want, e.Got)
}

// Is matches ErrCorrupt.
func (e *DigestError) Is(target error) bool { return target == ErrCorrupt }

// SizeError says that content is shorter or longer than its descriptor says.
// It matches [ErrCorrupt].
type SizeError struct {
	Digest    Digest
	Want, Got int64
}

// Error gives both sizes.
func (e *SizeError) Error() string {
	return fmt.Sprintf("wrong size of %s: want %d bytes, got %d", e.Digest, e.Want, e.Got)
}

// Is matches ErrCorrupt.
func (e *SizeError) Is(target error) bool { return target == ErrCorrupt }

// LimitError says which limit was passed. It matches [ErrTooLarge].
type LimitError struct {
	What       string // "manifest size"
	Limit, Got int64  // Got is 0 when it is only known to be larger
}

// Error gives the limit and what was found.
func (e *LimitError) Error() string {
	if e.Got == 0 {
		return fmt.Sprintf("%s is more than the limit of %d", e.What, e.Limit)
	}
	return fmt.Sprintf("%s is %d, more than the limit of %d", e.What, e.Got, e.Limit)
}

// Is matches ErrTooLarge.
func (e *LimitError) Is(target error) bool { return target == ErrTooLarge }

// MediaTypeError says that something has another media type than it must. It
// matches [ErrMediaType].
type MediaTypeError struct {
	What string // "layer", "manifest"
	Want string // empty when several would do
	Got  string
}

// Error gives the media types.
func (e *MediaTypeError) Error() string {
	if e.Want == "" {
		return fmt.Sprintf("unsupported media type of %s: %q", e.What, e.Got)
	}
	return fmt.Sprintf("wrong media type of %s: want %q, got %q", e.What, e.Want, e.Got)
}

// Is matches ErrMediaType.
func (e *MediaTypeError) Is(target error) bool { return target == ErrMediaType }

// PlatformError says which platforms an image has instead of the one wanted.
// It matches [ErrNoPlatform].
type PlatformError struct {
	Want Platform
	Have []Platform
}

// Error gives the platforms.
func (e *PlatformError) Error() string {
	if len(e.Have) == 0 {
		return fmt.Sprintf("no image for platform %s", e.Want)
	}
	names := make([]string, len(e.Have))
	for i, p := range e.Have {
		names[i] = p.String()
	}
	return fmt.Sprintf("no image for platform %s, only for %s", e.Want, strings.Join(names, ", "))
}

// Is matches ErrNoPlatform.
func (e *PlatformError) Is(target error) bool { return target == ErrNoPlatform }

// invalidError is a malformed document.
type invalidError struct{ err error }

// Error says what is malformed.
func (e *invalidError) Error() string { return e.err.Error() }

// Unwrap gives the cause.
func (e *invalidError) Unwrap() error { return e.err }

// Is matches ErrInvalid.
func (e *invalidError) Is(target error) bool { return target == ErrInvalid }

func invalid(format string, args ...any) error {
	return &invalidError{fmt.Errorf("invalid "+format, args...)}
}
