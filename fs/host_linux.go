package fs

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
)

// Host is what a plan has to know about the host's files. It is read anew for
// every sandbox, but for the kernel's own files, which do not change.
type Host struct {
	// Tools are the entries of the host-tools root, in order.
	Tools []Tool
	// Dirs tells which sources of bind mounts are directories.
	Dirs map[string]bool
	// Mode and owner of the root directory.
	RootMode         uint32
	RootUID, RootGID uint32
	// Kernel has the paths to hide or protect that exist in /proc and /sys.
	Kernel KernelPaths
}

// An Error tells which file of a sandbox cannot be had.
type Error struct {
	Stage string // "root" or "mount"
	Path  string // inside the sandbox, or the root directory
	Err   error
}

// Error gives all three.
func (e *Error) Error() string { return fmt.Sprintf("%s %s: %v", e.Stage, e.Path, e.Err) }

// Unwrap gives the cause.
func (e *Error) Unwrap() error { return e.Err }

// Inspect looks at what the mounts and the root are on the host, and puts the
// mounts in order: what lies in another mount comes after it.
func (t *Tree) Inspect() error {
	t.host = Host{Dirs: make(map[string]bool), Kernel: kernelPaths()}
	t.Masked, t.ReadOnly = expand(t.Masked), expand(t.ReadOnly)
	for i := range t.Mounts {
		m := &t.Mounts[i]
		m.Target = filepath.Clean(m.Target)
		if m.Type != TypeBind && !m.isFound() {
			continue
		}
		isDir, err := m.isDir()
		if err != nil {
			return &Error{string(StageMount), m.Target, fmt.Errorf("source: %w", err)}
		}
		t.host.Dirs[m.from()] = isDir
	}
	slices.SortStableFunc(t.Mounts, func(a, b Mount) int {
		return strings.Count(a.Target, "/") - strings.Count(b.Target, "/")
	})
	switch {
	case t.Root.Dir != "":
		return t.inspectRoot()
	case len(t.Root.Layers) > 0:
		t.host.RootMode, t.host.RootUID, t.host.RootGID = t.Root.Mode, t.Root.UID, t.Root.GID
		if t.host.RootMode == 0 {
			t.host.RootMode = 0o755
		}
	default:
		t.host.Tools = hostTools()
	}
	return nil
}

func (t *Tree) inspectRoot() error {
	st, err := os.Stat(t.Root.Dir)
	if err == nil && !st.IsDir() {
		err = &os.PathError{Op: "open", Path: t.Root.Dir, Err: syscall.ENOTDIR}
	}
	if err != nil {
		return &Error{string(StageRoot), t.Root.Dir, err}
	}
	if sys, ok := st.Sys().(*syscall.Stat_t); ok {
		t.host.RootMode = sys.Mode & 0o7777
		t.host.RootUID, t.host.RootGID = sys.Uid, sys.Gid
	}
	return nil
}
