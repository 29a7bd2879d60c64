package store

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"

	"github.com/sandkit/sandkit/image"
)

// Commit makes what was written a blob of the store, kept by the lease, and
// gives its descriptor. The error is an *image.SizeError when something is
// missing; the Writer then goes on, and so can a later one. It is an
// *image.DigestError when the content is not what was described, which is then
// thrown away.
func (w *Writer) Commit(ctx context.Context) (image.Descriptor, error) {
	if w.file == nil {
		return image.Descriptor{}, fmt.Errorf("commit blob: %w", ErrReleased)
	}
	d, err := w.commit(ctx)
	if err != nil {
		return image.Descriptor{}, fmt.Errorf("commit blob %s: %w", w.want.Digest, err)
	}
	return d, nil
}

func (w *Writer) commit(ctx context.Context) (image.Descriptor, error) {
	d := w.want
	got := w.hash.Digest()
	switch {
	case d.Digest == "":
		d.Digest, d.Size = got, w.size
		if err := image.CheckDescriptor(d); err != nil {
			return d, err
		}
	case w.size != d.Size:
		return d, &image.SizeError{Digest: d.Digest, Want: d.Size, Got: w.size}
	case got != d.Digest:
		return d, errors.Join(&image.DigestError{Want: d.Digest, Got: got}, w.discard())
	}
	s := w.lease.store
	// Outside of the gate, because it takes long.
	if err := s.files.sync(w.file); err != nil {
		return d, err
	}
	g, err := s.share(ctx)
	if err != nil {
		return d, err
	}
	defer g.Close()
	if ok, err := s.has(d.Digest); err != nil {
		return d, err
	} else if ok { // another blob without a known digest was the same
		return d, errors.Join(w.lease.note(blobLine(d)), w.discard())
	}
	if err := w.lease.noteAdded(d); err != nil {
		return d, err
	}
	if err := s.files.mkdir(s.path("blobs", d.Digest.Algorithm().String())); err != nil {
		return d, err
	}
	if err := s.files.rename(w.path, s.blobPath(d.Digest)); err != nil {
		return d, err
	}
	return d, w.end()
}

// end gives the file and its lock back.
func (w *Writer) end() error {
	f := w.file
	w.file = nil
	return errors.Join(unlock(f, 0), f.Close())
}

// discard removes what is there, and ends the Writer.
func (w *Writer) discard() error {
	return errors.Join(w.lease.store.files.remove(w.path), w.end())
}

// Close ends a Writer that was not committed. What an Ingest has written stays
// for the next attempt. Closing again does nothing; it is safe on nil.
func (w *Writer) Close() error {
	if w == nil || w.file == nil {
		return nil
	}
	var err error
	if w.fresh || w.size == 0 {
		err = w.discard()
	} else {
		err = w.end()
	}
	if err != nil {
		return fmt.Errorf("give up blob %s: %w", w.want.Digest, err)
	}
	return nil
}

// Copy adds the blob that d describes from its beginning in r, unless it is
// there already. What an earlier attempt has left is written anew.
func (l *Lease) Copy(ctx context.Context, d image.Descriptor, r io.Reader) error {
	w, err := l.Ingest(ctx, d)
	if errors.Is(err, ErrExists) {
		return nil
	}
	if err != nil {
		return err
	}
	if err := w.fill(ctx, r); err != nil {
		return errors.Join(err, w.Close())
	}
	return nil
}

func (w *Writer) fill(ctx context.Context, r io.Reader) error {
	if err := w.Reset(); err != nil {
		return err
	}
	if _, err := io.Copy(w, &contextReader{ctx, r}); err != nil {
		return fmt.Errorf("copy blob %s: %w", w.want.Digest, err)
	}
	_, err := w.Commit(ctx)
	return err
}

// Put adds a small blob, such as a manifest, and gives its descriptor.
func (l *Lease) Put(ctx context.Context, mediaType string, content []byte) (image.Descriptor, error) {
	d := image.Describe(mediaType, content)
	return d, l.Copy(ctx, d, bytes.NewReader(content))
}

// Tag adds an image whose manifest or index is in the store, and lets a name
// mean it; another image that had the name stays without it. A ref with a
// digest names the image as well as one with a tag, and the digest must be the
// image's. The zero Ref adds the image without a name. Platform and
// annotations of the target are kept.
func (l *Lease) Tag(ctx context.Context, ref image.Ref, target image.Descriptor) error {
	if err := l.Keep(ctx, target); err != nil {
		return fmt.Errorf("tag %s: %w", ref.Familiar(), err)
	}
	target.Annotations = maps.Clone(target.Annotations)
	if err := l.store.setTag(ctx, ref, target); err != nil {
		return fmt.Errorf("tag %s: %w", ref.Familiar(), err)
	}
	return nil
}

// contextReader ends with its context.
type contextReader struct {
	ctx context.Context //nolint:containedctx // it lives as long as one call
	r   io.Reader
}

func (c *contextReader) Read(b []byte) (int, error) {
	if c.ctx.Err() != nil {
		return 0, context.Cause(c.ctx)
	}
	return c.r.Read(b)
}
