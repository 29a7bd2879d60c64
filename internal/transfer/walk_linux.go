package transfer

import (
	"context"
	"errors"
	"os"
	"path"
	"slices"
	"syscall"
	"time"

	"github.com/sandkit/sandkit/internal/sys"
)

// An item is something that is copied out.
type item struct {
	name     string // its last component; empty for a directory of which only the content counts
	path     string // from the top of what is copied
	st       sys.Stat
	uid, gid uint32 // inside
}

func (i *item) kind() uint32     { return i.st.Mode & sys.S_IFMT }
func (i *item) mtime() time.Time { return time.Unix(i.st.MtimeSec, i.st.MtimeNs) }

// A visitor takes what a walk finds, each directory before what is in it.
type visitor interface {
	enter(i *item) error
	leave(i *item) error
	file(ctx context.Context, i *item, f *os.File) error
	link(i *item, first string) error // another name of a file that came before
	symlink(i *item, to string) error
	special(i *item) error // FIFO, device, socket
}

// A walk goes through a tree that may change at any time. Everything is first
// opened without effect (O_PATH) and only then looked at, so that it cannot be
// exchanged any more.
type walk struct {
	*chain
	ids   IDs
	to    visitor
	seen  map[inode]string // files with several names
	above []string         // the names of the directories that the walk is in
}

type inode struct{ dev, ino uint64 }

// copyTree gives a visitor what f, which was opened with O_PATH, stands for
// and all below, under a name. It closes f.
func copyTree(ctx context.Context, f *os.File, st sys.Stat, name string, ids IDs, to visitor) error {
	w := &walk{chain: begin(f), ids: ids, to: to, seen: make(map[inode]string)}
	defer w.close()
	return w.visit(ctx, f, name, st)
}

// item describes what was opened.
func (w *walk) item(name string, st sys.Stat) *item {
	i := &item{name: name, st: st, path: path.Join(path.Join(w.above...), name)}
	i.uid, i.gid = w.ids.Inside.shown(st.UID, st.GID)
	return i
}

// visit passes one thing on, and closes it.
func (w *walk) visit(ctx context.Context, f *os.File, name string, st sys.Stat) error {
	i := w.item(name, st)
	err := context.Cause(ctx)
	if err == nil && i.kind() == sys.S_IFDIR {
		dir, err := reopen(int(f.Fd()), st.Mode, name)
		f.Close() // deep trees must not take a descriptor for each level
		if err != nil {
			return named(i.path, err)
		}
		return w.directory(ctx, dir, i)
	}
	defer f.Close()
	if err != nil {
		return err
	}
	switch i.kind() {
	case sys.S_IFREG:
		err = w.file(ctx, int(f.Fd()), i)
	case sys.S_IFLNK:
		var to string
		if to, err = sys.Readlink(int(f.Fd())); err == nil {
			err = w.to.symlink(i, to)
		}
	default:
		err = w.to.special(i)
	}
	return named(i.path, err)
}

func (w *walk) file(ctx context.Context, fd int, i *item) error {
	id := inode{i.st.Device, i.st.Inode}
	if first, ok := w.seen[id]; ok {
		return w.to.link(i, first)
	}
	f, err := reopen(fd, i.st.Mode, i.name)
	if err != nil {
		return err
	}
	defer f.Close()
	if err := w.to.file(ctx, i, f); err != nil {
		return err
	}
	if i.st.Links > 1 {
		w.seen[id] = i.path
	}
	return nil
}

func (w *walk) directory(ctx context.Context, dir *os.File, i *item) error {
	if err := w.push(dir); err != nil {
		return named(i.path, err)
	}
	if err := w.to.enter(i); err != nil {
		return named(i.path, err)
	}
	w.above = append(w.above, i.name)
	if err := w.children(ctx, i); err != nil {
		return err
	}
	w.above = w.above[:len(w.above)-1]
	return named(i.path, errors.Join(w.pop(nil), w.to.leave(i)))
}

// children visits what is in the current directory. What vanishes meanwhile is
// left out.
func (w *walk) children(ctx context.Context, in *item) error {
	names, err := w.dir().Readdirnames(-1)
	if err != nil {
		return named(in.path, err)
	}
	slices.Sort(names)
	for _, name := range names {
		if err := w.child(ctx, name); err != nil {
			return err
		}
	}
	return nil
}

func (w *walk) child(ctx context.Context, name string) error {
	fd, err := sys.Openat(w.fd(), name, sys.O_PATH|sys.O_NOFOLLOW)
	if errors.Is(err, syscall.ENOENT) {
		return nil
	}
	if err != nil {
		return named(path.Join(path.Join(w.above...), name), err)
	}
	f := fd.File(name)
	st, err := sys.Fstatat(int(f.Fd()), "")
	if err != nil {
		f.Close()
		return named(path.Join(path.Join(w.above...), name), err)
	}
	return w.visit(ctx, f, name, st)
}
