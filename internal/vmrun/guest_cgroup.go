//go:build linux

package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

const cgroupRoot = "/sys/fs/cgroup"

// makeCgroup enables every controller down to the program's own cgroup and
// returns the folder that it starts in: a leaf below, as a cgroup with
// controllers for its children may hold no process. For an ordinary user both
// are delegated.
func makeCgroup(s *spec) (leaf string, err error) {
	if err := enableControllers(cgroupRoot); err != nil {
		return "", err
	}
	if !s.Delegate {
		return cgroupRoot, nil
	}
	top := cgroupRoot
	for name := range strings.SplitSeq(strings.Trim(filepath.Clean(s.Cgroup), "/"), "/") {
		top = filepath.Join(top, name)
		if err := os.MkdirAll(top, 0o755); err != nil {
			return "", fmt.Errorf("make cgroup: %w", err)
		}
		if err := enableControllers(top); err != nil {
			return "", err
		}
	}
	leaf = filepath.Join(top, "init")
	if err := os.MkdirAll(leaf, 0o755); err != nil {
		return "", fmt.Errorf("make cgroup: %w", err)
	}
	if s.UID == 0 {
		return leaf, nil
	}
	return leaf, errors.Join(delegateCgroup(top, s.UID), delegateCgroup(leaf, s.UID))
}

// enableControllers gives a cgroup's children all controllers that it has.
func enableControllers(dir string) error {
	all, err := os.ReadFile(dir + "/cgroup.controllers")
	if err != nil {
		return fmt.Errorf("list controllers: %w", err)
	}
	for c := range strings.FieldsSeq(string(all)) {
		if err := os.WriteFile(dir+"/cgroup.subtree_control", []byte("+"+c), 0); err != nil {
			return fmt.Errorf("enable controller %s: %w", c, err)
		}
	}
	return nil
}

// delegateCgroup gives a user what the kernel lists as safe to give.
func delegateCgroup(dir string, uid int) error {
	names, err := os.ReadFile("/sys/kernel/cgroup/delegate")
	if err != nil {
		return fmt.Errorf("delegate cgroup: %w", err)
	}
	for _, f := range append(strings.Fields(string(names)), ".") {
		// A controller's files are listed also where it is not enabled.
		if err := os.Chown(filepath.Join(dir, f), uid, uid); err != nil && !errors.Is(err, os.ErrNotExist) {
			return fmt.Errorf("delegate cgroup: %w", err)
		}
	}
	return nil
}
