package ns

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
)

// Write sets the id maps of a process in a new, unmapped user namespace. An
// ordinary user may map only itself; everything else is left to newuidmap and
// newgidmap, which look into /etc/subuid and /etc/subgid.
func (m Mapping) Write(ctx context.Context, pid int) error {
	if !m.DenyGroups && os.Geteuid() != 0 {
		return errors.Join(runIDMap(ctx, "newuidmap", pid, m.UIDs), runIDMap(ctx, "newgidmap", pid, m.GIDs))
	}
	if m.DenyGroups {
		if err := writeProc(pid, "setgroups", "deny"); err != nil {
			return err
		}
	}
	if err := writeProc(pid, "uid_map", file(m.UIDs)); err != nil {
		return err
	}
	return writeProc(pid, "gid_map", file(m.GIDs))
}

func writeProc(pid int, name, content string) error {
	f, err := os.OpenFile(fmt.Sprintf("/proc/%d/%s", pid, name), os.O_WRONLY, 0)
	if err != nil {
		return fmt.Errorf("map ids: %w", err)
	}
	_, err = f.WriteString(content) // the kernel wants it in one write
	if err := errors.Join(err, f.Close()); err != nil {
		return fmt.Errorf("map ids to %s: %w", strings.TrimSpace(content), err)
	}
	return nil
}

func runIDMap(ctx context.Context, program string, pid int, ranges []Range) error {
	args := []string{fmt.Sprint(pid)}
	for _, r := range ranges {
		args = append(args, fmt.Sprint(r.Inside), fmt.Sprint(r.Outside), fmt.Sprint(r.Count))
	}
	if out, err := exec.CommandContext(ctx, program, args...).CombinedOutput(); err != nil {
		return fmt.Errorf("map ids: %s %s: %w: %s", program, strings.Join(args, " "), err, strings.TrimSpace(string(out)))
	}
	return nil
}

// HaveIDMapTools tells whether newuidmap and newgidmap are installed.
func HaveIDMapTools() bool {
	for _, name := range []string{"newuidmap", "newgidmap"} {
		if _, err := exec.LookPath(name); err != nil {
			return false
		}
	}
	return true
}
