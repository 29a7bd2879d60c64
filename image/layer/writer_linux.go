package layer

import (
	"container/list"
	"errors"
	"io"
	"os"
	"slices"
	"syscall"

	"github.com/sandkit/sandkit/internal/sys"
)

// writer puts a layer into a directory.
type writer struct {
	o       *Options
	limits  Limits
	info    *Info
	root    *node
	dirs    dirs
	pending []pendingLink
	buf     []byte
	logical int64 // size of all files, with their holes
	born    owner // of what this program makes; none when directories decide
}

// owner is a user and a group.
type owner struct{ uid, gid int64 }

// pendingLink is a hard link whose target was not there yet.
type pendingLink struct {
	node   *node
	target []string
}

func newWriter(dir *os.File, o *Options, l Limits, info *Info) *writer {
	return &writer{
		o: o, limits: l, info: info,
		root: &node{kind: kindDir, lower: o.Format == Flat},
		dirs: dirs{root: dir, used: list.New()},
		buf:  make([]byte, 256<<10),
		born: bornOwner(dir, o),
	}
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

// skip notes that something of the layer is not in the directory.
func (w *writer) skip(path, what string) {
	w.info.Skipped = append(w.info.Skipped, Skipped{Path(path), what})
}

// implicit makes a directory that the layer has not described so far.
func (w *writer) implicit(dir *node, name string) (*node, error) {
	n, err := w.mkdir(dir, name)
	if err != nil {
		return nil, err
	}
	m := implicitMeta(w.o)
	n.meta = &m
	return n, nil
}

// mkdir makes a directory, in place of what has the name.
func (w *writer) mkdir(dir *node, name string) (*node, error) {
	before, err := w.clear(dir, name)
	if err != nil {
		return nil, err
	}
	fd, err := w.entry(dir)
	if err != nil {
		return nil, err
	}
	if err := sys.Mkdirat(fd, name); err != nil {
		return nil, os.NewSyscallError("mkdir", err)
	}
	// What was there in this layer hides the layers below, and so must this.
	hides := before != nil && !before.lower
	return dir.put(&node{name: name, kind: kindDir, touched: true, opaque: hides, own: hides}), nil
}

// clear removes what has a name.
func (w *writer) clear(dir *node, name string) (before *node, err error) {
	before, err = w.child(dir, name)
	if before == nil || err != nil {
		return nil, err
	}
	return before, w.remove(before)
}

// remove removes a node and everything below it.
func (w *writer) remove(n *node) error {
	if n.kind == kindDir {
		w.late(n)
		if err := w.list(n); err != nil {
			return err
		}
		for _, c := range n.children {
			if err := w.remove(c); err != nil {
				return err
			}
		}
		w.forget(n)
	}
	delete(n.parent.children, n.name)
	flags := 0
	switch n.kind {
	case kindAbsent, kindPending, kindWhiteout:
		return nil
	case kindDir:
		flags = sys.AT_REMOVEDIR
	case kindFile, kindSymlink, kindOther:
	}
	fd, err := w.entry(n.parent)
	if err != nil {
		return err
	}
	return os.NewSyscallError("remove", sys.Unlinkat(fd, n.name, flags))
}

// late notes that a directory is about to be described, or replaced, that the
// layer has put something into before.
func (w *writer) late(n *node) {
	if w.o.Format != Flat && n.touched && !n.described && !n.own && n.parent != nil {
		w.info.Late = append(w.info.Late, Path(n.path()))
	}
}

// lateAll does so for a directory and all below it.
func (w *writer) lateAll(n *node) {
	if n.kind != kindDir {
		return
	}
	w.late(n)
	for _, c := range n.children {
		w.lateAll(c)
	}
}

// removeLower removes what layers below left in a directory, but nothing that
// this layer has put there.
func (w *writer) removeLower(n *node) error {
	if !n.lower || n.kind != kindDir {
		return nil
	}
	if err := w.list(n); err != nil {
		return err
	}
	for _, c := range n.children {
		var err error
		if c.holds && c.kind == kindDir {
			err = w.removeLower(c)
			c.unknow(w.o)
		} else if c.lower {
			err = w.remove(c)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// unknow takes from a lower directory what it was, once the layer has taken
// that directory away: what it describes itself stays.
func (n *node) unknow(o *Options) {
	if n.lower && !n.described {
		m := implicitMeta(o)
		n.meta, n.restore, n.lower = &m, false, false
	}
}

// list makes nodes of everything in a lower directory.
func (w *writer) list(n *node) error {
	if !n.lower {
		return nil
	}
	fd, err := w.open(n)
	if err != nil {
		return err
	}
	names, err := readNames(fd)
	if err != nil {
		return err
	}
	for _, name := range names {
		if _, err := w.child(n, name); err != nil {
			return err
		}
	}
	return nil
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

// file makes a regular file.
func (w *writer) file(dir *node, name string, m *meta, content io.Reader, sparse bool) error {
	if _, err := w.clear(dir, name); err != nil {
		return err
	}
	dirFD, err := w.entry(dir)
	if err != nil {
		return err
	}
	fd, err := sys.CreateFile(dirFD, name)
	if err != nil {
		return os.NewSyscallError("create", err)
	}
	n := dir.put(&node{name: name, kind: kindFile, touched: true})
	if sparse {
		f := fd.File(name)
		if err = copySparse(f, content, w.buf); err == nil {
			err = w.setOpen(int(f.Fd()), n, m, true)
		}
		return errors.Join(err, f.Close())
	}
	if err = w.content(fd, content); err == nil {
		err = w.setOpen(fd.Int(), n, m, true)
	}
	if closeErr := fd.Close(); err == nil {
		err = closeErr
	}
	return err
}

// content copies a file's bytes.
func (w *writer) content(fd *sys.FD, content io.Reader) error {
	for {
		n, err := content.Read(w.buf)
		if err := fd.WriteAll(w.buf[:n]); err != nil {
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

// link makes a hard link.
func (w *writer) link(dir *node, name string, target *node) error {
	if _, err := w.clear(dir, name); err != nil {
		return err
	}
	if target.kind == kindAbsent {
		dir.put(&node{name: name, kind: kindAbsent, touched: true})
		return nil
	}
	// Opening one directory may close another.
	w.dirs.pin = target.parent
	defer func() { w.dirs.pin = nil }()
	from, err := w.open(target.parent)
	if err != nil {
		return err
	}
	to, err := w.entry(dir)
	if err != nil {
		return err
	}
	if err := sys.Linkat(from, target.name, to, name); err != nil {
		if errors.Is(err, syscall.EMLINK) {
			return malformed("hard link: %w", err)
		}
		return os.NewSyscallError("link", err)
	}
	dir.put(&node{name: name, kind: target.kind, target: target.target, touched: true})
	return nil
}
