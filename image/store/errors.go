package store

import (
	"errors"
	"fmt"
	"strings"

	"github.com/sandkit/sandkit/image"
)

var (
	// ErrExists is matched when content that is to be added is there.
	ErrExists = errors.New("already in the store")
	// ErrBusy is matched when somebody else is about to add the same content.
	ErrBusy = errors.New("somebody else is adding it")
	// ErrInUse is matched when an image cannot be removed.
	ErrInUse = errors.New("image is in use")
	// ErrAmbiguous is matched when a short id belongs to several images.
	ErrAmbiguous = errors.New("ambiguous image id")
	// ErrVersion is matched when a newer version has written the store.
	ErrVersion = errors.New("unknown version of the store")
	// ErrNotStore is matched when a directory holds something else.
	ErrNotStore = errors.New("directory is not a store")
	// ErrReleased is matched when a lease is used that was released, or a
	// writer that was closed.
	ErrReleased = errors.New("already released")
)

// NotFoundError says what is not in the store. It matches
// [image.ErrNotFound].
type NotFoundError struct {
	What string // "image", "blob", "layer"
	Name string // as it was asked for
}

// Error reads as Docker's does.
func (e *NotFoundError) Error() string { return fmt.Sprintf("no such %s: %s", e.What, e.Name) }

// Is matches image.ErrNotFound.
func (e *NotFoundError) Is(target error) bool { return target == image.ErrNotFound }

// AmbiguousError says which images a short id may mean. It matches
// [ErrAmbiguous].
type AmbiguousError struct {
	ID      string
	Matches []image.Digest
}

// Error lists the matches.
func (e *AmbiguousError) Error() string {
	names := make([]string, len(e.Matches))
	for i, d := range e.Matches {
		names[i] = string(d)
	}
	return fmt.Sprintf("image id %s is ambiguous: %s", e.ID, strings.Join(names, ", "))
}

// Is matches ErrAmbiguous.
func (e *AmbiguousError) Is(target error) bool { return target == ErrAmbiguous }

// InUseError says why an image is not removed. It matches [ErrInUse].
type InUseError struct {
	Image string
	Tags  []image.Ref // several names, or none when a lease holds the image
}

// Error gives the reason.
func (e *InUseError) Error() string {
	if len(e.Tags) == 0 {
		return fmt.Sprintf("image %s is in use by a running program", e.Image)
	}
	names := make([]string, len(e.Tags))
	for i, t := range e.Tags {
		names[i] = t.Familiar()
	}
	return fmt.Sprintf("image %s has several names: %s", e.Image, strings.Join(names, ", "))
}

// Is matches ErrInUse.
func (e *InUseError) Is(target error) bool { return target == ErrInUse }

// VersionError says that a newer version of this package has written the
// store. It matches [ErrVersion].
type VersionError struct {
	Dir string
	Got string // the first line of the file "version"
}

// Error tells both versions.
func (e *VersionError) Error() string {
	return fmt.Sprintf("store %s has version %q, this program knows %q", e.Dir, e.Got, formatVersion)
}

// Is matches ErrVersion.
func (e *VersionError) Is(target error) bool { return target == ErrVersion }
