package cgroup

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/sandkit/sandkit/internal/kernel"
)

// Host is how cgroups are set up on this machine: which controllers are v1,
// which are v2, where they are mounted and which part of them this program may
// use. It is safe for concurrent use. Make it with Detect.
type Host struct {
	hierarchies []*hierarchy
	v2          *hierarchy // nil: there is none
	available   []string   // controllers that v2 has
	base        string     // v2: the group below which this program makes groups; empty: none
	baseErr     error      // why base is empty

	files   files
	watcher watcher
}

// Detect looks at this program's mounts and cgroups. It changes nothing.
func Detect() (*Host, error) { return detect("/") }

// detect is Detect with all paths below root.
func detect(root string) (*Host, error) {
	mountinfo, err := os.ReadFile(filepath.Join(root, "proc/self/mountinfo"))
	if err != nil {
		return nil, fmt.Errorf("detect cgroups: %w", err)
	}
	own, err := os.ReadFile(filepath.Join(root, "proc/self/cgroup"))
	if err != nil {
		return nil, fmt.Errorf("detect cgroups: %w", err)
	}
	h := &Host{}
	if h.hierarchies, err = parseHierarchies(string(mountinfo), string(own)); err != nil {
		return nil, fmt.Errorf("detect cgroups: %w", err)
	}
	for _, x := range h.hierarchies {
		x.mount = filepath.Join(root, x.mount)
		if x.version == 2 {
			h.v2 = x
		}
	}
	if len(h.hierarchies) == 0 {
		return nil, &kernel.NotSupportedError{
			Feature: "cgroups",
			Hint:    "mount them: mount -t cgroup2 none /sys/fs/cgroup",
		}
	}
	if h.v2 != nil {
		h.base, h.baseErr = h.findBase()
		b, err := os.ReadFile(filepath.Join(h.v2.dir(h.base), "cgroup.controllers"))
		if err != nil {
			return nil, fmt.Errorf("detect cgroups: %w", err)
		}
		h.available = strings.Fields(string(b))
	}
	return h, nil
}

// find gives the hierarchy that has a controller; nil: none has.
func (h *Host) find(c Controller) *hierarchy {
	if h.v2 != nil && (c == Core || slices.Contains(h.available, string(c))) {
		return h.v2
	}
	for _, x := range h.hierarchies {
		if x.version == 1 && x.has(c) {
			return x
		}
	}
	// What v2 does without a controller.
	if h.v2 != nil && (c == Accounting || c == Devices) {
		return h.v2
	}
	return nil
}

// Version tells whether a controller is v1 or v2 here; 0: the host has none.
func (h *Host) Version(c Controller) int {
	if x := h.find(c); x != nil {
		return x.version
	}
	return 0
}

// Unified tells whether every controller is v2, so that one descriptor is
// enough to start a process in a group ([Group.FD]).
func (h *Host) Unified() bool { return h.v2 != nil && len(h.hierarchies) == 1 }

// String is a report, one controller a line.
func (h *Host) String() string {
	var b strings.Builder
	for _, c := range controllers {
		x := h.find(c)
		if x == nil {
			fmt.Fprintf(&b, "%-8s none\n", c)
			continue
		}
		fmt.Fprintf(&b, "%-8s v%d at %s\n", c, x.version, x.mount)
	}
	return b.String()
}

// missing is the error for a controller that the host has not.
func (h *Host) missing(field string, c Controller) error {
	hint := "no hierarchy has the controller: the kernel was built without it, or it is switched off (cgroup_disable=, cgroup_no_v1=)"
	if h.v2 != nil && h.base != "" && h.base != "/" {
		hint = fmt.Sprintf("have it delegated: write +%s to cgroup.subtree_control of each group above %s, or Delegate=yes with systemd",
			c, h.v2.dir(h.base))
	}
	return &kernel.NotSupportedError{Feature: fmt.Sprintf("%s (cgroup controller %s)", field, c), Hint: hint}
}

// lines reads the lines of a file that has one group, process or name a line.
func lines(path string) ([]string, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	return strings.Fields(string(bytes.TrimSpace(b))), nil
}

// gone tells whether an error says that a group is not there.
func gone(err error) bool { return errors.Is(err, os.ErrNotExist) || errors.Is(err, errNoDevice) }
