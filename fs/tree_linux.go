package fs

import (
	"io"

	"github.com/sandkit/sandkit/internal/program"
	"github.com/sandkit/sandkit/internal/sys"
)

// Stages of a Program that this package adds.
const (
	StageRoot  program.Stage = "root"
	StageMount program.Stage = "mount"
	StageDev   program.Stage = "dev"
	StageProc  program.Stage = "proc"
	StageMask  program.Stage = "mask"
	StagePivot program.Stage = "pivot"
)

// kernelMount are the attributes of mounts that hold no files of a user.
const kernelMount = sys.MOUNT_ATTR_NOSUID | sys.MOUNT_ATTR_NODEV | sys.MOUNT_ATTR_NOEXEC

// userMount are the attributes that every other mount has at least.
const userMount = sys.MOUNT_ATTR_NOSUID | sys.MOUNT_ATTR_NODEV

// A Tree is the file system of one sandbox. Its methods append to the Init
// sequence, in the order Begin, Devices, Kernel, Build, Finish; before Kernel,
// process 1 joins the namespaces that the mounts of the kernel's file systems
// show.
type Tree struct {
	Root   Root
	Mounts []Mount
	Proc   Proc
	// Masked and ReadOnly are paths inside that are hidden, or protected from
	// writing; nil means DefaultMasked and DefaultReadOnly.
	Masked, ReadOnly []string

	// IDMap is the passed user namespace for idmapped mounts; nil: there are
	// none.
	IDMap *program.FD
	// LooseIDMap lets a mount be that cannot be idmapped.
	LooseIDMap bool
	// Owner translates ids inside to what process 1 calls them. Id 0 of both
	// owns what is made for the sandbox.
	Owner Owner
	// Privileged tells that process 1 is the host's root: it makes device nodes
	// and writes trusted extended attributes.
	Privileged bool
	// LayerMounts are passed mounts of layers of the root, by their numbers, of
	// which copies are used (Linux 6.15).
	LayerMounts map[int]program.FD
	// Dirs are directories that are made when they are missing.
	Dirs []string
	// Files opens a regular file of the layers of the root; nil: there are none.
	Files func(name string) (io.ReadCloser, error)
	// HostRoot tells that user 0 inside is the host's.
	HostRoot bool
	// SetUID honours set-user-ID bits and file capabilities of a root that is a
	// directory of its own. The host's tools and mounts never do that.
	SetUID bool
	// ForeignNet and ForeignIPC tell that process 1 does not own the network or
	// IPC namespace, so that it may not be able to mount what shows it.
	ForeignNet, ForeignIPC bool

	host    Host
	root    program.FD // the assembled root
	changes program.FD // the upper directory of an overlay
	staging program.FD // private scratch space, outside of the root
	staged  int        // how many files are in it
	proc    program.FD
	sys     program.FD
	dev     program.FD
	pts     program.FD // the terminals
	empty   program.FD // a directory of /dev that lies under a mount
	done    []string   // targets that are mounted
}

// Owner translates ids inside the sandbox to those that process 1 uses; false
// when there is none.
type Owner struct {
	UID, GID func(inside uint32) (uint32, bool)
}

// rootIDs are what process 1 calls the sandbox's user and group 0.
func (o Owner) rootIDs() (uid, gid uint32) {
	uid, _ = o.UID(0)
	gid, _ = o.GID(0)
	return uid, gid
}

// Begin mounts the PID namespace's procfs, detached, and gives it: the id maps
// are written through it.
func (t *Tree) Begin(q *program.Sequence) program.FD {
	q.Stage(StageProc, "/proc")
	t.proc = q.NewMount("proc", kernelMount, t.Proc.options()...)
	return t.proc
}

// Devices prepares /proc and /dev beside the root, which is still to come. This
// and Kernel are the same for most sandboxes, and can be done ahead of time.
func (t *Tree) Devices(q *program.Sequence) {
	q.Stage(StageDev, "")
	q.Umask(0)
	t.become(q)
	t.mountDev(q)
	for _, name := range asideDirs {
		q.Mkdirat(t.dev, name, 0o700)
	}
	q.MoveMount(t.proc, t.dev, asideProc)
	t.protect(q, "/proc")
}

// Until there is a root, the other file systems of the kernel wait in
// directories of /dev.
const asideProc, asideSys = ".proc", ".sys"

var asideDirs = []string{asideProc, asideSys}

// Kernel prepares what shows the sandbox's namespaces.
func (t *Tree) Kernel(q *program.Sequence) {
	t.mountQueues(q)
	t.mountSys(q)
	t.protect(q, "/sys")
}

// Build assembles the root with all mounts in it.
func (t *Tree) Build(q *program.Sequence) {
	q.Stage(StageRoot, t.Root.place())
	switch {
	case t.Root.hasOverlay():
		t.overlay(q)
	case t.Root.Writable:
		t.directory(q)
	default:
		t.hostTools(q)
	}
	for i, mount := range []program.FD{t.proc, t.sys, t.dev} {
		q.Stage(StageRoot, "/"+kernelDirs[i])
		q.MoveMount(mount, t.plainDir(q, kernelDirs[i]), "")
	}
	for i := range t.Mounts {
		t.mount(q, &t.Mounts[i])
	}
	for _, d := range t.Dirs {
		q.Stage(StageRoot, d)
		t.dir(q, d)
	}
	t.protect(q, "")
	for _, name := range asideDirs {
		q.Rmdirat(t.dev, name)
	}
}

// kernelDirs are where the kernel's file systems are mounted.
var kernelDirs = []string{"proc", "sys", "dev"}

// become makes process 1 own what it makes as the sandbox's root does, while
// it keeps its rights over files (SECBIT_NO_SETUID_FIXUP).
func (t *Tree) become(q *program.Sequence) {
	uid, gid := t.Owner.rootIDs()
	if uid == 0 && gid == 0 {
		return
	}
	q.Prctl(sys.PR_SET_SECUREBITS, sys.SECBIT_NO_SETUID_FIXUP, 0)
	q.Setfsgid(gid)
	q.Setfsuid(uid)
}

// Finish makes the assembled tree the root and lets go of the host's.
func (t *Tree) Finish(q *program.Sequence) {
	q.Stage(StagePivot, "/")
	q.Fchdir(t.root)
	q.PivotRoot(".", ".")
	q.Detach(".")
	q.Chdir("/")
	if t.Root.ReadOnly {
		q.MountSetattr(program.Cwd, "/", false, program.MountAttr{Set: sys.MOUNT_ATTR_RDONLY})
	}
}

// Kept are descriptors of the assembled root directory and, when the root is
// copied on write, of the directory with the changes.
func (t *Tree) Kept() []program.FD {
	if t.Root.hasOverlay() {
		return []program.FD{t.root, t.changes}
	}
	return []program.FD{t.root}
}

// mount adds one mount of the user's.
func (t *Tree) mount(q *program.Sequence, m *Mount) {
	q.Stage(StageMount, m.Target)
	switch m.Type {
	case TypeBind:
		t.bind(q, m)
	case TypeTmpfs:
		t.tmpfs(q, m)
	case TypeFile:
		t.file(q, m)
	case TypeVolume:
		t.volume(q, m)
	}
	t.done = append(t.done, m.Target)
}

// covered tells whether a target lies on something that is mounted already.
func (t *Tree) covered(target string) bool {
	for _, d := range t.done {
		if inside(target, d) {
			return true
		}
	}
	return false
}

// attrs are the attributes of a user's mount.
func (m *Mount) attrs() uint64 {
	a := uint64(userMount)
	if m.ReadOnly {
		a |= sys.MOUNT_ATTR_RDONLY
	}
	if m.NoExec {
		a |= sys.MOUNT_ATTR_NOEXEC
	}
	return a
}
