package volume

import (
	"errors"
	"fmt"
	"strings"
)

// Sentinels, matched with errors.Is.
var (
	// ErrNotFound: there is no volume of that name.
	ErrNotFound = errors.New("no such volume")
	// ErrInUse: somebody uses the volume.
	ErrInUse = errors.New("volume is in use")
	// ErrExists: there is a volume of that name, but another one.
	ErrExists = errors.New("volume exists already")
	// ErrInvalid: a name, filter or size makes no sense.
	ErrInvalid = errors.New("invalid")
	// ErrCorrupt: a file of the store is not what this package writes.
	ErrCorrupt = errors.New("file is damaged")
	// ErrMounted: something is mounted in the volume.
	ErrMounted = errors.New("something is mounted there")
	// ErrReleased: the reference was given up.
	ErrReleased = errors.New("reference was released")
	// ErrNotStore: the directory holds something else.
	ErrNotStore = errors.New("not a store of volumes")
	// ErrVersion: another version of this package has written the store.
	ErrVersion = errors.New("store is of another version")
)

// InUseError says who uses a volume. It matches [ErrInUse].
type InUseError struct {
	Name  string
	Users []string // mostly ids of sandboxes, sorted
}

// Error lists some of the users.
func (e *InUseError) Error() string {
	const shown, short = 4, 12
	var users []string
	for _, u := range e.Users[:min(shown, len(e.Users))] {
		users = append(users, u[:min(short, len(u))])
	}
	if more := len(e.Users) - shown; more > 0 {
		users = append(users, fmt.Sprintf("%d more", more))
	}
	return fmt.Sprintf("volume %s is in use by %s", e.Name, strings.Join(users, ", "))
}

// Is matches ErrInUse.
func (e *InUseError) Is(target error) bool { return target == ErrInUse }

// NotFoundError names what was looked for. It matches [ErrNotFound].
type NotFoundError struct{ Name string }

// Error names it.
func (e *NotFoundError) Error() string { return "no such volume: " + e.Name }

// Is matches ErrNotFound.
func (e *NotFoundError) Is(target error) bool { return target == ErrNotFound }

// InvalidError names a field and what is wrong with its value. It matches
// [ErrInvalid].
type InvalidError struct{ Field, Value, Why string }

// Error tells all three.
func (e *InvalidError) Error() string {
	return fmt.Sprintf("%s %q: %s", e.Field, e.Value[:min(100, len(e.Value))], e.Why)
}

// Is matches ErrInvalid.
func (e *InvalidError) Is(target error) bool { return target == ErrInvalid }

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
