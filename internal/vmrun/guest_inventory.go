//go:build linux

package main

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// inventory is what a machine has, other than processes: each thing by an
// identity that is its own.
type inventory map[string]bool

// takeInventory lists cgroups, mounts and network links.
func takeInventory() (inventory, error) {
	inv := inventory{}
	err := filepath.WalkDir(cgroupRoot, func(p string, d fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil // it has gone just now
		}
		if err == nil && d.IsDir() {
			inv["cgroup "+strings.TrimPrefix(p, cgroupRoot)] = true
		}
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("list cgroups: %w", err)
	}
	mounts, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		return nil, fmt.Errorf("list mounts: %w", err)
	}
	maps.Copy(inv, parseMounts(string(mounts)))
	links, err := os.ReadDir("/sys/class/net")
	if err != nil {
		return nil, fmt.Errorf("list network links: %w", err)
	}
	for _, l := range links {
		inv["network link "+l.Name()] = true
	}
	return inv, nil
}

// parseMounts names the mounts of mountinfo. A mount's id is part of its name:
// a second mount may lie on the first.
func parseMounts(mountinfo string) inventory {
	inv := inventory{}
	for line := range strings.Lines(mountinfo) {
		before, after, _ := strings.Cut(line, " - ")
		f, typ := strings.Fields(before), strings.Fields(after)
		if len(f) > 4 && len(typ) > 0 {
			inv[fmt.Sprintf("mount %s (%s, id %s)", f[4], typ[0], f[0])] = true
		}
	}
	return inv
}

// added lists what is in now and not in inv.
func (inv inventory) added(now inventory) []string {
	var res []string
	for _, name := range slices.Sorted(maps.Keys(now)) {
		if !inv[name] {
			res = append(res, name)
		}
	}
	return res
}

// leftovers lists what the program left behind and is still there after
// settleTime.
func (inv inventory) leftovers() ([]string, error) {
	deadline := time.Now().Add(settleTime)
	for {
		reap()
		left, err := userProcesses()
		if err != nil {
			return nil, err
		}
		now, err := takeInventory()
		if err != nil {
			return nil, err
		}
		left = append(left, inv.added(now)...)
		if len(left) == 0 || time.Now().After(deadline) {
			return left, nil
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// userProcesses lists the processes besides this one that have a program;
// kernel threads and the dead have none.
func userProcesses() ([]string, error) {
	dirs, err := filepath.Glob("/proc/[0-9]*")
	if err != nil {
		return nil, fmt.Errorf("list processes: %w", err)
	}
	var res []string
	for _, d := range dirs {
		exe, err := os.Readlink(d + "/exe")
		if err != nil || d == "/proc/1" {
			continue
		}
		text := exe
		if args, err := os.ReadFile(d + "/cmdline"); err == nil && len(args) > 0 {
			text = string(bytes.ReplaceAll(bytes.TrimRight(args, "\x00"), []byte{0}, []byte{' '}))
		}
		res = append(res, fmt.Sprintf("process %s (%s)", filepath.Base(d), text))
	}
	return res, nil
}
