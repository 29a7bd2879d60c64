package layer

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"

	"github.com/sandkit/sandkit/image"
	"github.com/sandkit/sandkit/image/erofs"
	"github.com/sandkit/sandkit/internal/sys"
)

// Staged is a layer in an EROFS image that has no directories yet. They are in
// memory, some hundred bytes for each name. Finish ends it; a Staged that is not
// finished needs no call, and its image is of no use. It is not safe for concurrent use.
type Staged struct {
	info *Info
	name string // of the image, for errors
	root *node
	back *imageBackend

	settled bool
	err     error // of calls that make no sense any more
}

// Stage unpacks a layer like [Apply], but into an EROFS image: everything but
// the directories is written at once. What the layer takes away is there as in
// [OverlayTrusted]; no other format is possible. File must be a regular file,
// is emptied, and stays the caller's; after an error it is of no use. Nothing
// is synced. A root that the layer does not describe is like directories that
// it does not: 0755, of user and group 0, and of 1970.
//
// Errors are those of Apply. One that matches [ErrNeedsDirectory] says that
// the layer can be unpacked to a directory only: no image is mounted by who
// is not root, so that it does for Rootless, and no image has attributes of
// 64 KiB.
func Stage(ctx context.Context, file *os.File, r io.Reader, o Options) (*Staged, error) {
	if o.Rootless || o.Format != OverlayTrusted {
		err := fmt.Errorf("format %s, rootless %t: %w", o.Format, o.Rootless, ErrNeedsDirectory)
		return nil, wrap("unpack", o.Image, o.Layer.Digest, err)
	}
	mode, err := sys.Mode(int(file.Fd()))
	if err == nil && mode&sys.S_IFMT != sys.S_IFREG {
		err = errors.New("image is no regular file")
	}
	if err == nil {
		err = file.Truncate(0)
	}
	if err != nil {
		return nil, wrap("unpack", o.Image, o.Layer.Digest, err)
	}
	return stage(ctx, file, r, &o)
}

// stage unpacks to what reads as zeros.
func stage(ctx context.Context, to io.WriterAt, r io.Reader, o *Options) (*Staged, error) {
	info := new(Info)
	back := &imageBackend{w: erofs.NewWriter(to, erofs.Options{}), info: info}
	m := implicitMeta(o)
	root := &node{kind: kindDir, touched: true, meta: &m}
	w := &writer{o: o, limits: o.Limits.withDefaults(), info: info, back: back, root: root}
	if err := w.run(ctx, r); err != nil {
		return nil, err
	}
	return &Staged{info: info, name: o.Image, root: root, back: back}, nil
}

// Info says what the layer was, and what is open until Settle.
func (s *Staged) Info() *Info { return s.info }

// Settle settles what the layer leaves open, as [Settle] does for a directory,
// with the same results and errors, and with ErrNeedsDirectory where Stage has
// it. The layers below, the lowest first, are directories or mounts of images,
// both of which need root to tell what they hide, or files with images that
// are finished. Files that hard links lead to are copied to the image, the
// rest happens in memory. It may be called once; after an error the Staged is
// of no use.
func (s *Staged) Settle(lowers []*os.File) (changed bool, err error) {
	if s.err != nil || s.settled {
		return false, wrap("settle", s.name, s.info.Digest, cmp.Or(s.err, errSettled))
	}
	s.settled = true
	if changed, err = settle(&unpackedNodes{s.root, s.back}, lowers, s.info, OverlayTrusted); err != nil {
		s.err = errNotSettled
		if e, ok := errors.AsType[*image.Error](err); ok {
			e.Image = s.name
		}
	}
	return changed, err
}

var (
	errSettled    = errors.New("layer was settled before")
	errNotSettled = errors.New("layer could not be settled")
)

// Finish writes the directories, and then the superblock: without it the file
// is no image. Nothing is synced.
func (s *Staged) Finish() error {
	err := s.err
	if err == nil {
		s.err = erofs.ErrFinished
		err = s.finish()
		s.root = nil
	}
	return wrap("finish image of", s.name, s.info.Digest, err)
}

func (s *Staged) finish() error {
	root, err := s.dir(s.root)
	if err != nil {
		return err
	}
	return s.back.w.Finish(root)
}

// dir makes a directory of the image, and everything below it.
func (s *Staged) dir(n *node) (*erofs.Node, error) {
	a, err := s.back.attr(n, n.meta)
	if err != nil {
		return nil, at(n.path(), err)
	}
	d := s.back.w.Dir()
	d.SetAttr(a)
	for _, name := range slices.Sorted(maps.Keys(n.children)) {
		c := n.children[name]
		if c.kind == kindDir {
			if c.inode, err = s.dir(c); err != nil {
				return nil, err
			}
		}
		d.Add(name, c.inode)
	}
	n.children = nil
	return d, nil
}
