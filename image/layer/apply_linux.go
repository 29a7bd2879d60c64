package layer

import (
	"archive/tar"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"strings"
	"syscall"

	"github.com/sandkit/sandkit/image"
	"github.com/sandkit/sandkit/internal/sys"
)

// Apply unpacks a layer into a directory that is the caller's alone, and that
// is empty unless the format is [Flat]. It reads r to its end, once; a
// call to r's Read is not interrupted by ctx. After an error the directory
// has a part of the layer, and is of no use.
//
// The error is an [*image.Error]. Its cause matches [image.ErrCorrupt] when
// bytes are not what was asked for, [image.ErrInvalid] when they are no layer,
// [image.ErrTooLarge] when they pass a limit, and is the kernel's otherwise.
func Apply(ctx context.Context, dir *os.File, r io.Reader, o Options) (*Info, error) {
	w := newWriter(dir, &o, o.Limits.withDefaults(), new(Info))
	err := w.run(ctx, r)
	runtime.KeepAlive(dir)
	if err != nil {
		return nil, err
	}
	return w.info, nil
}

// run unpacks a layer. It is the writer's end.
func (w *writer) run(ctx context.Context, r io.Reader) error {
	s, err := newStream(ctx, r, w.o, w.limits)
	if err == nil {
		err = w.unpack(ctx, s)
		err = s.finish(err, w.info)
	}
	if err == nil {
		err = w.finish()
	}
	w.back.close()
	return wrap("unpack", w.o.Image, w.o.Layer.Digest, err)
}

// unpack takes the tar apart.
func (w *writer) unpack(ctx context.Context, s *stream) error {
	t := tar.NewReader(s)
	attributes := int64(0)
	for {
		if err := ctx.Err(); err != nil {
			return context.Cause(ctx)
		}
		h, err := t.Next()
		if errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
			return nil
		}
		if err != nil && !errors.Is(err, tar.ErrInsecurePath) { // names are judged here
			return tarError(err)
		}
		if h.Typeflag == tar.TypeXGlobalHeader {
			continue // it is about entries, and none
		}
		w.info.Entries++
		if err := within("number of entries", w.info.Entries, w.limits.Entries); err != nil {
			return err
		}
		m, skipped, err := readMeta(h, w.o, &w.limits)
		if err != nil {
			return at(h.Name, err)
		}
		attributes += m.size()
		if err := within("size of all attributes", attributes, w.limits.Xattrs); err != nil {
			return at(h.Name, err)
		}
		for _, what := range skipped {
			w.info.skip(strings.Trim(h.Name, "/"), what)
		}
		if err := w.add(h, &m, t); err != nil {
			return at(h.Name, err)
		}
	}
}

// tarError says whose error it was: the tar's, or of what is below it.
func tarError(err error) error {
	_, read := errors.AsType[*readError](err)
	switch {
	case errors.Is(err, tar.ErrHeader), errors.Is(err, tar.ErrFieldTooLong),
		!read && errors.Is(err, io.ErrUnexpectedEOF) && !errors.Is(err, image.ErrInvalid):
		return malformed("read tar: %w", err)
	}
	return err
}

// add puts one entry into the directory.
func (w *writer) add(h *tar.Header, m *meta, content io.Reader) error {
	parts, err := split(h.Name, &w.limits)
	if err != nil {
		return err
	}
	kind, target, err := readMark(parts)
	if err != nil || kind == markIgnore {
		return err
	}
	if len(parts) == 0 {
		if h.Typeflag != tar.TypeDir {
			return malformed("the root is no directory")
		}
		w.describe(w.root, m)
		return nil
	}
	parents, name := parts[:len(parts)-1], parts[len(parts)-1]
	char00 := h.Typeflag == tar.TypeChar && h.Devmajor == 0 && h.Devminor == 0
	switch {
	case kind == markOpaque:
		return w.opaque(parents)
	case kind == markWhiteout:
		return w.whiteout(parents, target)
	case char00: // overlayfs's own whiteout; it could not be seen as anything else
		return w.whiteout(parents, name)
	}
	dir, err := w.directory(parents, true)
	if err != nil {
		return err
	}
	return w.make(dir, name, h, m, content)
}

// make makes what an entry describes.
func (w *writer) make(dir *node, name string, h *tar.Header, m *meta, content io.Reader) error {
	switch h.Typeflag {
	case tar.TypeDir:
		return w.directoryEntry(dir, name, m)
	case tar.TypeReg, '\x00', tar.TypeCont, tar.TypeGNUSparse:
		if err := within("size of a file", h.Size, w.limits.FileBytes); err != nil {
			return err
		}
		w.logical += h.Size // below 2^63: each is at most the limit
		if err := within("size of the files", w.logical, w.limits.Bytes); err != nil {
			return err
		}
		return tarError(w.file(dir, name, m, content, isSparse(h)))
	case tar.TypeSymlink:
		if h.Linkname == "" || len(h.Linkname) >= maxTarget {
			return malformed("symbolic link with a target of %d bytes", len(h.Linkname))
		}
		return w.symlink(dir, name, h.Linkname, m)
	case tar.TypeLink:
		return w.hardLink(dir, name, h.Linkname)
	case tar.TypeChar, tar.TypeBlock:
		mode := uint32(sys.S_IFCHR)
		if h.Typeflag == tar.TypeBlock {
			mode = sys.S_IFBLK
		}
		if h.Devmajor < 0 || h.Devmajor >= 1<<12 || h.Devminor < 0 || h.Devminor >= 1<<20 {
			return malformed("device %d:%d", h.Devmajor, h.Devminor)
		}
		return w.special(dir, name, mode, sys.MakeDevice(uint32(h.Devmajor), uint32(h.Devminor)), m)
	case tar.TypeFifo:
		return w.special(dir, name, sys.S_IFIFO, 0, m)
	}
	return malformed("entry of unknown type %q", h.Typeflag)
}

// maxTarget is how long a link's target may be: PATH_MAX, with the NUL.
const maxTarget = 4096

// isSparse tells whether an entry was a sparse file.
func isSparse(h *tar.Header) bool {
	if h.Typeflag == tar.TypeGNUSparse {
		return true
	}
	for key := range h.PAXRecords {
		if strings.HasPrefix(key, "GNU.sparse.") {
			return true
		}
	}
	return false
}

// hardLink makes a hard link, or keeps it for later.
func (w *writer) hardLink(dir *node, name, linkname string) error {
	parts, err := split(linkname, &w.limits)
	if err != nil {
		return fmt.Errorf("hard link to %q: %w", linkname, err)
	}
	target, err := w.find(parts)
	if err != nil {
		return err
	}
	before, err := w.child(dir, name)
	if err != nil {
		return err
	}
	switch {
	case target == nil || target.kind == kindPending || target.kind == kindWhiteout:
		if before != nil && before == target {
			return nil // it is a link to itself, and waits already
		}
		if _, err := w.clear(dir, name); err != nil {
			return err
		}
		if target != nil && target.kind == kindPending {
			parts = target.waits // it may be replaced later
		}
		n := dir.put(&node{name: name, kind: kindPending, touched: true, waits: parts})
		w.pending = append(w.pending, pendingLink{n, parts})
		return nil
	case target == before:
		return nil
	case target.kind == kindDir:
		return malformed("hard link to the directory %q: %w", linkname, syscall.EPERM)
	}
	return w.link(dir, name, target)
}
