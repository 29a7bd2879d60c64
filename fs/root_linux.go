package fs

import (
	"os"
	"strconv"
	"syscall"

	"github.com/sandkit/sandkit/internal/program"
	"github.com/sandkit/sandkit/internal/sys"
)

// Limits on the number of files: a scratch layer has an inode for each 8 KiB,
// at least this many.
const minInodes = 1024

// scratch makes a tmpfs of limited size.
func scratch(q *program.Sequence, size int64, mode uint32, attr uint64) program.FD {
	return q.NewMount("tmpfs", attr,
		program.Option{Key: "size", Value: strconv.FormatInt(max(size, int64(os.Getpagesize())), 10)},
		program.Option{Key: "nr_inodes", Value: strconv.FormatInt(max(size/8192, minInodes), 10)},
		program.Option{Key: "mode", Value: strconv.FormatUint(uint64(mode), 8)})
}

// park and parkDev are where mounts are attached until the root is complete:
// directories that every procfs has (since Linux 2.4) and that hide nothing that
// could be the source of a mount. They must not be "/": what is mounted over
// the old root would be taken for it, and go in its place, when that is
// detached at the end. /dev has its own, because it could not be moved into a
// root that lies on top of it.
const park, parkDev = "/proc/driver", "/proc/fs"

// attach mounts something outside of the root that is being assembled.
func attach(q *program.Sequence, mount program.FD) { q.MoveMount(mount, program.Cwd, park) }

// stage makes the private space outside of the root, size bytes large. It has
// to come before the root: of two mounts, the later hides the earlier one.
func (t *Tree) stage(q *program.Sequence, size int64) {
	if size == 0 {
		return
	}
	t.staging = scratch(q, size, 0o700, userMount)
	attach(q, t.staging)
}

// rootMount are the attributes of a root that is a directory.
func (t *Tree) rootMount() uint64 {
	if t.SetUID {
		return userMount &^ sys.MOUNT_ATTR_NOSUID
	}
	return userMount
}

// directory makes the directory itself the root.
func (t *Tree) directory(q *program.Sequence) {
	t.stage(q, t.stagedSize())
	t.root = q.OpenTree(program.Cwd, t.Root.Dir, true)
	q.MountSetattr(t.root, "", true, program.MountAttr{Set: t.rootMount()})
	t.idmap(q, t.root, true)
	attach(q, t.root)
}

// overlay makes the directory the lower layer of an overlay. Its layers are
// named by paths relative to the staging directory, so that no character in a
// host path means anything to overlayfs.
func (t *Tree) overlay(q *program.Sequence) {
	lower := q.OpenTree(program.Cwd, t.Root.Dir, false)
	t.idmap(q, lower, false)
	t.stage(q, t.Root.scratch()+t.stagedSize())
	s := t.staging
	for _, name := range []string{"lower", "work", "root"} {
		q.Mkdirat(s, name, 0o700)
	}
	t.upper(q, s)
	q.MoveMount(lower, s, "lower")
	q.Fchdir(s)
	t.root = q.NewMount("overlay", t.rootMount(), t.overlayOptions()...)
	q.MoveMount(t.root, s, "root")
}

// upper makes the upper directory, which lends the root its owner and mode.
func (t *Tree) upper(q *program.Sequence, staging program.FD) {
	q.Mkdirat(staging, "upper", t.host.RootMode)
	uid, ok1 := t.Owner.UID(t.host.RootUID)
	gid, ok2 := t.Owner.GID(t.host.RootGID)
	if rootUID, rootGID := t.Owner.rootIDs(); ok1 && ok2 && (uid != rootUID || gid != rootGID) {
		q.Fchownat(staging, "upper", uid, gid)
	}
}

func (t *Tree) overlayOptions() []program.Option {
	o := []program.Option{{Key: "lowerdir", Value: "lower"}, {Key: "upperdir", Value: "upper"}, {Key: "workdir", Value: "work"}}
	if !t.Privileged {
		// Trusted attributes are for the host's root (Linux 5.11).
		o = append(o, program.Option{Key: "userxattr"})
	}
	return o
}

// idmap lets files show the owners inside that they have outside.
func (t *Tree) idmap(q *program.Sequence, mount program.FD, recursive bool) {
	if t.IDMap == nil {
		return
	}
	r := q.MountSetattr(mount, "", recursive, program.MountAttr{Set: sys.MOUNT_ATTR_IDMAP, UserNS: *t.IDMap})
	if t.LooseIDMap {
		r.Ignore(syscall.EINVAL)
	}
}
