package layer

import (
	"errors"
	"fmt"

	"github.com/sandkit/sandkit/image"
)

var (
	// ErrEscapes is matched when a path leads out of the layer.
	ErrEscapes = errors.New("path leads out of the layer")
	// ErrConflict is matched when a layer cannot lie over those below it: it
	// has files below something that is no directory there.
	ErrConflict = errors.New("layer does not fit the layers below it")
	// ErrNeedsDirectory is matched when a layer cannot be in an image. It may be
	// unpacked to a directory instead.
	ErrNeedsDirectory = errors.New("layer can be unpacked to a directory only")
)

// FormatError says what is wrong with a layer's bytes. It matches
// [image.ErrInvalid].
type FormatError struct{ Err error }

// Error gives the cause.
func (e *FormatError) Error() string { return "invalid layer: " + e.Err.Error() }

// Unwrap gives the cause.
func (e *FormatError) Unwrap() error { return e.Err }

// Is matches image.ErrInvalid.
func (e *FormatError) Is(target error) bool { return target == image.ErrInvalid }

func malformed(format string, args ...any) error {
	return &FormatError{fmt.Errorf(format, args...)}
}

// IDError says that a user or group has no place in an id map.
type IDError struct {
	Kind string // "uid" or "gid"
	ID   int64
}

// Error gives the id.
func (e *IDError) Error() string { return fmt.Sprintf("%s %d is not mapped", e.Kind, e.ID) }

// at adds a path inside the layer to an error.
func at(path string, err error) error {
	if err == nil {
		return nil
	}
	return &pathError{path, err}
}

// pathError carries a path up to where the layer's name is known.
type pathError struct {
	path string
	err  error
}

// Error gives the path and the cause.
func (e *pathError) Error() string { return fmt.Sprintf("%q: %v", e.path, e.err) }

// Unwrap gives the cause.
func (e *pathError) Unwrap() error { return e.err }

// wrap names layer and image.
func wrap(op, img string, layer image.Digest, err error) error {
	if err == nil {
		return nil
	}
	e := &image.Error{Op: op, Image: img, Layer: layer, Err: err}
	if p, ok := err.(*pathError); ok { //nolint:errorlint // deeper ones are part of the text
		e.Path, e.Err = p.path, p.err
	}
	return e
}
