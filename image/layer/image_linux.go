package layer

import (
	"io"

	"github.com/sandkit/sandkit/image/erofs"
	"github.com/sandkit/sandkit/internal/sys"
)

// imageBackend writes a layer to an EROFS image, all but its directories: they
// stay nodes, since it is the end that says what they are.
type imageBackend struct {
	w    *erofs.Writer
	info *Info
}

// No directory was there before the layer.
func (b *imageBackend) lookup(*node, string) (*node, error) { return nil, nil }
func (b *imageBackend) names(*node) ([]string, error)       { return nil, nil }

func (b *imageBackend) mkdir(*node) error { return nil }

// attr gives what a file has beside its content.
func (b *imageBackend) attr(n *node, m *meta) (erofs.Attr, error) {
	if err := b.asSet(n, m); err != nil {
		return erofs.Attr{}, err
	}
	xattrs, err := imageXattrs(n, m)
	return erofs.Attr{Mode: m.mode, UID: m.uid, GID: m.gid, MtimeSec: m.sec, MtimeNsec: uint32(m.nsec), Xattrs: xattrs}, err
}

func (b *imageBackend) file(n *node, m *meta, content io.Reader, _ bool) error {
	a, err := b.attr(n, m)
	if err == nil {
		n.inode, err = b.w.File(a, content)
	}
	return err
}

func (b *imageBackend) symlink(n *node, m *meta) error {
	a, err := b.attr(n, m)
	if err == nil {
		a.Mode = 0o777 // no link has another one
		n.inode, err = b.w.Symlink(a, n.target)
	}
	return err
}

func (b *imageBackend) special(n *node, m *meta, mode uint32, rdev uint64) error {
	a, err := b.attr(n, m)
	if err == nil {
		major, minor := sys.DeviceNumbers(rdev)
		n.inode, err = b.w.Special(a, mode, major, minor)
	}
	return err
}

func (b *imageBackend) link(n, target *node) error {
	n.inode = target.inode
	return nil
}

func (b *imageBackend) whiteout(n *node) (err error) {
	n.inode, err = b.w.Special(erofs.Attr{}, sys.S_IFCHR, 0, 0)
	return err
}

func (b *imageBackend) remove(*node) error { return nil }

// finish leaves in a directory what will be in the image, and checks its
// metadata.
func (b *imageBackend) finish(n *node) error {
	for name, c := range n.children {
		if c.kind != kindDir && c.inode == nil {
			delete(n.children, name)
		}
	}
	_, err := b.attr(n, n.meta)
	return err
}

func (b *imageBackend) close() {}
