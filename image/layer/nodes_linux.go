package layer

import (
	"maps"
	"path"
	"slices"
	"strings"
	"syscall"

	"github.com/sandkit/sandkit/internal/sys"
)

// unpackedNodes is a layer whose directories are nodes, and whose files are in
// an image.
type unpackedNodes struct {
	top  *node
	back *imageBackend
}

// find finds a path.
func (u *unpackedNodes) find(p string) (*node, error) {
	n := u.top
	for part := range strings.SplitSeq(p, "/") {
		if part == "" || part == "." {
			continue
		}
		if n.kind != kindDir {
			return nil, syscall.ENOTDIR
		}
		if n = n.children[part]; n == nil {
			return nil, syscall.ENOENT
		}
	}
	return n, nil
}

// dir finds a directory.
func (u *unpackedNodes) dir(p string) (*node, error) {
	n, err := u.find(p)
	if err == nil && n.kind != kindDir {
		return nil, syscall.ENOTDIR
	}
	return n, err
}

// place finds the directory for a name that nothing has.
func (u *unpackedNodes) place(p string) (*node, error) {
	d, err := u.dir(path.Dir(p))
	if err == nil && d.children[path.Base(p)] != nil {
		return nil, syscall.EEXIST
	}
	return d, err
}

func (u *unpackedNodes) stat(p string) (mode uint32, err error) {
	n, err := u.find(p)
	if err != nil {
		return 0, err
	}
	switch n.kind {
	case kindDir:
		return sys.S_IFDIR, nil
	case kindFile:
		return sys.S_IFREG, nil
	case kindSymlink:
		return sys.S_IFLNK, nil
	case kindOther, kindWhiteout, kindAbsent, kindPending:
	}
	return sys.S_IFCHR, nil
}

func (u *unpackedNodes) names(p string) ([]string, error) {
	d, err := u.dir(p)
	if err != nil {
		return nil, err
	}
	return slices.Sorted(maps.Keys(d.children)), nil
}

func (u *unpackedNodes) opaque(p string) (bool, error) {
	d, err := u.dir(p)
	return err == nil && d.opaque, err
}

func (u *unpackedNodes) meta(p string) (settledMeta, error) {
	d, err := u.dir(p)
	if err != nil {
		return settledMeta{}, err
	}
	m := settledMeta{path: p, xattrs: make(map[string][]byte)}
	m.st = sys.Stat{Mode: sys.S_IFDIR | d.meta.mode, UID: d.meta.uid, GID: d.meta.gid, MtimeSec: d.meta.sec, MtimeNs: d.meta.nsec}
	for k, v := range d.meta.xattrs {
		m.xattrs[k] = []byte(v)
	}
	return m, nil
}

func (u *unpackedNodes) setMeta(s settledMeta) error {
	d, err := u.dir(s.path)
	if err != nil {
		return err
	}
	m := metaOf(s.st, s.xattrs)
	if s.xattrs == nil {
		m.xattrs = d.meta.xattrs
	}
	d.meta = m
	_, err = u.back.attr(d, m) // what is no attribute of the kernel's is known now
	return err
}

// metaOf is the metadata of a file of another layer.
func metaOf(st sys.Stat, xattrs map[string][]byte) *meta {
	m := &meta{mode: st.Mode & 0o7777, uid: st.UID, gid: st.GID, sec: st.MtimeSec, nsec: st.MtimeNs}
	for k, v := range xattrs {
		if m.xattrs == nil {
			m.xattrs = make(map[string]string)
		}
		m.xattrs[k] = string(v)
	}
	return m
}

func (u *unpackedNodes) mkdir(p string) error {
	d, err := u.place(p)
	if err != nil {
		return err
	}
	m := implicitMeta(&Options{})
	d.put(&node{name: path.Base(p), kind: kindDir, touched: true, meta: &m})
	return nil
}

func (u *unpackedNodes) remove(p string, isDir bool) error {
	n, err := u.find(p)
	switch {
	case err != nil:
		return err
	case isDir && n.kind != kindDir:
		return syscall.ENOTDIR
	case !isDir && n.kind == kindDir:
		return syscall.EISDIR
	case len(n.children) > 0:
		return syscall.ENOTEMPTY
	}
	delete(n.parent.children, n.name)
	return nil
}

func (u *unpackedNodes) rename(from, to string) error {
	n, err := u.find(from)
	if err != nil {
		return err
	}
	d, err := u.place(to)
	if err != nil {
		return err
	}
	delete(n.parent.children, n.name)
	n.name = path.Base(to)
	d.put(n)
	return nil
}

func (u *unpackedNodes) link(from, to string) error {
	n, err := u.find(from)
	if err != nil {
		return err
	}
	if n.kind == kindDir {
		return syscall.EPERM
	}
	d, err := u.place(to)
	if err != nil {
		return err
	}
	d.put(&node{name: path.Base(to), kind: n.kind, target: n.target, touched: true, inode: n.inode})
	return nil
}

func (u *unpackedNodes) whiteout(p string) error {
	d, err := u.place(p)
	if err != nil {
		return err
	}
	return u.back.whiteout(d.put(&node{name: path.Base(p), kind: kindWhiteout, touched: true}))
}

func (u *unpackedNodes) hide(p string) error {
	d, err := u.dir(p)
	if err == nil {
		d.opaque = true
	}
	return err
}

// copyUp writes a file of a layer below to the image.
func (u *unpackedNodes) copyUp(f *found, p string) error {
	d, err := u.place(p)
	if err != nil {
		return err
	}
	xattrs, err := kept(f.in, f.name)
	if err != nil {
		return err
	}
	n, m := &node{name: path.Base(p), touched: true}, metaOf(f.st, xattrs)
	switch f.st.Mode & sys.S_IFMT {
	case sys.S_IFDIR:
		return malformed("hard link to a directory: %w", syscall.EPERM)
	case sys.S_IFREG:
		n.kind = kindFile
		content, err := f.in.file(f.name)
		if err != nil {
			return err
		}
		defer func() { _ = content.Close() }()
		return u.back.file(d.put(n), m, content, false)
	case sys.S_IFLNK:
		n.kind = kindSymlink
		if n.target, err = f.in.readlink(f.name); err != nil {
			return err
		}
		return u.back.symlink(d.put(n), m)
	}
	n.kind = kindOther
	return u.back.special(d.put(n), m, f.st.Mode&sys.S_IFMT, f.st.Rdev)
}

func (u *unpackedNodes) root() (unpackedDir, error) { return nodeDir{u.top}, nil }

// nodeDir is a directory among nodes.
type nodeDir struct{ n *node }

func (d nodeDir) isOpaque() (bool, error) { return d.n.opaque, nil }

func (d nodeDir) enter(name string) (unpackedDir, error) {
	c := d.n.children[name]
	switch {
	case c == nil:
		return nil, syscall.ENOENT
	case c.kind != kindDir:
		return nil, syscall.ENOTDIR
	}
	return nodeDir{c}, nil
}

func (d nodeDir) close() {}
