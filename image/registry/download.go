package registry

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"
	"time"

	"github.com/sandkit/sandkit/image"
	"github.com/sandkit/sandkit/image/store"
)

const (
	copySize = 64 << 10
	// enoughProgress lets attempts be counted anew: a connection that breaks
	// once in a while does not end a long download.
	enoughProgress = 1 << 20
	// patience is after how long it is told that a blob is waited for.
	patience = 100 * time.Millisecond
)

// download brings one blob into the store.
type download struct {
	p       *puller
	desc    image.Descriptor
	layer   image.Layer // nil when nobody is to be fed
	feeder  Consumer
	bar     *progress
	resumed bool // with what an earlier attempt has left
}

// run tries all places.
func (d *download) run(ctx context.Context) error {
	return d.p.sources.try(ctx, "blob "+string(d.desc.Digest), func(r *repository) error {
		err := d.from(ctx, r)
		// What an earlier attempt has left may have been wrong; it is gone now.
		if _, wrong := errors.AsType[*image.DigestError](err); d.resumed && wrong {
			err = d.from(ctx, r)
		}
		return err
	})
}

// from fetches the blob from one place, unless another program has.
func (d *download) from(ctx context.Context, r *repository) error {
	w, err := d.ingest(ctx)
	if errors.Is(err, store.ErrExists) {
		d.bar.done()
		return nil
	}
	if err != nil {
		return finalError{err}
	}
	d.resumed = w.Offset() > 0
	d.bar.phase(image.PhaseDownload, w.Offset())
	f := d.startFeed(ctx)
	err = f.begin(w)
	if err == nil {
		err = d.fill(ctx, r, w, f)
	}
	if err == nil {
		if _, err = w.Commit(ctx); err != nil && !errors.Is(err, image.ErrCorrupt) {
			err = finalError{err}
		}
	}
	if closeErr := w.Close(); closeErr != nil {
		err = finalError{errors.Join(err, closeErr)}
	}
	if err = f.finish(err); err == nil {
		d.bar.done()
	}
	return err
}

// ingest waits until the blob can be written, or is there.
func (d *download) ingest(ctx context.Context) (*store.Writer, error) {
	var told sync.Once // and never after it has ended
	waiting := time.AfterFunc(patience, func() {
		told.Do(func() { newProgress(d.p.opts.Progress, d.desc).phase(image.PhaseWait, 0) })
	})
	w, err := d.p.lease.Ingest(ctx, d.desc)
	waiting.Stop()
	told.Do(func() {})
	return w, err
}

// fill downloads what is missing, in several parts if the connection breaks.
func (d *download) fill(ctx context.Context, r *repository, w *store.Writer, f *feed) error {
	for attempt := 0; w.Offset() < d.desc.Size; {
		before := w.Offset()
		err := d.part(ctx, r, w, f)
		if err == nil && w.Offset() > before {
			continue
		}
		if w.Offset()-before >= enoughProgress {
			attempt = 0
		}
		if _, broken := errors.AsType[*brokenError](err); !broken || ctx.Err() != nil || attempt >= r.policy.retries {
			return d.explain(ctx, w.Offset(), err)
		}
		r.client.opts.Logger.Debug("registry: download goes on", "blob", d.desc.Digest, "offset", w.Offset(), "error", err)
		if err := r.policy.wait(ctx, attempt); err != nil {
			return err
		}
		attempt++
	}
	return nil
}

// explain says how much has come when something is missing.
func (d *download) explain(ctx context.Context, offset int64, err error) error {
	switch {
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, io.EOF):
		return fmt.Errorf("%w: %w", &image.SizeError{Digest: d.desc.Digest, Want: d.desc.Size, Got: offset}, err)
	}
	return err
}

// part downloads from where the writer is until the connection ends.
func (d *download) part(ctx context.Context, r *repository, w *store.Writer, f *feed) (err error) {
	offset := w.Offset()
	header := http.Header{}
	if offset > 0 {
		header.Set("Range", fmt.Sprintf("bytes=%d-%d", offset, d.desc.Size-1))
	}
	resp, err := r.get(ctx, http.MethodGet, "/blobs/"+string(d.desc.Digest), header)
	if err != nil {
		if offset > 0 && temporary(err) {
			return &brokenError{err}
		}
		return err
	}
	defer func() { err = errors.Join(err, resp.Body.Close()) }()
	last, err := d.check(resp, offset)
	if err != nil {
		return err
	}
	if resp.StatusCode == http.StatusOK && offset > 0 {
		// It does not know ranges. What is there need not be written again.
		if _, err := io.CopyN(io.Discard, resp.Body, offset); err != nil {
			return &brokenError{err}
		}
	}
	return d.copy(resp.Body, w, f, last+1)
}

// check makes sure that an answer is what was asked for. It gives the last
// byte that comes.
func (d *download) check(resp *http.Response, offset int64) (last int64, err error) {
	size := d.desc.Size
	switch resp.StatusCode {
	case http.StatusOK:
		if n := resp.ContentLength; n >= 0 && n != size {
			return 0, &image.SizeError{Digest: d.desc.Digest, Want: size, Got: n}
		}
		return size - 1, nil
	case http.StatusPartialContent:
		text := resp.Header.Get("Content-Range")
		c, ok := parseContentRange(text)
		if ok && c.total >= 0 && c.total != size {
			return 0, &image.SizeError{Digest: d.desc.Digest, Want: size, Got: c.total}
		}
		n := resp.ContentLength
		if !ok || c.first != offset || c.last >= size || n >= 0 && n != c.last-c.first+1 {
			return 0, &RangeError{Digest: d.desc.Digest, Offset: offset, Got: printable(text)}
		}
		return c.last, nil
	case http.StatusRequestedRangeNotSatisfiable:
		return 0, fmt.Errorf("%w: %w", &image.SizeError{Digest: d.desc.Digest, Want: size, Got: offset}, statusError(resp))
	}
	return 0, statusError(resp)
}

// copy writes what comes until end.
func (d *download) copy(r io.Reader, w *store.Writer, f *feed, end int64) error {
	buf := make([]byte, copySize)
	for {
		n, err := r.Read(buf)
		if w.Offset()+int64(n) > end {
			return &image.SizeError{Digest: d.desc.Digest, Want: d.desc.Size, Got: w.Offset() + int64(n)}
		}
		if _, err := w.Write(buf[:n]); err != nil {
			return finalError{err}
		}
		if err := f.write(buf[:n]); err != nil {
			return err
		}
		d.bar.set(w.Offset())
		switch {
		case errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF):
			if w.Offset() < end {
				return &brokenError{io.ErrUnexpectedEOF}
			}
			return nil
		case err != nil:
			return &brokenError{err}
		}
	}
}
