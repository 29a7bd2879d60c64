package fs

import (
	iofs "io/fs"
	"os"
	"path"
	"strconv"
	"syscall"

	"github.com/sandkit/sandkit/internal/program"
	"github.com/sandkit/sandkit/internal/sys"
)

// file puts a file with given content into the root. Where that would write
// to the host's disk, or where the file has to have properties of a mount, it
// lies in the staging space and is mounted.
func (t *Tree) file(q *program.Sequence, m *Mount) {
	if t.plain(m) {
		// Nothing that is mounted may lie on the way, also not behind a link.
		parent := t.dirBy(q, path.Dir(m.Target), resolveTarget|sys.RESOLVE_NO_XDEV)
		q.Unlinkat(parent, path.Base(m.Target)).Ignore(syscall.ENOENT)
		t.write(q, parent, path.Base(m.Target), m)
		return
	}
	name := "file" + strconv.Itoa(t.staged)
	t.staged++
	t.write(q, t.staging, name, m)
	src := q.OpenTree(t.staging, name, false)
	q.MountSetattr(src, "", false, program.MountAttr{Set: m.attrs()})
	q.MoveMount(src, t.entry(q, m.Target), "")
}

// plain tells whether a file can be written straight into the root.
func (t *Tree) plain(m *Mount) bool {
	return !t.Root.Writable && !m.ReadOnly && !m.NoExec && !t.covered(m.Target) && !inside(m.Target, "/dev")
}

// write makes a new file; one that exists is an error, and a link is never
// followed.
func (t *Tree) write(q *program.Sequence, dir program.FD, name string, m *Mount) {
	f := q.Openat(dir, name, sys.O_WRONLY|sys.O_CREAT|sys.O_EXCL|sys.O_NOFOLLOW, permission(m.mode()))
	if len(m.Content) > 0 {
		q.Write(f, string(m.Content))
	}
	q.Close(f)
	t.own(q, dir, name, m)
}

// stagedSize is how much space the files need that are mounted.
func (t *Tree) stagedSize() int64 {
	page := int64(os.Getpagesize())
	size := int64(0)
	done := t.done
	for i := range t.Mounts {
		m := &t.Mounts[i]
		if m.Type == TypeFile && !t.plain(m) {
			size += (int64(len(m.Content))/page + 2) * page
		}
		t.done = append(t.done, m.Target)
	}
	t.done = done
	return size
}

// permission gives a mode's bits as system calls take them.
func permission(m iofs.FileMode) uint32 {
	bits := uint32(m.Perm())
	if m&iofs.ModeSticky != 0 {
		bits |= 0o1000
	}
	return bits
}
