package fs

import (
	"github.com/sandkit/sandkit/internal/program"
	"github.com/sandkit/sandkit/internal/sys"
)

// bind shows a file or directory of the host. The source is opened once and
// mounted by descriptor.
func (t *Tree) bind(q *program.Sequence, m *Mount) {
	src := q.OpenTree(program.Cwd, m.Source, !m.Flat)
	q.MountSetattr(src, "", !m.Flat, program.MountAttr{Set: m.attrs()})
	if !m.HostOwners {
		t.idmap(q, src, !m.Flat)
	}
	q.MoveMount(src, t.target(q, m.Target, t.host.Dirs[m.Source]), "")
}

func (t *Tree) target(q *program.Sequence, target string, isDir bool) program.FD {
	if isDir {
		return t.dir(q, target)
	}
	return t.entry(q, target)
}

// tmpfs gives an empty directory in memory.
func (t *Tree) tmpfs(q *program.Sequence, m *Mount) {
	mount := scratch(q, m.size(), permission(m.mode()), m.attrs()&^sys.MOUNT_ATTR_RDONLY)
	t.own(q, mount, ".", m)
	q.MoveMount(mount, t.dir(q, m.Target), "")
	if m.ReadOnly {
		q.MountSetattr(mount, "", false, program.MountAttr{Set: sys.MOUNT_ATTR_RDONLY})
	}
}

// own gives a new file to the user and group that the mount names.
func (t *Tree) own(q *program.Sequence, dir program.FD, name string, m *Mount) {
	if m.UID == 0 && m.GID == 0 {
		return
	}
	uid, _ := t.Owner.UID(m.UID)
	gid, _ := t.Owner.GID(m.GID)
	q.Fchownat(dir, name, uid, gid)
}
