package systemd

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
)

// Enter has systemd make the scope and move this program into it, and gives
// the group's path, to be a parent of [cgroup.Host.Claim] or of
// sandbox.WithCgroupParent. The program's other processes stay where they are.
// Call it once, before the first sandbox: groups made before stay in the old
// place. On error the program has not moved, unless systemd was at it when ctx
// ended.
//
// It asks the system's systemd for root, which needs no password, and the
// user's own for others, which takes a user manager (one runs as long as the
// user is logged in, or always after loginctl enable-linger). Root on a host
// with v1 controllers makes groups without systemd.
func (s Scope) Enter(ctx context.Context) (parent string, err error) {
	parent, err = s.enter(ctx, "/")
	if err != nil {
		return "", fmt.Errorf("enter systemd scope: %w", err)
	}
	return parent, nil
}

// enter is Enter with all paths below root.
func (s Scope) enter(ctx context.Context, root string) (string, error) {
	if err := ctx.Err(); err != nil {
		return "", err
	}
	if err := s.check(); err != nil {
		return "", err
	}
	if err := supported(root); err != nil {
		return "", err
	}
	unit := s.unit()
	m, err := dial(ctx, s.address(root))
	if err != nil {
		return "", err
	}
	err = m.startScope(ctx, unit, s)
	m.close()
	if err != nil {
		return "", err
	}
	return ownGroup(root, unit)
}

// supported tells whether systemd runs and has v2.
func supported(root string) error {
	if _, err := os.Lstat(filepath.Join(root, "run/systemd/system")); err != nil {
		return &NotSupportedError{
			Feature: "systemd scope", Err: err,
			Hint: "systemd does not run here: run as root, or chown a group and its cgroup.procs and cgroup.subtree_control",
		}
	}
	if _, err := os.Lstat(filepath.Join(root, "sys/fs/cgroup/cgroup.controllers")); err != nil {
		return &NotSupportedError{
			Feature: "systemd scope with cgroup v1", Err: err,
			Hint: "run as root, which makes groups itself there, or boot with systemd.unified_cgroup_hierarchy=1",
		}
	}
	return nil
}

func (s Scope) unit() string {
	if s.Name != "" {
		return s.Name + ".scope"
	}
	return fmt.Sprintf("sandkit-%d-%08x.scope", os.Getpid(), rand.Uint32())
}

func (s Scope) description() string {
	if s.Description != "" {
		return s.Description
	}
	return filepath.Base(os.Args[0])
}

// address is where the D-Bus of the manager is.
func (s Scope) address(root string) string {
	at := func(path string) string { return "unix:path=" + filepath.Join(root, path) }
	switch {
	case s.Address != "":
		return s.Address
	case os.Geteuid() == 0:
		return at("run/dbus/system_bus_socket")
	}
	return at(fmt.Sprintf("run/user/%d/bus", os.Geteuid()))
}

// ownGroup gives the v2 group of this program, which is the unit's.
func ownGroup(root, unit string) (string, error) {
	b, err := os.ReadFile(filepath.Join(root, "proc/self/cgroup"))
	if err != nil {
		return "", err
	}
	for line := range strings.Lines(string(b)) {
		group, v2 := strings.CutPrefix(strings.TrimSuffix(line, "\n"), "0::")
		if v2 && filepath.Base(group) == unit {
			return group, nil
		}
	}
	return "", fmt.Errorf("not in %s although systemd made it, but in %q", unit, b)
}
