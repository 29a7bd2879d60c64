package layer

import (
	"errors"
	"io"
	"os"
	"slices"
	"syscall"

	"github.com/sandkit/sandkit/internal/sys"
)

// dirBackend puts a layer into a directory.
type dirBackend struct {
	o    *Options
	info *Info
	dirs dirs
	buf  []byte
	born owner // of what this program makes; none when directories decide
}

// owner is a user and a group.
type owner struct{ uid, gid int64 }

func newDirBackend(dir *os.File, o *Options, info *Info) *dirBackend {
	return &dirBackend{o: o, info: info, dirs: newDirs(dir), buf: make([]byte, 256<<10), born: bornOwner(dir, o)}
}

// bornOwner says whose new files are, to spare changing that. Where there are
// directories already, they may hand their group on.
func bornOwner(dir *os.File, o *Options) owner {
	st, err := sys.Fstatat(int(dir.Fd()), "")
	const setgid = 0o2000
	if o.Format == Flat || err != nil || st.Mode&setgid != 0 {
		return owner{-1, -1}
	}
	return owner{int64(os.Geteuid()), int64(os.Getegid())}
}

func (b *dirBackend) lookup(dir *node, name string) (*node, error) {
	fd, err := b.open(dir)
	if err != nil {
		return nil, err
	}
	st, err := sys.Fstatat(fd, name)
	if errors.Is(err, syscall.ENOENT) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	c := &node{name: name, kind: kindOther, lower: true}
	switch st.Mode & sys.S_IFMT {
	case sys.S_IFDIR:
		c.kind = kindDir
	case sys.S_IFREG:
		c.kind = kindFile
	case sys.S_IFLNK:
		c.kind = kindSymlink
		c.target, err = sys.Readlinkat(fd, name)
	}
	return c, err
}

func (b *dirBackend) names(dir *node) ([]string, error) {
	fd, err := b.open(dir)
	if err != nil {
		return nil, err
	}
	return readNames(fd)
}

// readNames lists a directory through a descriptor of its own.
func readNames(fd int) ([]string, error) {
	own, err := sys.Openat(fd, ".", sys.O_RDONLY|sys.O_DIRECTORY)
	if err != nil {
		return nil, os.NewSyscallError("open directory", err)
	}
	f := own.File("directory")
	names, err := f.Readdirnames(-1)
	if closeErr := f.Close(); err == nil {
		err = closeErr
	}
	slices.Sort(names)
	return names, err
}

func (b *dirBackend) mkdir(n *node) error {
	fd, err := b.entry(n.parent)
	if err != nil {
		return err
	}
	return os.NewSyscallError("mkdir", sys.Mkdirat(fd, n.name))
}

func (b *dirBackend) file(n *node, m *meta, content io.Reader, sparse bool) error {
	dir, err := b.entry(n.parent)
	if err != nil {
		return err
	}
	fd, err := sys.CreateFile(dir, n.name)
	if err != nil {
		return os.NewSyscallError("create", err)
	}
	if sparse {
		f := fd.File(n.name)
		if err = copySparse(f, content, b.buf); err == nil {
			err = b.setOpen(int(f.Fd()), n, m, true)
		}
		return errors.Join(err, f.Close())
	}
	if err = b.content(fd, content); err == nil {
		err = b.setOpen(fd.Int(), n, m, true)
	}
	if closeErr := fd.Close(); err == nil {
		err = closeErr
	}
	return err
}

// content copies a file's bytes.
func (b *dirBackend) content(fd *sys.FD, content io.Reader) error {
	for {
		n, err := content.Read(b.buf)
		if err := fd.WriteAll(b.buf[:n]); err != nil {
			return err
		}
		if errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

func (b *dirBackend) symlink(n *node, m *meta) error {
	fd, err := b.entry(n.parent)
	if err != nil {
		return err
	}
	if err := sys.Symlinkat(n.target, fd, n.name); err != nil {
		return os.NewSyscallError("symlink", err)
	}
	return b.setNamed(fd, n, m)
}

func (b *dirBackend) special(n *node, m *meta, mode uint32, rdev uint64) error {
	fd, err := b.entry(n.parent)
	if err != nil {
		return err
	}
	if err := sys.Mknodat(fd, n.name, mode|0o600, rdev); err != nil {
		return os.NewSyscallError("mknod", err)
	}
	return b.setNamed(fd, n, m)
}

func (b *dirBackend) link(n, target *node) error {
	// Opening one directory may close another.
	b.dirs.pin = target.parent
	defer func() { b.dirs.pin = nil }()
	from, err := b.open(target.parent)
	if err != nil {
		return err
	}
	to, err := b.entry(n.parent)
	if err != nil {
		return err
	}
	err = sys.Linkat(from, target.name, to, n.name)
	if errors.Is(err, syscall.EMLINK) {
		return malformed("hard link: %w", err)
	}
	return os.NewSyscallError("link", err)
}

func (b *dirBackend) whiteout(n *node) error {
	fd, err := b.entry(n.parent)
	if err != nil {
		return err
	}
	return os.NewSyscallError("make whiteout", sys.Mknodat(fd, n.name, sys.S_IFCHR, 0))
}

func (b *dirBackend) remove(n *node) error {
	flags := 0
	if n.kind == kindDir {
		b.forget(n)
		flags = sys.AT_REMOVEDIR
	}
	fd, err := b.entry(n.parent)
	if err != nil {
		return err
	}
	return os.NewSyscallError("remove", sys.Unlinkat(fd, n.name, flags))
}

func (b *dirBackend) close() { b.closeAll() }
