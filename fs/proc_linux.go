package fs

import (
	"syscall"

	"github.com/sandkit/sandkit/internal/program"
	"github.com/sandkit/sandkit/internal/sys"
)

func (p Proc) options() []program.Option {
	if p.PIDOnly {
		return []program.Option{{Key: "subset", Value: "pid"}}
	}
	return nil
}

// plainDir opens a directory right below the root that must not be a link.
func (t *Tree) plainDir(q *program.Sequence, name string) program.FD {
	q.Mkdirat(t.root, name, 0o755).Ignore(syscall.EEXIST)
	return q.Openat2(t.root, name, sys.O_PATH|sys.O_DIRECTORY, resolvePlain)
}

// mountSys shows the part of the sysfs that belongs to the sandbox's network
// namespace; of a foreign one an ordinary user may only show the host's mount.
func (t *Tree) mountSys(q *program.Sequence) {
	q.Stage(StageProc, "/sys")
	if t.ForeignNet && !t.Privileged {
		t.sys = q.OpenTree(program.Cwd, "/sys", true)
		q.MountSetattr(t.sys, "", true, program.MountAttr{Set: kernelMount | sys.MOUNT_ATTR_RDONLY})
	} else {
		t.sys = q.NewMount("sysfs", kernelMount|sys.MOUNT_ATTR_RDONLY)
	}
	q.MoveMount(t.sys, t.dev, asideSys)
}
