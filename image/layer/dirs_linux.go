package layer

import (
	"container/list"
	"errors"
	"os"
	"syscall"

	"github.com/sandkit/sandkit/internal/sys"
)

// maxOpen is how many directories are kept open. The way to a directory is one
// component from an open one, so that no path is ever longer than a name.
const maxOpen = 64

// openDir is a directory that is open.
type openDir struct {
	fd   *sys.FD
	elem *list.Element // in the list of open ones, the last used first
}

// dirs holds open directories. The root is another's and stays open.
type dirs struct {
	root *os.File
	used *list.List // of *node
	pin  *node      // stays open
}

func newDirs(root *os.File) dirs { return dirs{root: root, used: list.New()} }

// open gives a descriptor of a directory, which holds until the next call.
func (b *dirBackend) open(n *node) (int, error) {
	if n.parent == nil {
		return int(b.dirs.root.Fd()), nil
	}
	if n.open != nil {
		b.dirs.used.MoveToFront(n.open.elem)
		return n.open.fd.Int(), nil
	}
	parent, err := b.open(n.parent)
	if err != nil {
		return -1, err
	}
	const flags = sys.O_RDONLY | sys.O_DIRECTORY | sys.O_NOFOLLOW
	fd, err := sys.Openat(parent, n.name, flags)
	if errors.Is(err, syscall.EACCES) && n.lower {
		fd, err = b.forceOpen(parent, n, flags)
	}
	if err != nil {
		return -1, os.NewSyscallError("open directory", err)
	}
	n.open = &openDir{fd: fd}
	n.open.elem = b.dirs.used.PushFront(n)
	if b.dirs.used.Len() > maxOpen {
		oldest := b.dirs.used.Back()
		if oldest.Value == b.dirs.pin {
			oldest = oldest.Prev()
		}
		if n, ok := oldest.Value.(*node); ok {
			b.forget(n)
		}
	}
	return fd.Int(), nil
}

// forceOpen opens a directory of a lower layer that its owner, who is not
// root, has no permission for; it gets its mode back at the end.
func (b *dirBackend) forceOpen(parent int, n *node, flags int) (*sys.FD, error) {
	if err := save(n, parent, n.name); err != nil {
		return nil, err
	}
	path, err := sys.Openat(parent, n.name, sys.O_PATH|sys.O_NOFOLLOW)
	if err != nil {
		return nil, err
	}
	err = sys.ChmodPath(sys.FdPath(path.Int()), n.meta.mode|0o700)
	path.Close()
	if err != nil {
		return nil, err
	}
	n.touch()
	return sys.Openat(parent, n.name, flags)
}

// save keeps a lower directory's mode and times, to be restored at the end.
func save(n *node, fd int, name string) error {
	if n.meta != nil {
		return nil
	}
	st, err := sys.Fstatat(fd, name)
	if err != nil {
		return os.NewSyscallError("stat", err)
	}
	n.meta = &meta{mode: st.Mode & 0o7777, sec: st.MtimeSec, nsec: st.MtimeNs}
	n.restore = true
	return nil
}

// forget closes a directory.
func (b *dirBackend) forget(n *node) {
	if n.open != nil {
		b.dirs.used.Remove(n.open.elem)
		n.open.fd.Close()
		n.open = nil
	}
}

// closeAll closes every directory.
func (b *dirBackend) closeAll() {
	for e := b.dirs.used.Front(); e != nil; e = b.dirs.used.Front() {
		n, _ := e.Value.(*node)
		b.forget(n)
	}
}

// entry opens the directory that something is about to be put into, or taken
// from. That changes its time, which is restored at the end.
func (b *dirBackend) entry(dir *node) (int, error) {
	dir.touch()
	fd, err := b.open(dir)
	if err != nil || !dir.lower {
		return fd, err
	}
	if err := save(dir, fd, ""); err != nil {
		return -1, err
	}
	if dir.restore && b.o.Rootless && dir.meta.mode&0o700 != 0o700 {
		err = sys.Fchmod(fd, dir.meta.mode|0o700)
	}
	return fd, err
}
