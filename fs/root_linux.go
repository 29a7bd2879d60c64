package fs

import (
	"os"
	"strconv"
	"strings"
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

// overlay makes the directory, or the layers, the lower ones of an overlay.
// They are named by paths relative to the staging directory, so that no
// character in a host path means anything to overlayfs.
func (t *Tree) overlay(q *program.Sequence) {
	lowers := t.lowers(q)
	t.stage(q, t.Root.scratch()+t.stagedSize())
	s := t.staging
	for _, name := range []string{"work", "root"} {
		q.Mkdirat(s, name, 0o700)
	}
	t.upper(q, s)
	for i, lower := range lowers {
		q.Mkdirat(s, lowerName(i), 0o700)
		q.MoveMount(lower, s, lowerName(i))
	}
	q.Fchdir(s)
	t.root = q.NewMount("overlay", t.rootMount(), t.overlayOptions(len(lowers))...)
	q.MoveMount(t.root, s, "root")
	t.changes = q.Openat(s, "upper", sys.O_PATH|sys.O_DIRECTORY, 0)
}

// lowers makes mounts of what lies below the overlay, the lowest first.
func (t *Tree) lowers(q *program.Sequence) []program.FD {
	layers := t.Root.Layers
	if t.Root.Dir != "" {
		layers = []Layer{{Source: t.Root.Dir}}
	}
	var lowers []program.FD
	for i, l := range layers {
		var fd program.FD
		if mount, ok := t.LayerMounts[i]; ok {
			fd = q.OpenTree(mount, "", false)
		} else if l.Type == "" {
			fd = q.OpenTree(program.Cwd, l.Source, false)
		} else {
			fd = q.NewMount(l.Type, sys.MOUNT_ATTR_RDONLY, program.Option{Key: "source", Value: l.Source}, program.Option{Key: "ro"})
		}
		t.idmap(q, fd, false)
		lowers = append(lowers, fd)
	}
	return lowers
}

// lowerName is the name of a lower layer's mount point. One byte each: all of
// them go into one option of at most 255 bytes.
func lowerName(i int) string {
	const plain = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
	if i < len(plain) {
		return plain[i : i+1]
	}
	return string([]byte{byte(0x80 + i - len(plain))})
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

func (t *Tree) overlayOptions(lowers int) []program.Option {
	names := make([]string, lowers)
	for i := range names {
		names[lowers-1-i] = lowerName(i) // the uppermost comes first
	}
	o := []program.Option{{Key: "lowerdir", Value: strings.Join(names, ":")}, {Key: "upperdir", Value: "upper"}, {Key: "workdir", Value: "work"}}
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
