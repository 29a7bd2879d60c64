package registry

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/sandkit/sandkit/image"
	"github.com/sandkit/sandkit/image/layer"
	"github.com/sandkit/sandkit/image/store"
)

// packedTypes are the media types of layers that get packed.
var packedTypes = map[string]map[image.Compression]string{
	image.MediaTypeOCILayer:    {image.Gzip: image.MediaTypeOCILayerGzip, image.Zstd: image.MediaTypeOCILayerZstd},
	image.MediaTypeDockerLayer: {image.Gzip: image.MediaTypeDockerLayerGzip, image.Zstd: image.MediaTypeDockerLayerZstd},
}

// compress makes an image of packed layers in the store. What has none that
// are not packed stays as it is.
func (p *pusher) compress(ctx context.Context, d image.Descriptor, depth int) (image.Descriptor, error) {
	if depth > image.MaxIndexDepth {
		return d, &image.LimitError{What: "depth of indexes", Limit: image.MaxIndexDepth}
	}
	if !image.IsIndex(d.MediaType) && !image.IsManifest(d.MediaType) {
		return d, nil
	}
	raw, err := image.ReadAll(ctx, p.store, d, image.MaxManifestSize)
	if errors.Is(err, image.ErrNotFound) && depth > 0 {
		return d, nil // collect says whether it is needed
	}
	if err != nil {
		return d, err
	}
	field, pack := "layers", p.compressLayer
	parts, err := partsOf(d, raw)
	if err != nil {
		return d, err
	}
	if image.IsIndex(d.MediaType) {
		field, pack = "manifests", func(ctx context.Context, d image.Descriptor) (image.Descriptor, error) {
			return p.compress(ctx, d, depth+1)
		}
	} else {
		parts = parts[1:] // the configuration
	}
	changed := false
	for i, part := range parts {
		packed, err := pack(ctx, part)
		if err != nil {
			return d, err
		}
		changed = changed || packed.Digest != part.Digest
		parts[i] = packed
	}
	if !changed {
		return d, nil
	}
	return p.replace(ctx, d, raw, field, parts)
}

// replace makes a document that names other parts, and is the same otherwise.
func (p *pusher) replace(ctx context.Context, d image.Descriptor, raw []byte, field string, parts []image.Descriptor) (image.Descriptor, error) {
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(raw, &fields); err != nil {
		return d, err
	}
	list, err := json.Marshal(parts)
	if err != nil {
		return d, err
	}
	fields[field] = list
	if raw, err = json.Marshal(fields); err != nil {
		return d, err
	}
	n, err := p.lease.Put(ctx, d.MediaType, raw)
	d.Digest, d.Size, d.Data = n.Digest, n.Size, nil
	return d, err
}

// compressLayer packs a layer that is not packed.
func (p *pusher) compressLayer(ctx context.Context, d image.Descriptor) (_ image.Descriptor, err error) {
	types, plain := packedTypes[d.MediaType]
	if !plain {
		return d, nil
	}
	if n, ok := p.packed[d.Digest]; ok {
		n.Annotations = d.Annotations
		return n, nil
	}
	mediaType, ok := types[p.opts.Compress]
	if !ok {
		return d, fmt.Errorf("compression %q: %w", p.opts.Compress, image.ErrMediaType)
	}
	r, err := store.Verified(p.store).Open(ctx, d)
	if err != nil {
		return d, &image.Error{Op: "push", Image: p.ref.String(), Layer: d.Digest, Err: err}
	}
	defer func() { err = errors.Join(err, r.Close()) }()
	w, err := p.lease.Create(ctx, mediaType)
	if err != nil {
		return d, err
	}
	defer func() { err = errors.Join(err, w.Close()) }()
	pack, err := layer.NewPacker(w, p.opts.Compress)
	if err != nil {
		return d, err
	}
	if _, err := io.Copy(pack, &contextReader{ctx, r}); err != nil {
		return d, errors.Join(err, pack.Close())
	}
	if err := pack.Close(); err != nil {
		return d, err
	}
	n, err := w.Commit(ctx)
	if err == nil {
		p.packed[d.Digest] = n
	}
	n.Annotations = d.Annotations
	return n, err
}

// contextReader ends with its context.
type contextReader struct {
	ctx context.Context //nolint:containedctx // it lives as long as one call
	r   io.Reader
}

// Read gives the next part.
func (c *contextReader) Read(b []byte) (int, error) {
	if c.ctx.Err() != nil {
		return 0, context.Cause(c.ctx)
	}
	return c.r.Read(b)
}
