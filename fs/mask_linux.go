package fs

import (
	"strings"
	"syscall"

	"github.com/sandkit/sandkit/internal/program"
	"github.com/sandkit/sandkit/internal/sys"
)

// protect hides paths, and protects others from writing: those below /proc, or
// below /sys, or, for "", all others.
func (t *Tree) protect(q *program.Sequence, top string) {
	masked, readOnly := t.Hidden()
	for _, p := range readOnly {
		if topOf(p) == top {
			t.readOnly(q, p)
		}
	}
	for _, p := range masked {
		if topOf(p) == top {
			t.mask(q, p)
		}
	}
}

// topOf tells which of the kernel's file systems a path lies in.
func topOf(p string) string {
	for _, top := range []string{"/proc", "/sys"} {
		if inside(p, top) && p != top {
			return top
		}
	}
	return ""
}

// Hidden gives the paths that are hidden, and those protected from writing.
func (t *Tree) Hidden() (masked, readOnly []string) {
	masked, readOnly = t.Masked, t.ReadOnly
	if masked == nil {
		masked = t.shown(t.host.Kernel.Masked)
	}
	if readOnly == nil {
		readOnly = t.shown(t.host.Kernel.ReadOnly)
	}
	return masked, readOnly
}

// shown leaves out what this sandbox's /proc does not have, and what nobody
// inside could read anyway, as it belongs to the host's root alone.
func (t *Tree) shown(paths []KernelPath) []string {
	list := make([]string, 0, len(paths))
	for _, p := range paths {
		if t.Proc.PIDOnly && topOf(p.Path) == "/proc" || p.RootOnly && !t.HostRoot {
			continue
		}
		list = append(list, p.Path)
	}
	return list
}

// place gives the directory descriptor and the path relative to it that lead
// to a path inside. The kernel's file systems, which are trusted, are named by
// their mounts; for everything else the file is opened first.
func (t *Tree) place(q *program.Sequence, p string) (dir program.FD, rel string) {
	for _, k := range []struct {
		at    string
		mount program.FD
	}{{"/proc/", t.proc}, {"/sys/", t.sys}} {
		if rel, ok := strings.CutPrefix(p, k.at); ok {
			return k.mount, rel
		}
	}
	f := q.Openat2(t.root, strings.TrimPrefix(p, "/"), sys.O_PATH, resolveTarget).Ignore(syscall.ENOENT, syscall.ENOTDIR)
	return f, ""
}

// missing are the errors that mean that there is nothing to protect.
var missing = []syscall.Errno{syscall.ENOENT, syscall.EBADF}

func (t *Tree) readOnly(q *program.Sequence, p string) {
	q.Stage(StageMask, p)
	dir, rel := t.place(q, p)
	m := q.OpenTree(dir, rel, true).Ignore(missing...)
	q.MountSetattr(m, "", true, program.MountAttr{Set: kernelMount | sys.MOUNT_ATTR_RDONLY}).Ignore(missing...)
	q.MoveMount(m, dir, rel).Ignore(missing...)
}

// mismatch are the errors of mounting a file on a directory or the reverse.
var mismatch = append([]syscall.Errno{syscall.ENOTDIR, syscall.EINVAL}, missing...)

// mask puts the null device over a file and an empty directory over a
// directory. Which of them it is, is known for the kernel's paths; for others
// one of two attempts fails.
func (t *Tree) mask(q *program.Sequence, p string) {
	q.Stage(StageMask, p)
	isDir, known := t.host.Kernel.Dirs[p]
	dir, rel := t.place(q, p)
	if !known || !isDir {
		q.MoveMount(q.OpenTree(t.dev, "null", false), dir, rel).Ignore(mismatch...)
	}
	if !known || isDir {
		q.MoveMount(t.emptyDir(q), dir, rel).Ignore(mismatch...)
	}
}

// emptyDir gives a mount of an empty directory: the one that another mount
// covers, so that nobody can reach it to write to it.
func (t *Tree) emptyDir(q *program.Sequence) program.FD {
	m := q.OpenTree(t.empty, "", false)
	q.MountSetattr(m, "", false, program.MountAttr{Set: kernelMount | sys.MOUNT_ATTR_RDONLY})
	return m
}
