package registry

import (
	"bytes"
	"context"
	"errors"
	"net/http"

	"github.com/sandkit/sandkit/image"
)

// fetch gets a manifest or a small blob, and verifies it.
func (s *sources) fetch(ctx context.Context, d image.Descriptor, limit int64) (raw []byte, err error) {
	if err := image.CheckDescriptor(d); err != nil {
		return nil, err
	}
	if d.Size > limit {
		return nil, &image.LimitError{What: "size of " + string(d.Digest), Limit: limit, Got: d.Size}
	}
	if d.Data != nil {
		return bytes.Clone(d.Data), nil
	}
	err = s.try(ctx, string(d.Digest), func(r *repository) (err error) {
		if image.IsManifest(d.MediaType) || image.IsIndex(d.MediaType) {
			_, raw, err = r.manifest(ctx, string(d.Digest), d.Digest)
		} else {
			raw, err = r.smallBlob(ctx, d)
		}
		if err != nil {
			return err
		}
		return image.Verify(d, raw)
	})
	return raw, err
}

// smallBlob gets a blob whose size is within a limit.
func (r *repository) smallBlob(ctx context.Context, d image.Descriptor) (raw []byte, err error) {
	once := func() (err error) {
		resp, err := r.get(ctx, http.MethodGet, "/blobs/"+string(d.Digest), nil)
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, resp.Body.Close()) }()
		if resp.StatusCode != http.StatusOK {
			return statusError(resp)
		}
		if n := resp.ContentLength; n >= 0 && n != d.Size {
			return &image.SizeError{Digest: d.Digest, Want: d.Size, Got: n}
		}
		raw, err = readBody(resp, "blob", d.Size)
		return err
	}
	return raw, r.again(ctx, func() error { return once() })
}
