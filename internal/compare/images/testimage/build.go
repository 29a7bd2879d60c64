package testimage

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/klauspost/compress/gzip"
	"github.com/opencontainers/go-digest"

	"github.com/sandkit/sandkit/image"
	"github.com/sandkit/sandkit/image/layer"
	"github.com/sandkit/sandkit/image/store"
)

// mediaTypes are those of layers.
var mediaTypes = map[image.Compression]string{
	image.Plain: image.MediaTypeOCILayer, image.Gzip: image.MediaTypeOCILayerGzip, image.Zstd: image.MediaTypeOCILayerZstd,
}

// Build adds an image of layers to a store and names it. Layers are packed as
// most programs do: gzip on level 6, zstd on its default level.
func Build(ctx context.Context, s *store.Store, ref image.Ref, packed image.Compression, layers ...Layer) (_ image.Image, err error) {
	lease, err := s.Lease(ctx)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, lease.Release()) }()
	host := image.HostPlatform()
	created := made
	config := image.Config{
		Created: &created, OS: host.OS, Architecture: host.Architecture, Variant: host.Variant,
		Config: image.RunConfig{Cmd: []string{"/bin/true"}},
		RootFS: image.RootFS{Type: "layers"},
	}
	m := image.Manifest{SchemaVersion: 2, MediaType: image.MediaTypeOCIManifest}
	for i, l := range layers {
		d, diffID, err := add(ctx, lease, packed, l)
		if err != nil {
			return nil, fmt.Errorf("make layer %d of %s: %w", i+1, ref, err)
		}
		m.Layers = append(m.Layers, d)
		config.RootFS.DiffIDs = append(config.RootFS.DiffIDs, diffID)
		config.History = append(config.History, image.History{Created: &created, Comment: fmt.Sprintf("layer %d", i+1)})
	}
	if m.Config, err = put(ctx, lease, image.MediaTypeOCIConfig, config); err != nil {
		return nil, err
	}
	target, err := put(ctx, lease, m.MediaType, m)
	if err != nil {
		return nil, err
	}
	img, err := image.Load(ctx, s, target)
	if err != nil {
		return nil, err
	}
	return img, lease.Tag(ctx, ref, target)
}

// put adds a document.
func put(ctx context.Context, lease *store.Lease, mediaType string, document any) (image.Descriptor, error) {
	b, err := json.Marshal(document)
	if err != nil {
		return image.Descriptor{}, err
	}
	return lease.Put(ctx, mediaType, b)
}

// add adds one layer.
func add(ctx context.Context, lease *store.Lease, packed image.Compression, l Layer) (_ image.Descriptor, diffID image.Digest, err error) {
	w, err := lease.Create(ctx, mediaTypes[packed])
	if err != nil {
		return image.Descriptor{}, "", err
	}
	defer func() { err = errors.Join(err, w.Close()) }()
	p, err := newPacker(w, packed)
	if err != nil {
		return image.Descriptor{}, "", err
	}
	hash := digest.Canonical.Digester()
	if err := errors.Join(l(io.MultiWriter(p, hash.Hash())), p.Close()); err != nil {
		return image.Descriptor{}, "", err
	}
	d, err := w.Commit(ctx)
	return d, hash.Digest(), err
}

func newPacker(w io.Writer, c image.Compression) (io.WriteCloser, error) {
	if c == image.Gzip {
		return gzip.NewWriterLevel(w, 6)
	}
	return layer.NewPacker(w, c)
}
