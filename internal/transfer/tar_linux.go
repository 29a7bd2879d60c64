package transfer

import (
	"archive/tar"
	"context"
	"io"
	"os"

	"github.com/sandkit/sandkit/internal/sys"
)

// tarball makes a tar of what a walk finds.
type tarball struct {
	tw *tar.Writer
	o  *OutOptions
}

func newTarball(w io.Writer, o *OutOptions) *tarball { return &tarball{tar.NewWriter(w), o} }

func (t *tarball) close() error { return t.tw.Close() }

// header says what all entries say.
func (t *tarball) header(i *item, kind byte) *tar.Header {
	return &tar.Header{
		Typeflag: kind, Name: i.path, Mode: int64(i.st.Mode & 0o7777), Format: tar.FormatPAX,
		Uid: int(i.uid), Gid: int(i.gid), ModTime: i.mtime(),
	}
}

func (t *tarball) enter(i *item) error {
	h := t.header(i, tar.TypeDir)
	if h.Name == "" {
		h.Name = "."
	}
	h.Name += "/"
	return t.tw.WriteHeader(h)
}

func (t *tarball) leave(*item) error { return nil }

func (t *tarball) file(ctx context.Context, i *item, f *os.File) error {
	h := t.header(i, tar.TypeReg)
	h.Size = i.st.Size
	if err := t.tw.WriteHeader(h); err != nil {
		return err
	}
	return copyContent(ctx, t.tw, f, h.Size)
}

func (t *tarball) link(i *item, first string) error {
	h := t.header(i, tar.TypeLink)
	h.Linkname = first
	return t.tw.WriteHeader(h)
}

func (t *tarball) symlink(i *item, to string) error {
	h := t.header(i, tar.TypeSymlink)
	h.Linkname = to
	return t.tw.WriteHeader(h)
}

func (t *tarball) special(i *item) error {
	var h *tar.Header
	switch i.kind() {
	case sys.S_IFIFO:
		h = t.header(i, tar.TypeFifo)
	case sys.S_IFCHR:
		h = t.header(i, tar.TypeChar)
	case sys.S_IFBLK:
		h = t.header(i, tar.TypeBlock)
	default:
		t.o.skip(i.path, typeName(fileMode(i.st.Mode).Type()))
		return nil
	}
	if h.Typeflag != tar.TypeFifo {
		major, minor := sys.DeviceNumbers(i.st.Rdev)
		h.Devmajor, h.Devminor = int64(major), int64(minor)
	}
	return t.tw.WriteHeader(h)
}
