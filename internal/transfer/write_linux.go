package transfer

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"strings"
	"syscall"
	"time"

	"github.com/sandkit/sandkit/internal/sys"
)

// meta is what a file has beside its content.
type meta struct {
	mode     uint32 // the twelve bits
	own      bool   // it gets an owner
	uid, gid uint32 // outside
	mtime    time.Time
}

// set gives an open file or directory its metadata. A change of owner takes
// set-user-ID away, so that it comes first.
func (m *meta) set(fd int) error {
	if m.own {
		if err := sys.Fchown(fd, m.uid, m.gid); err != nil {
			return os.NewSyscallError("chown", err)
		}
	}
	if err := sys.Fchmod(fd, m.mode); err != nil {
		return os.NewSyscallError("chmod", err)
	}
	if m.mtime.IsZero() {
		return nil
	}
	return os.NewSyscallError("set times", sys.SetTimes(fd, "", m.mtime.Unix(), int64(m.mtime.Nanosecond())))
}

// A writer makes files below a directory. It follows no link: names are given
// to the kernel one by one.
type writer struct {
	*chain
	metas []meta // of the directories that were entered
}

func newWriter(base *os.File) *writer { return &writer{chain: begin(base)} }

// enter goes into a directory, which is made if it is not there.
func (w *writer) enter(name string, m meta) error {
	err := sys.Mkdirat(w.fd(), name)
	if err != nil && !errors.Is(err, syscall.EEXIST) {
		return os.NewSyscallError("make directory", err)
	}
	fd, err := sys.Openat(w.fd(), name, sys.O_RDONLY|sys.O_DIRECTORY|sys.O_NOFOLLOW)
	switch {
	case errors.Is(err, syscall.ENOTDIR), errors.Is(err, syscall.ELOOP):
		return &ConflictError{Path: name}
	case err != nil:
		return os.NewSyscallError("open directory", err)
	}
	w.metas = append(w.metas, m)
	return w.push(fd.File(name))
}

// leave goes back from a directory, which gets its metadata: writing into it
// needed another mode and changed its time.
func (w *writer) leave() error {
	m := &w.metas[len(w.metas)-1]
	err := w.pop(m.set)
	w.metas = w.metas[:len(w.metas)-1]
	return err
}

// file makes a regular file. Who reads what had that name before, or opens it
// meanwhile, sees the old content or all of the new.
func (w *writer) file(ctx context.Context, name string, m meta, r io.Reader, size int64) error {
	return w.replace(name, func(dir int, tmp string) (err error) {
		fd, err := sys.CreateFile(dir, tmp)
		if err != nil {
			return err
		}
		f := fd.File(name)
		defer func() { err = errors.Join(err, f.Close()) }()
		if err := copyContent(ctx, f, r, size); err != nil {
			return err
		}
		return m.set(int(f.Fd()))
	})
}

// symlink makes a symbolic link. Its owner is set by a descriptor, because the
// name may be another's by then.
func (w *writer) symlink(name, to string, m meta) error {
	return w.replace(name, func(dir int, tmp string) error {
		if err := sys.Symlinkat(to, dir, tmp); err != nil || !m.own && m.mtime.IsZero() {
			return err
		}
		if m.own {
			fd, err := sys.Openat(dir, tmp, sys.O_PATH|sys.O_NOFOLLOW)
			if err != nil {
				return err
			}
			defer fd.Close()
			if mode, err := sys.Mode(fd.Int()); err != nil || mode&sys.S_IFMT != sys.S_IFLNK {
				return errors.Join(err, ErrChanged)
			}
			if err := sys.Lchown(fd.Int(), m.uid, m.gid); err != nil {
				return os.NewSyscallError("chown", err)
			}
		}
		if m.mtime.IsZero() {
			return nil
		}
		return os.NewSyscallError("set times", sys.SetTimes(dir, tmp, m.mtime.Unix(), int64(m.mtime.Nanosecond())))
	})
}

// link gives a file that was made before, at a path below the base, another
// name.
func (w *writer) link(name, old string) (err error) {
	from := begin(w.all[0].f)
	defer from.close()
	parts := strings.Split(old, "/")
	for _, p := range parts[:len(parts)-1] {
		fd, err := sys.Openat(from.fd(), p, sys.O_PATH|sys.O_DIRECTORY|sys.O_NOFOLLOW)
		if err != nil {
			return err
		}
		if err := from.push(fd.File(p)); err != nil {
			return err
		}
	}
	return w.replace(name, func(dir int, tmp string) error {
		return sys.Linkat(from.fd(), parts[len(parts)-1], dir, tmp)
	})
}

// node makes a FIFO or a device; mode has its type.
func (w *writer) node(name string, mode uint32, dev uint64, m meta) error {
	return w.replace(name, func(dir int, tmp string) error {
		if err := sys.Mknodat(dir, tmp, mode, dev); err != nil {
			return err
		}
		fd, err := sys.Openat(dir, tmp, sys.O_PATH|sys.O_NOFOLLOW)
		if err != nil {
			return err
		}
		defer fd.Close()
		if m.own {
			if err := sys.Lchown(fd.Int(), m.uid, m.gid); err != nil {
				return os.NewSyscallError("chown", err)
			}
		}
		if err := sys.ChmodPath(sys.FdPath(fd.Int()), m.mode); err != nil || m.mtime.IsZero() {
			return err
		}
		return os.NewSyscallError("set times", sys.SetTimes(dir, tmp, m.mtime.Unix(), int64(m.mtime.Nanosecond())))
	})
}

// maxNames is how many temporary names are tried: a program may guess some.
const maxNames = 100

// replace makes something under another name, and gives it its own when it is
// complete.
func (w *writer) replace(name string, create func(dir int, tmp string) error) error {
	dir := w.fd()
	if st, err := sys.Fstatat(dir, name); err == nil && st.Mode&sys.S_IFMT == sys.S_IFDIR {
		return &ConflictError{Path: name, Directory: true}
	}
	var tmp string
	var err error
	for range maxNames {
		tmp = fmt.Sprintf(".sandkit-%016x", rand.Uint64())
		if err = create(dir, tmp); !errors.Is(err, syscall.EEXIST) {
			break
		}
	}
	if err == nil {
		err = os.NewSyscallError("rename", sys.Renameat(dir, tmp, dir, name))
		if errors.Is(err, syscall.EISDIR) {
			err = &ConflictError{Path: name, Directory: true}
		}
	}
	// A rename between names of one file leaves both.
	if e := sys.Unlinkat(dir, tmp, 0); e != nil && err == nil && !errors.Is(e, syscall.ENOENT) && !errors.Is(e, syscall.EISDIR) {
		err = os.NewSyscallError("remove temporary file", e)
	}
	return err
}

// chunk is how much is copied before the context is looked at.
const chunk = 1 << 20

// copyContent copies size bytes, or all if size is negative.
func copyContent(ctx context.Context, w io.Writer, r io.Reader, size int64) error {
	for left := size; left != 0; {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		n := int64(chunk)
		if left > 0 {
			n = min(n, left)
		}
		got, err := io.CopyN(w, r, n)
		if left > 0 {
			left -= got
		}
		switch {
		case errors.Is(err, io.EOF) && size < 0:
			return nil
		case errors.Is(err, io.EOF):
			return fmt.Errorf("file became shorter: %w", ErrChanged)
		case err != nil:
			return err
		}
	}
	return nil
}
