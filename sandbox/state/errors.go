package state

import (
	"errors"
	"fmt"
	"strings"
)

// Sentinels, matched with errors.Is.
var (
	// ErrNotFound: there is no sandbox of that id or name.
	ErrNotFound = errors.New("no such sandbox")
	// ErrAmbiguous: the prefix is that of several sandboxes' ids.
	ErrAmbiguous = errors.New("ambiguous id")
	// ErrNameConflict: another sandbox has the name.
	ErrNameConflict = errors.New("name is in use")
	// ErrExists: there is a sandbox of that id.
	ErrExists = errors.New("sandbox exists already")
	// ErrOwned: a living process owns the record.
	ErrOwned = errors.New("sandbox is owned by another process")
	// ErrClosed: the entry was closed, removed or detached.
	ErrClosed = errors.New("entry is closed")
	// ErrInvalid: a field, name, filter or state has a value that makes no sense.
	ErrInvalid = errors.New("invalid")
	// ErrCorrupt: a file of the store is not what this package writes.
	ErrCorrupt = errors.New("file is damaged")
	// ErrNotStore: the directory holds something else.
	ErrNotStore = errors.New("not a store of sandbox records")
	// ErrVersion: another version of this package has written the store.
	ErrVersion = errors.New("store is of another version")
)

// NotFoundError says what was looked for. It matches [ErrNotFound].
type NotFoundError struct{ Ref string }

// Error names it.
func (e *NotFoundError) Error() string { return "no such sandbox: " + e.Ref }

// Is matches ErrNotFound.
func (e *NotFoundError) Is(target error) bool { return target == ErrNotFound }

// AmbiguousError says that a prefix fits several ids. It matches
// [ErrAmbiguous].
type AmbiguousError struct {
	Ref string
	IDs []string // sorted
}

// Error lists some of the ids.
func (e *AmbiguousError) Error() string {
	const shown = 4
	short := make([]string, 0, shown)
	for _, id := range e.IDs[:min(shown, len(e.IDs))] {
		short = append(short, ShortID(id))
	}
	if more := len(e.IDs) - shown; more > 0 {
		short = append(short, fmt.Sprintf("%d more", more))
	}
	return fmt.Sprintf("id %s is ambiguous: %s", e.Ref, strings.Join(short, ", "))
}

// Is matches ErrAmbiguous.
func (e *AmbiguousError) Is(target error) bool { return target == ErrAmbiguous }

// NameConflictError says who has a name. It matches [ErrNameConflict].
type NameConflictError struct {
	Name string
	ID   string // of the sandbox that has it
}

// Error tells both.
func (e *NameConflictError) Error() string {
	return fmt.Sprintf("name %q is in use by sandbox %s; remove or rename that one, or choose another name", e.Name, e.ID)
}

// Is matches ErrNameConflict.
func (e *NameConflictError) Is(target error) bool { return target == ErrNameConflict }

// OwnedError says that a living process owns a record. It matches [ErrOwned].
type OwnedError struct{ ID, Name string }

// Error names the sandbox.
func (e *OwnedError) Error() string {
	return fmt.Sprintf("sandbox %s (%s) is owned by another process", ShortID(e.ID), e.Name)
}

// Is matches ErrOwned.
func (e *OwnedError) Is(target error) bool { return target == ErrOwned }

// CorruptError names a file that this package did not write, or that was
// damaged. It matches [ErrCorrupt].
type CorruptError struct {
	Path string // below the store's directory
	Err  error
}

// Error tells what is wrong with the file.
func (e *CorruptError) Error() string { return fmt.Sprintf("%s is damaged: %v", e.Path, e.Err) }

// Is matches ErrCorrupt.
func (e *CorruptError) Is(target error) bool { return target == ErrCorrupt }

// Unwrap gives the cause.
func (e *CorruptError) Unwrap() error { return e.Err }

// InvalidError names a field and what is wrong with its value. It matches
// [ErrInvalid].
type InvalidError struct {
	Field string // "Name", "Restart.MaxRetries", "filter status" ...
	Value string
	Why   string
}

// Error tells all three.
func (e *InvalidError) Error() string {
	return fmt.Sprintf("%s %q: %s", e.Field, clip(e.Value, 100), e.Why)
}

// Is matches ErrInvalid.
func (e *InvalidError) Is(target error) bool { return target == ErrInvalid }

// VersionError says that another version of this package has written the
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
