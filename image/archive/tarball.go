package archive

import (
	"archive/tar"
	"context"
	"errors"
	"fmt"
	"io"
	"path"
	"strings"

	"github.com/sandkit/sandkit/image"
	"github.com/sandkit/sandkit/image/store"
)

// blobType is the media type of files as long as nobody has said what they are.
const blobType = "application/octet-stream"

// tarball is what was in a tar archive.
type tarball struct {
	files map[string]image.Descriptor
	links map[string]string // symbolic links, which Docker's older archives have
}

// file finds a file; links lead to another one in the archive, at most once.
func (t *tarball) file(_ context.Context, name string) (image.Descriptor, error) {
	if d, ok := t.files[name]; ok {
		return d, nil
	}
	target, ok := t.links[name]
	if !ok {
		return image.Descriptor{}, at(name, image.ErrNotFound)
	}
	if _, _, blob := blobName(name); blob {
		return image.Descriptor{}, invalid(name, "a blob is a symbolic link")
	}
	if d, ok := t.files[target]; ok {
		return d, nil
	}
	return image.Descriptor{}, at(name, fmt.Errorf("a link to %q: %w", target, image.ErrNotFound))
}

// readTar puts all files of an archive into the store.
func (im *importer) readTar(ctx context.Context, r io.Reader) (_ contents, err error) {
	u, err := unpacked(r)
	if err != nil {
		return nil, fmt.Errorf("read archive: %w", err)
	}
	defer func() { err = errors.Join(err, u.Close()) }()
	t := &tarball{make(map[string]image.Descriptor), make(map[string]string)}
	tr := tar.NewReader(u)
	for {
		h, err := tr.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, fmt.Errorf("read archive: %w", malformed(err))
		}
		if err := im.takeEntry(ctx, t, h, tr); err != nil {
			return nil, err
		}
	}
	// A writer at the other end of a pipe is not to be cut off, and a packed
	// archive has a checksum at its end.
	if _, err := io.Copy(io.Discard, io.LimitReader(u, im.left)); err != nil {
		return nil, fmt.Errorf("read archive: %w", malformed(err))
	}
	return t, nil
}

// malformed marks what the tar reader does not like.
func malformed(err error) error {
	if errors.Is(err, tar.ErrHeader) || errors.Is(err, io.ErrUnexpectedEOF) {
		return fmt.Errorf("%w: %w", image.ErrInvalid, err)
	}
	return err
}

func (im *importer) takeEntry(ctx context.Context, t *tarball, h *tar.Header, r io.Reader) error {
	name, err := cleanName(h.Name)
	if err != nil {
		return err
	}
	if err := im.room(name, h.Size); err != nil {
		return err
	}
	switch h.Typeflag {
	case tar.TypeDir, tar.TypeXGlobalHeader:
		return nil
	case tar.TypeReg, tar.TypeSymlink:
	default:
		return invalid(name, "an entry of type %q", h.Typeflag)
	}
	_, file := t.files[name]
	if _, link := t.links[name]; file || link {
		return invalid(name, "it is there twice")
	}
	if h.Typeflag == tar.TypeSymlink {
		target := path.Join(path.Dir(name), h.Linkname)
		if path.IsAbs(h.Linkname) || target == ".." || strings.HasPrefix(target, "../") {
			return invalid(name, "a link to %q leads out", h.Linkname)
		}
		t.links[name] = target
		return nil
	}
	t.files[name], err = im.add(ctx, name, h.Size, r)
	return err
}

// cleanName gives the shortest form of a path that stays inside.
func cleanName(name string) (string, error) {
	if name == "" || path.IsAbs(name) || strings.ContainsAny(name, "\x00\\") {
		return "", invalid(name, "not a path inside of the archive")
	}
	for part := range strings.SplitSeq(name, "/") {
		if part == ".." {
			return "", invalid(name, "the path leads out")
		}
	}
	return path.Clean(name), nil
}

// blobName gives the digest that a path in an OCI layout stands for.
func blobName(name string) (d image.Digest, valid, blob bool) {
	rest, ok := strings.CutPrefix(name, "blobs/")
	if !ok {
		return "", false, false
	}
	d = image.Digest(strings.Replace(rest, "/", ":", 1))
	return d, d.Validate() == nil, true
}

// add puts a file into the store. Where its name is a digest, that is checked.
func (im *importer) add(ctx context.Context, name string, size int64, r io.Reader) (image.Descriptor, error) {
	d, valid, blob := blobName(name)
	if blob && !valid {
		return image.Descriptor{}, invalid(name, "not the name of a blob")
	}
	desc := image.Descriptor{MediaType: blobType, Digest: d, Size: size}
	p := &progress{tell: im.opts.Progress, now: image.Progress{Phase: image.PhaseImport, Digest: d, Total: size}}
	p.begin()
	desc, err := im.copy(ctx, desc, p.reader(r))
	if err != nil {
		return image.Descriptor{}, at(name, err)
	}
	p.now.Digest = desc.Digest
	p.end()
	return desc, nil
}

func (im *importer) copy(ctx context.Context, d image.Descriptor, r io.Reader) (image.Descriptor, error) {
	r = io.LimitReader(r, d.Size)
	if d.Digest != "" {
		return d, malformed(im.lease.Copy(ctx, d, r))
	}
	w, err := im.lease.Create(ctx, d.MediaType)
	if err != nil {
		return d, err
	}
	got, err := fill(ctx, w, d.Size, r)
	return got, errors.Join(malformed(err), w.Close())
}

func fill(ctx context.Context, w *store.Writer, size int64, r io.Reader) (image.Descriptor, error) {
	n, err := io.Copy(w, r)
	if err == nil && n < size {
		err = io.ErrUnexpectedEOF
	}
	if err == nil && ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	if err != nil {
		return image.Descriptor{}, err
	}
	return w.Commit(ctx)
}
