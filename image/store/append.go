package store

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/sandkit/sandkit/image"
)

// Append adds an image without a name: the layers of base, which may be nil,
// and one more on top, whose blob is in the store. The configuration is taken
// as it is, but for RootFS. The result is an OCI image also where base is
// Docker's; base's layers need not be there.
func (l *Lease) Append(ctx context.Context, base image.Image, layer image.Descriptor, diffID image.Digest, c image.Config) (image.Image, error) {
	img, err := l.appendLayer(ctx, base, layer, diffID, c)
	if err != nil {
		return nil, &image.Error{Op: "append layer", Layer: layer.Digest, Err: err}
	}
	return img, nil
}

func (l *Lease) appendLayer(ctx context.Context, base image.Image, layer image.Descriptor, diffID image.Digest, c image.Config) (image.Image, error) {
	ok, err := l.store.Has(layer.Digest)
	if err == nil && !ok {
		err = &NotFoundError{What: "blob", Name: string(layer.Digest)}
	}
	if err != nil {
		return nil, err
	}
	m := image.Manifest{SchemaVersion: 2, MediaType: image.MediaTypeOCIManifest}
	c.RootFS = image.RootFS{Type: "layers"}
	if base != nil {
		for _, b := range base.Layers() {
			d := b.Descriptor()
			d.MediaType = ociLayerType(d.MediaType)
			m.Layers = append(m.Layers, d)
			c.RootFS.DiffIDs = append(c.RootFS.DiffIDs, b.DiffID())
		}
	}
	m.Layers = append(m.Layers, layer)
	c.RootFS.DiffIDs = append(c.RootFS.DiffIDs, diffID)
	config, err := json.Marshal(c)
	if err != nil {
		return nil, fmt.Errorf("make configuration: %w", err)
	}
	if m.Config, err = l.Put(ctx, image.MediaTypeOCIConfig, config); err != nil {
		return nil, err
	}
	manifest, err := json.Marshal(m)
	if err != nil {
		return nil, fmt.Errorf("make manifest: %w", err)
	}
	target, err := l.Put(ctx, m.MediaType, manifest)
	if err != nil {
		return nil, err
	}
	img, err := image.New(l.store, target, manifest, config)
	if err != nil {
		return nil, errors.Join(err, l.Discard(ctx))
	}
	return img, nil
}

// ociLayerType gives the OCI's name for a layer's media type of Docker's.
func ociLayerType(mediaType string) string {
	oci := map[string]string{
		image.MediaTypeDockerLayer:            image.MediaTypeOCILayer,
		image.MediaTypeDockerLayerGzip:        image.MediaTypeOCILayerGzip,
		image.MediaTypeDockerLayerZstd:        image.MediaTypeOCILayerZstd,
		image.MediaTypeDockerForeignLayer:     image.MediaTypeOCIForeignLayer,
		image.MediaTypeDockerForeignLayerGzip: image.MediaTypeOCIForeignLayerGzip,
	}
	if t, ok := oci[mediaType]; ok {
		return t
	}
	return mediaType
}
