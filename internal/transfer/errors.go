package transfer

import (
	"errors"
	"fmt"
	iofs "io/fs"
)

var (
	// ErrNotDirectory is matched when a path that ends with a slash, or "/.", is
	// something else than a directory.
	ErrNotDirectory = errors.New("not a directory")
	// ErrNoDirectory is matched when a file is copied to a path that ends with a
	// slash, and there is nothing.
	ErrNoDirectory = errors.New("no such directory")
	// ErrCopyDirectory is matched when a directory is copied to what is none.
	ErrCopyDirectory = errors.New("cannot copy directory to a file")
	// ErrConflict is matched when below the destination a directory would have
	// to replace something else, or something else a directory.
	ErrConflict = errors.New("cannot overwrite")
	// ErrChanged is matched when a program changed the tree so quickly that it
	// could not be copied.
	ErrChanged = errors.New("changed while it was copied")
	// ErrTooDeep is matched by a tree with too many levels.
	ErrTooDeep = errors.New("too many levels of directories")
	// ErrOwner is matched when an owner has no counterpart on the other side.
	ErrOwner = errors.New("owner is not mapped")
)

// ConflictError says what stands in the way. It matches [ErrConflict].
type ConflictError struct {
	Path      string // below the destination
	Directory bool   // what is there is a directory, and what comes is none
}

// Error reads as Docker's does.
func (e *ConflictError) Error() string {
	if e.Directory {
		return fmt.Sprintf("cannot overwrite directory %q with non-directory", e.Path)
	}
	return fmt.Sprintf("cannot overwrite non-directory %q with directory", e.Path)
}

// Is matches ErrConflict.
func (e *ConflictError) Is(target error) bool { return target == ErrConflict }

// SpecialError says that something is neither file nor directory, where only
// those will do. It matches [iofs.ErrInvalid].
type SpecialError struct{ Type iofs.FileMode }

// Error names the type.
func (e *SpecialError) Error() string {
	return "not a regular file or directory but " + typeName(e.Type)
}

// Is matches iofs.ErrInvalid.
func (e *SpecialError) Is(target error) bool { return target == iofs.ErrInvalid }

func typeName(t iofs.FileMode) string {
	switch {
	case t&iofs.ModeNamedPipe != 0:
		return "a FIFO"
	case t&iofs.ModeSocket != 0:
		return "a socket"
	case t&iofs.ModeDevice != 0:
		return "a device"
	case t&iofs.ModeSymlink != 0:
		return "a symbolic link"
	}
	return t.String()
}
