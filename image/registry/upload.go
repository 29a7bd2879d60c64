package registry

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"os"
	"sync"

	"github.com/sandkit/sandkit/image"
	"github.com/sandkit/sandkit/image/store"
)

// exists asks whether the registry has a blob.
func (p *pusher) exists(ctx context.Context, d image.Descriptor) (bool, error) {
	ok, err := p.repo.remote.Blobs().Exists(ctx, d)
	return ok, plain(err)
}

// blob brings a blob into the registry, unless it is there.
func (p *pusher) blob(ctx context.Context, d image.Descriptor) error {
	bar := newProgress(p.opts.Progress, d)
	bar.phase(image.PhaseUpload, 0)
	err := p.upload(ctx, d, bar)
	if err != nil {
		return &image.Error{Op: "push", Image: p.ref.String(), Layer: d.Digest, Err: err}
	}
	bar.done()
	return nil
}

// upload sends a blob, again from its beginning if the connection breaks.
func (p *pusher) upload(ctx context.Context, d image.Descriptor, bar *progress) error {
	ok, err := p.exists(ctx, d)
	if ok || err != nil {
		return err
	}
	for attempt := 0; ; attempt++ {
		err := plain(p.uploadOnce(ctx, d, bar, attempt == 0))
		if err == nil || ctx.Err() != nil || attempt >= p.repo.policy.retries || !uploadAgain(err, attempt) {
			return err
		}
		p.client.opts.Logger.Debug("registry: upload begins again", "blob", d.Digest, "error", err)
		if err := p.repo.policy.wait(ctx, attempt); err != nil {
			return err
		}
		bar.phase(image.PhaseUpload, 0)
	}
}

// uploadAgain tells whether another attempt may work. A token may have expired
// since the upload was announced: the next attempt gets another one.
func uploadAgain(err error, attempt int) bool {
	if _, final := errors.AsType[finalError](err); final {
		return false
	}
	if status, ok := errors.AsType[*StatusError](err); ok {
		return status.temporary() || status.Status == http.StatusUnauthorized && attempt == 0
	}
	return temporary(err)
}

// uploadOnce mounts a blob from another repository or sends it.
func (p *pusher) uploadOnce(ctx context.Context, d image.Descriptor, bar *progress, mount bool) error {
	open := func() (io.ReadCloser, error) {
		r, err := p.open(ctx, d)
		if err != nil {
			return nil, finalError{err}
		}
		return &source{r: bar.reader(r)}, nil
	}
	if mount && len(p.mountFrom) > 0 {
		err := p.mount(ctx, d, open)
		if status := (*StatusError)(nil); !errors.As(err, &status) {
			return err
		}
		// It may not even be asked, without rights to the other repository.
		p.client.opts.Logger.Debug("registry: blob cannot be mounted", "blob", d.Digest, "error", err)
	}
	r, err := open()
	if err != nil {
		return err
	}
	return errors.Join(p.repo.remote.Blobs().Push(ctx, d, r), r.Close())
}

// mount tries all repositories that may have the blob, and sends it when the
// last one has not.
func (p *pusher) mount(ctx context.Context, d image.Descriptor, open func() (io.ReadCloser, error)) error {
	var err error
	for i, from := range p.mountFrom {
		content := open
		if i < len(p.mountFrom)-1 {
			content = func() (io.ReadCloser, error) { return nil, errNotMounted }
		}
		err = plain(p.repo.remote.Mount(ctx, d, from, content))
		if status := (*StatusError)(nil); err == nil || !errors.Is(err, errNotMounted) && !errors.As(err, &status) {
			return err
		}
	}
	return err
}

var errNotMounted = errors.New("the other repository does not have the blob")

// open opens a blob of the store, which is verified on its way.
func (p *pusher) open(ctx context.Context, d image.Descriptor) (io.ReadCloser, error) {
	ok, err := p.store.Has(d.Digest)
	if err == nil && !ok && d.Data != nil {
		return io.NopCloser(bytes.NewReader(d.Data)), nil
	}
	return store.Verified(p.store).Open(ctx, d)
}

// source is a blob that is sent. The library closes it, perhaps while it is
// still being read, or does not; closing it again does nothing.
type source struct {
	mu     sync.Mutex
	r      io.ReadCloser
	closed bool
}

// Read gives the next part. Errors are marked: sending again does not help.
func (s *source) Read(b []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return 0, os.ErrClosed
	}
	n, err := s.r.Read(b)
	if err != nil && !errors.Is(err, io.EOF) {
		err = finalError{err}
	}
	return n, err
}

// Close ends the reading.
func (s *source) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil
	}
	s.closed = true
	return s.r.Close()
}

// manifest brings a manifest or an index into the registry.
func (p *pusher) manifest(ctx context.Context, m document, reference string) error {
	bar := newProgress(p.opts.Progress, m.desc)
	bar.phase(image.PhaseUpload, 0)
	err := plain(p.repo.remote.Manifests().PushReference(ctx, m.desc, bytes.NewReader(m.raw), reference))
	if err == nil {
		bar.done()
	}
	return err
}
