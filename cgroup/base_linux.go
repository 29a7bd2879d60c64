package cgroup

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"github.com/sandkit/sandkit/internal/kernel"
)

// hostLeaf is the group that this program moves itself to when groups are to
// be made below the one that it is in: on v2, a group with controllers for its
// children has no processes of its own.
const hostLeaf = "sandkit-host"

// delegateHint is the remedy when no part of the v2 tree is ours.
const delegateHint = "have a part of the tree delegated: systemd-run --user --scope -p Delegate=yes PROGRAM, " +
	"or package cgroup/systemd, or Delegate=yes in the unit, or chown a group and its cgroup.procs and cgroup.subtree_control"

// findBase gives the group below which this program makes its own. That is the
// top for who may write there, as root may; otherwise the nearest group above the
// program's own that was given to it and has no processes; otherwise the
// program's own.
func (h *Host) findBase() (string, error) {
	if h.isTop("/") && h.writable("/") {
		return "/", nil
	}
	own := h.v2.own
	if own == "" {
		return "", &kernel.NotSupportedError{Feature: "cgroup v2", Hint: delegateHint, Err: fmt.Errorf("own group is not below %s", h.v2.mount)}
	}
	for group := filepath.Dir(own); own != "/"; group = filepath.Dir(group) {
		if !h.writable(group) {
			break
		}
		if pids, err := lines(filepath.Join(h.v2.dir(group), "cgroup.procs")); err == nil && len(pids) == 0 {
			return group, nil
		}
		if group == "/" {
			break
		}
	}
	if filepath.Base(own) == hostLeaf && h.writable(filepath.Dir(own)) {
		return filepath.Dir(own), nil
	}
	if h.writable(own) {
		return own, nil
	}
	return "", &kernel.NotSupportedError{
		Feature: "cgroup v2 for this user", Hint: delegateHint,
		Err: fmt.Errorf("%s may not be written to", h.v2.dir(own)),
	}
}

// isTop tells whether a group is the one at the top of the machine's tree, for
// which the rule about processes does not hold: only it has no type.
func (h *Host) isTop(group string) bool {
	_, err := os.Lstat(filepath.Join(h.v2.dir(group), "cgroup.type"))
	return err != nil
}

// writable tells whether this program may make groups below a v2 group and
// move processes there.
func (h *Host) writable(group string) bool {
	const writeAccess = 2 // W_OK
	for _, name := range []string{".", "cgroup.procs", "cgroup.subtree_control"} {
		if syscall.Faccessat(atFDCWD, filepath.Join(h.v2.dir(group), name), writeAccess, atEAccess) != nil {
			return false
		}
	}
	return true
}

const (
	atFDCWD   = -0x64
	atEAccess = 0x200 // ask for the effective user
)

// enable gives the children of a v2 group controllers, here and in all groups
// above. Those that are already given need no right to write.
func (h *Host) enable(group string, list ...string) error {
	for at := range ancestors(group) {
		dir := h.v2.dir(at)
		given, err := lines(filepath.Join(dir, "cgroup.subtree_control"))
		if err != nil {
			return fmt.Errorf("enable cgroup controllers: %w", err)
		}
		for _, c := range list {
			if slices.Contains(given, c) {
				continue
			}
			if err := h.enableOne(at, c); err != nil {
				return err
			}
		}
	}
	return nil
}

func (h *Host) enableOne(group, controller string) error {
	file := filepath.Join(h.v2.dir(group), "cgroup.subtree_control")
	err := h.files.write(file, "+"+controller)
	if err != nil && (group == h.base || group == h.v2.own) && !h.isTop(group) {
		// Busy with processes: perhaps only this program's.
		if moveErr := h.moveOwn(group); moveErr != nil {
			return moveErr
		}
		err = h.files.write(file, "+"+controller)
	}
	if err != nil {
		return &kernel.NotSupportedError{
			Feature: "cgroup controller " + controller + " below " + h.v2.dir(group), Hint: delegateHint, Err: err,
		}
	}
	return nil
}

// ancestors yields "/", "/a", "/a/b" for "/a/b".
func ancestors(group string) func(func(string) bool) {
	return func(yield func(string) bool) {
		if !yield("/") {
			return
		}
		for i := 1; i <= len(group); i++ {
			if (i == len(group) || group[i] == '/') && i > 1 && !yield(group[:i]) {
				return
			}
		}
	}
}

// moveOwn moves the processes of a group into a leaf below it, provided that all
// are this program and its descendants.
func (h *Host) moveOwn(group string) error {
	dir := h.v2.dir(group)
	pids, err := lines(filepath.Join(dir, "cgroup.procs"))
	if err != nil {
		return fmt.Errorf("list processes of own cgroup: %w", err)
	}
	for _, pid := range pids {
		if !descends(pid, os.Getpid()) {
			return &kernel.NotSupportedError{
				Feature: "cgroup v2 below " + dir,
				Hint:    "start this program in a group of its own: systemd-run --user --scope -p Delegate=yes PROGRAM",
				Err:     fmt.Errorf("process %s in it is not this program's", pid),
			}
		}
	}
	leaf := filepath.Join(dir, hostLeaf)
	if err := h.files.mkdir(leaf); err != nil && !errors.Is(err, os.ErrExist) {
		return fmt.Errorf("move this program to a leaf cgroup: %w", err)
	}
	for _, pid := range pids {
		if err := h.files.write(filepath.Join(leaf, "cgroup.procs"), pid); err != nil && !errors.Is(err, syscall.ESRCH) {
			return fmt.Errorf("move this program to a leaf cgroup: %w", err)
		}
	}
	return nil
}

// descends tells whether a process is top or one of its descendants.
func descends(pid string, top int) bool {
	for range 64 {
		if pid == strconv.Itoa(top) {
			return true
		}
		b, err := os.ReadFile("/proc/" + pid + "/stat")
		if err != nil {
			// It has ended meanwhile; 0 is one of another PID namespace.
			return pid != "0" && errors.Is(err, os.ErrNotExist)
		}
		// The name in parentheses may hold anything.
		rest := strings.Fields(string(b[strings.LastIndexByte(string(b), ')')+1:]))
		if len(rest) < 2 || rest[1] == "0" {
			return false
		}
		pid = rest[1]
	}
	return false
}
