package layer

import (
	"errors"
	"os"
	"path"
	"syscall"

	"github.com/sandkit/sandkit/internal/sys"
)

// looked is what one layer was unpacked to, to be looked at. Paths are as those
// of unpacked.
type looked interface {
	root() (unpackedDir, error)
	stat(p string) (mode uint32, err error)
}

// unpacked is what one layer was unpacked to, while it is being settled. Paths
// have no links in them, and none is followed. What is missing is ENOENT, and
// what lies below no directory ENOTDIR or ELOOP. Changing what is in a
// directory leaves its times.
type unpacked interface {
	looked
	names(p string) ([]string, error)
	opaque(p string) (bool, error)
	meta(p string) (settledMeta, error)

	mkdir(p string) error
	remove(p string, isDir bool) error // ENOTEMPTY when something is in it
	rename(from, to string) error
	link(from, to string) error // EEXIST, EPERM
	whiteout(p string) error    // EEXIST
	hide(p string) error        // makes a directory opaque
	copyUp(f *found, p string) error
	setMeta(m settledMeta) error
}

// unpackedDir is one directory of it.
type unpackedDir interface {
	isOpaque() (bool, error)
	enter(name string) (unpackedDir, error)
	close()
}

// settledMeta is what a directory gets in the end.
type settledMeta struct {
	path   string
	st     sys.Stat
	xattrs map[string][]byte // nil to leave them as they are
}

// absent tells whether an error says that there is nothing.
func absent(err error) bool { return errors.Is(err, syscall.ENOENT) || noDir(err) }

// noDir tells whether an error says that something is no directory.
func noDir(err error) bool { return errors.Is(err, syscall.ENOTDIR) || errors.Is(err, syscall.ELOOP) }

// unpackedFiles is a layer in a directory.
type unpackedFiles struct {
	dir    *os.File
	prefix string // of overlayfs's attributes
}

// in calls f with the directory that a path is in, and its name there.
func (u unpackedFiles) in(p string, f func(dir int, name string) error) error {
	fd, err := openPath(u.dir, path.Dir(p))
	if err != nil {
		return err
	}
	defer fd.Close()
	return f(fd.Int(), path.Base(p))
}

// change is in for what changes the directory.
func (u unpackedFiles) change(p string, f func(dir int, name string) error) error {
	return u.in(p, func(dir int, name string) error {
		return keepTimes(dir, func() error { return f(dir, name) })
	})
}

// keepTimes does something in a directory whose times stay.
func keepTimes(fd int, f func() error) error {
	st, err := sys.Fstatat(fd, "")
	if err == nil {
		err = f()
	}
	if err == nil {
		err = sys.SetTimes(fd, "", st.MtimeSec, st.MtimeNs)
	}
	return err
}

func (u unpackedFiles) stat(p string) (mode uint32, err error) {
	err = u.in(p, func(dir int, name string) error {
		st, err := sys.Fstatat(dir, name)
		mode = st.Mode
		return os.NewSyscallError("stat", err)
	})
	return mode, err
}

func (u unpackedFiles) names(p string) ([]string, error) {
	fd, err := openPath(u.dir, p)
	if err != nil {
		return nil, err
	}
	defer fd.Close()
	return readNames(fd.Int())
}

func (u unpackedFiles) opaque(p string) (bool, error) {
	fd, err := openPath(u.dir, p)
	if err != nil {
		return false, err
	}
	defer fd.Close()
	return openedDir{fd, u.prefix}.isOpaque()
}

func (u unpackedFiles) meta(p string) (settledMeta, error) {
	m := settledMeta{path: p}
	fd, err := openPath(u.dir, p)
	if err != nil {
		return m, err
	}
	defer fd.Close()
	if m.st, err = sys.Fstatat(fd.Int(), ""); err != nil {
		return m, err
	}
	m.xattrs, err = kept(fdSource{fd: fd.Int()}, "")
	return m, err
}

func (u unpackedFiles) mkdir(p string) error { return u.change(p, sys.Mkdirat) }

func (u unpackedFiles) remove(p string, isDir bool) error {
	flags := 0
	if isDir {
		flags = sys.AT_REMOVEDIR
	}
	return u.change(p, func(dir int, name string) error {
		return os.NewSyscallError("remove", sys.Unlinkat(dir, name, flags))
	})
}

func (u unpackedFiles) rename(from, to string) error {
	return u.in(from, func(src int, name string) error {
		return u.change(to, func(dst int, newName string) error { return sys.Renameat(src, name, dst, newName) })
	})
}

func (u unpackedFiles) link(from, to string) error {
	return u.in(from, func(src int, name string) error {
		return u.change(to, func(dst int, newName string) error {
			return os.NewSyscallError("link", sys.Linkat(src, name, dst, newName))
		})
	})
}

func (u unpackedFiles) whiteout(p string) error {
	return u.change(p, func(dir int, name string) error { return sys.Mknodat(dir, name, sys.S_IFCHR, 0) })
}

func (u unpackedFiles) hide(p string) error {
	fd, err := openPath(u.dir, p)
	if err != nil {
		return err
	}
	defer fd.Close()
	return sys.SetXattr(fd.Int(), u.prefix+"opaque", []byte("y"))
}

func (u unpackedFiles) copyUp(f *found, p string) error {
	return u.change(p, func(dir int, name string) error { return copyUp(f, dir, name) })
}

func (u unpackedFiles) setMeta(m settledMeta) error {
	fd, err := openPath(u.dir, m.path)
	if err != nil {
		return err
	}
	defer fd.Close()
	return setStat(fd.Int(), m.st, m.xattrs)
}

func (u unpackedFiles) root() (unpackedDir, error) {
	fd, err := openPath(u.dir, "")
	return openedDir{fd, u.prefix}, err
}

// openedDir is a directory of the layer that is open.
type openedDir struct {
	fd     *sys.FD
	prefix string
}

func (d openedDir) isOpaque() (bool, error) {
	v, _, err := sys.Xattr(sys.FdPath(d.fd.Int()), d.prefix+"opaque")
	return string(v) == "y", err
}

func (d openedDir) enter(name string) (unpackedDir, error) {
	fd, err := sys.Openat(d.fd.Int(), name, sys.O_RDONLY|sys.O_DIRECTORY|sys.O_NOFOLLOW)
	if err != nil {
		return nil, os.NewSyscallError("open directory", err)
	}
	return openedDir{fd, d.prefix}, nil
}

func (d openedDir) close() { d.fd.Close() }
