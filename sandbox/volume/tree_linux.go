package volume

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"syscall"

	"github.com/sandkit/sandkit/internal/sys"
)

// A walk goes through a tree that programs have made, however deep it is: only
// the directory that it is in is open. It follows no link and enters no mount.
type walk struct {
	ctx    context.Context //nolint:containedctx // it ends with the call that made the walk
	remove bool
	cur    *sys.FD
	way    []place
	bytes  int64
	seen   map[inode]bool // of files with several names
}

// place is a directory on the way to the current one, and what is left to do
// there.
type place struct {
	id    inode
	name  string // in the one above
	names []string
}

type inode struct{ device, number uint64 }

// measure gives the bytes that a tree takes on the disk.
func measure(ctx context.Context, parent *os.File, name string) (int64, error) {
	w := &walk{ctx: ctx, seen: make(map[inode]bool)}
	err := w.run(parent, name)
	return w.bytes, err
}

// removeTree removes a tree and gives the bytes that it took; one that is not
// there is fine.
func removeTree(ctx context.Context, parent *os.File, name string) (int64, error) {
	w := &walk{ctx: ctx, remove: true, seen: make(map[inode]bool)}
	if err := w.run(parent, name); err != nil {
		return w.bytes, err
	}
	err := sys.Unlinkat(int(parent.Fd()), name, sys.AT_REMOVEDIR)
	if err != nil && !errors.Is(err, syscall.ENOENT) {
		return w.bytes, &os.PathError{Op: "remove", Path: name, Err: err}
	}
	return w.bytes, nil
}

// run walks.
func (w *walk) run(parent *os.File, name string) error {
	defer func() { w.cur.Close() }()
	err := w.enter(int(parent.Fd()), name)
	for err == nil && len(w.way) > 0 {
		if w.ctx.Err() != nil {
			return context.Cause(w.ctx)
		}
		err = w.step()
	}
	if err != nil && !errors.Is(err, syscall.ENOENT) { // or somebody else has removed it
		return fmt.Errorf("%s: %w", w.where(), err)
	}
	return nil
}

// where names the current directory.
func (w *walk) where() string {
	names := make([]string, len(w.way))
	for i := range w.way {
		names[i] = w.way[i].name
	}
	const shown = 1000
	s := strings.Join(names, "/")
	return s[:min(len(s), shown)]
}

// step handles one name, or goes back up.
func (w *walk) step() error {
	here := &w.way[len(w.way)-1]
	if len(here.names) == 0 {
		return w.leave()
	}
	name := here.names[0]
	here.names = here.names[1:]
	st, err := sys.Fstatat(w.cur.Int(), name)
	if err == nil && st.Mode&sys.S_IFMT == sys.S_IFDIR {
		err = w.enter(w.cur.Int(), name)
		if err != nil && !errors.Is(err, syscall.ENOENT) {
			err = &os.PathError{Op: "open", Path: name, Err: err}
		}
	} else if err == nil {
		w.count(st)
		if w.remove {
			err = sys.Unlinkat(w.cur.Int(), name, 0)
		}
	}
	if errors.Is(err, syscall.ENOENT) {
		return nil // somebody else was faster
	}
	return err
}

// count adds what a file takes, once.
func (w *walk) count(st sys.Stat) {
	if id := (inode{st.Device, st.Inode}); st.Links > 1 && st.Mode&sys.S_IFMT != sys.S_IFDIR {
		if w.seen[id] {
			return
		}
		w.seen[id] = true
	}
	const block = 512
	w.bytes += st.Blocks * block
}

// enter goes into a directory.
func (w *walk) enter(dir int, name string) error {
	fd, err := w.open(dir, name)
	if errors.Is(err, syscall.EXDEV) && !w.remove {
		return nil // another file system's
	}
	if errors.Is(err, syscall.EXDEV) {
		return ErrMounted
	}
	if err != nil {
		return err
	}
	st, err := sys.Fstatat(fd.Int(), "")
	if err == nil && w.cur == nil {
		w.cur, w.way = fd, []place{{name: name}}
	} else if err == nil {
		w.cur.Close()
		w.cur, w.way = fd, append(w.way, place{name: name})
	}
	if err != nil {
		fd.Close()
		return err
	}
	w.count(st)
	here := &w.way[len(w.way)-1]
	here.id = inode{st.Device, st.Inode}
	here.names, err = names(fd)
	return err
}

// names lists a directory.
func names(dir *sys.FD) ([]string, error) {
	own, err := sys.Openat(dir.Int(), ".", sys.O_RDONLY|sys.O_DIRECTORY)
	if err != nil {
		return nil, err
	}
	f := own.File("directory")
	defer f.Close()
	return f.Readdirnames(-1)
}

// open opens a directory that is no mount (openat2, Linux 5.6). Where its owner,
// who is not root, may not read it, that is changed if it is to be removed.
func (w *walk) open(dir int, name string) (*sys.FD, error) {
	const flags = sys.O_RDONLY | sys.O_DIRECTORY | sys.O_NOFOLLOW
	const resolve = sys.RESOLVE_NO_XDEV | sys.RESOLVE_NO_SYMLINKS
	if w.remove && os.Geteuid() != 0 {
		if err := unlockDir(dir, name); err != nil {
			return nil, err
		}
	}
	return sys.Openat2(dir, name, flags, resolve)
}

// unlockDir gives the owner all permissions to a directory.
func unlockDir(dir int, name string) error {
	st, err := sys.Fstatat(dir, name)
	const all = 0o700
	if err != nil || st.Mode&all == all || st.UID != uint32(os.Geteuid()) {
		return err
	}
	fd, err := sys.Openat(dir, name, sys.O_PATH|sys.O_DIRECTORY|sys.O_NOFOLLOW)
	if err != nil {
		return err
	}
	defer fd.Close()
	return sys.ChmodPath(sys.FdPath(fd.Int()), st.Mode|all)
}

// leave goes back to the directory above, and nowhere else: programs may move
// directories meanwhile.
func (w *walk) leave() error {
	last := w.way[len(w.way)-1]
	if len(w.way) == 1 {
		w.way = nil
		return nil
	}
	up, err := sys.Openat(w.cur.Int(), "..", sys.O_RDONLY|sys.O_DIRECTORY)
	if err != nil {
		return err
	}
	w.way = w.way[:len(w.way)-1]
	w.cur.Close()
	w.cur = up
	st, err := sys.Fstatat(up.Int(), "")
	if err != nil {
		return err
	}
	if above := &w.way[len(w.way)-1]; above.id != (inode{st.Device, st.Inode}) {
		return errMoved
	}
	if !w.remove {
		return nil
	}
	if err := sys.Unlinkat(up.Int(), last.name, sys.AT_REMOVEDIR); !errors.Is(err, syscall.ENOENT) {
		return err
	}
	return nil
}

// errMoved tells of a tree that changes while it is walked through.
var errMoved = errors.New("a directory was moved meanwhile, try again")
