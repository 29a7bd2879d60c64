package systemd

import (
	"fmt"
	"os"
	"strings"

	"github.com/sandkit/sandkit/cgroup"
)

// Scope is a transient unit of systemd for the calling program, with a part of
// the tree below it that is the program's own (Delegate=yes). The zero value is
// fine.
type Scope struct {
	// Name is the unit's, without ".scope"; empty: one that no other has.
	// Letters, digits and "-_.:" are allowed.
	Name string
	// Description is what systemctl shows; empty: the program's name.
	Description string
	// Slice is the unit to make the scope in, such as "batch.slice"; empty:
	// systemd's default, which is system.slice for root and app.slice or the top
	// of the user's part of the tree for others.
	Slice string
	// Address is where D-Bus is, "unix:path=..."; empty: for root the system's,
	// /run/dbus/system_bus_socket, for others the user's, /run/user/UID/bus.
	Address string
}

// NotSupportedError says why there is no scope here, and the remedy. It matches
// [ErrNotSupported].
type NotSupportedError = cgroup.NotSupportedError

// ErrNotSupported is matched by every NotSupportedError.
var ErrNotSupported = cgroup.ErrNotSupported

// JobError is what is returned when systemd tried and did not make the scope.
type JobError struct {
	Unit   string
	Result string // systemd's word: "failed", "timeout", "canceled", "dependency"
}

// Error names the unit and the result.
func (e *JobError) Error() string { return fmt.Sprintf("job for %s: %s", e.Unit, e.Result) }

// maxUnitName is systemd's UNIT_NAME_MAX without the final zero.
const maxUnitName = 255

// check finds what systemd would refuse, and what it would take for something
// else.
func (s Scope) check() error {
	if s.Name != "" && !isUnit(s.Name+".scope", ".scope") {
		return fmt.Errorf("name %q: %w", s.Name, os.ErrInvalid)
	}
	if s.Slice != "" && !isUnit(s.Slice, ".slice") {
		return fmt.Errorf("slice %q: %w", s.Slice, os.ErrInvalid)
	}
	return nil
}

// isUnit tells whether a unit of that type may have the name.
func isUnit(name, suffix string) bool {
	const allowed = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.:"
	stem, ok := strings.CutSuffix(name, suffix)
	foreign := func(r rune) bool { return !strings.ContainsRune(allowed, r) }
	return ok && stem != "" && stem[0] != '.' && len(name) <= maxUnitName && !strings.ContainsFunc(stem, foreign)
}
