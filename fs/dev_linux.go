package fs

import (
	"strconv"
	"syscall"

	"github.com/sandkit/sandkit/internal/program"
	"github.com/sandkit/sandkit/internal/sys"
)

// devNodes are the only devices inside, with their numbers.
var devNodes = []struct {
	name         string
	major, minor uint32
}{
	{"null", 1, 3}, {"zero", 1, 5}, {"full", 1, 7}, {"random", 1, 8}, {"urandom", 1, 9}, {"tty", 5, 0},
}

// devLinks are the links that programs expect.
var devLinks = []struct{ name, target string }{
	{"fd", "/proc/self/fd"},
	{"stdin", "/proc/self/fd/0"},
	{"stdout", "/proc/self/fd/1"},
	{"stderr", "/proc/self/fd/2"},
	{"ptmx", "pts/ptmx"},
}

const (
	devSize  = 64 << 10 // Docker's
	shmSize  = 64 << 20 // Docker's --shm-size
	ttyGroup = 5        // the group of terminals on every distribution
)

// mountDev makes a /dev of the sandbox's own.
func (t *Tree) mountDev(q *program.Sequence) {
	q.Stage(StageDev, "/dev")
	t.dev = scratch(q, devSize, 0o755, sys.MOUNT_ATTR_NOSUID|sys.MOUNT_ATTR_NOEXEC)
	q.MoveMount(t.dev, program.Cwd, parkDev)
	for _, n := range devNodes {
		t.node(q, n.name, n.major, n.minor)
	}
	for _, l := range devLinks {
		q.Symlinkat(l.target, t.dev, l.name)
	}
	q.Mkdirat(t.dev, "pts", 0o755)
	t.empty = q.Openat(t.dev, "pts", sys.O_PATH|sys.O_DIRECTORY, 0)
	t.pts = q.NewMount("devpts", sys.MOUNT_ATTR_NOSUID|sys.MOUNT_ATTR_NOEXEC, t.ptsOptions()...)
	q.MoveMount(t.pts, t.dev, "pts")
	t.under(q, "shm", scratch(q, shmSize, 0o1777, kernelMount))
}

// mountQueues shows the POSIX message queues of the IPC namespace.
func (t *Tree) mountQueues(q *program.Sequence) {
	q.Stage(StageDev, "/dev/mqueue")
	if t.ForeignIPC && !t.Privileged {
		// The queues of a namespace that belongs to somebody else can only be
		// shown as they are on the host, if they are.
		q.Mkdirat(t.dev, "mqueue", 0o755)
		m := q.OpenTree(program.Cwd, "/dev/mqueue", true).Ignore(syscall.ENOENT)
		q.MoveMount(m, t.dev, "mqueue").Ignore(syscall.EBADF)
		return
	}
	t.under(q, "mqueue", q.NewMount("mqueue", kernelMount))
}

// node makes a device node, or shows the host's where that is not allowed.
func (t *Tree) node(q *program.Sequence, name string, major, minor uint32) {
	if t.Privileged {
		q.Mknodat(t.dev, name, sys.S_IFCHR|0o666, major<<8|minor)
		return
	}
	src := q.OpenTree(program.Cwd, "/dev/"+name, false)
	q.MountSetattr(src, "", false, program.MountAttr{Set: sys.MOUNT_ATTR_NOSUID | sys.MOUNT_ATTR_NOEXEC})
	q.Mknodat(t.dev, name, sys.S_IFREG|0o666, 0)
	q.MoveMount(src, t.dev, name)
}

func (t *Tree) ptsOptions() []program.Option {
	o := []program.Option{{Key: "ptmxmode", Value: "0666"}, {Key: "mode", Value: "0620"}}
	if gid, ok := t.Owner.GID(ttyGroup); ok {
		o = append(o, program.Option{Key: "gid", Value: strconv.FormatUint(uint64(gid), 10)})
	}
	return o
}

func (t *Tree) under(q *program.Sequence, name string, mount program.FD) {
	q.Mkdirat(t.dev, name, 0o755)
	q.MoveMount(mount, t.dev, name)
}
