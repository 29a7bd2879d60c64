package registry

import (
	"context"
	"fmt"

	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/sandkit/sandkit/image"
)

// everything pulls all that an index names.
type everything struct {
	p     *puller
	seen  map[image.Digest]bool
	found []found
}

// found is an image that was pulled.
type found struct {
	desc     image.Descriptor
	platform image.Platform
}

// walk pulls what is below an index.
func (e *everything) walk(ctx context.Context, d image.Descriptor, raw []byte, depth int) error {
	if depth == image.MaxIndexDepth {
		return &image.LimitError{What: "depth of indexes", Limit: image.MaxIndexDepth}
	}
	x, err := image.ParseIndex(d, raw)
	if err != nil {
		return err
	}
	for _, m := range x.Manifests {
		if e.seen[m.Digest] {
			continue
		}
		if e.seen[m.Digest] = true; len(e.seen) > image.MaxIndexEntries {
			return &image.LimitError{What: "number of manifests", Limit: image.MaxIndexEntries}
		}
		if !image.IsIndex(m.MediaType) && !image.IsManifest(m.MediaType) {
			err := e.p.limits(&image.Manifest{Layers: []image.Descriptor{m}})
			if err == nil {
				err = e.p.blob(ctx, m, nil, nil)
			}
			if err != nil {
				return err
			}
			continue
		}
		raw, err := e.p.document(ctx, m)
		if err != nil {
			return fmt.Errorf("manifest %s: %w", m.Digest, err)
		}
		if image.IsIndex(m.MediaType) {
			err = e.walk(ctx, m, raw, depth+1)
		} else {
			err = e.manifest(ctx, m, raw)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// manifest pulls an image, or what else a manifest names.
func (e *everything) manifest(ctx context.Context, d image.Descriptor, raw []byte) error {
	m, err := image.ParseManifest(d, raw)
	if err != nil {
		return err
	}
	if isImage(d, m) {
		img, err := e.p.image(ctx, d, raw, false)
		if err == nil {
			e.found = append(e.found, found{img.Descriptor(), img.Config().Platform()})
		}
		return err
	}
	if err := e.p.limits(m); err != nil {
		return err
	}
	var all []func(context.Context) error
	seen := make(map[image.Digest]bool)
	for _, b := range append([]image.Descriptor{m.Config}, m.Layers...) {
		if !seen[b.Digest] {
			seen[b.Digest] = true
			all = append(all, func(ctx context.Context) error { return e.p.blob(ctx, b, nil, nil) })
		}
	}
	return parallel(ctx, e.p.client.opts.Concurrency, all)
}

// isImage tells images from attestations and the like.
func isImage(d image.Descriptor, m *image.Manifest) bool {
	if !image.IsConfig(m.Config.MediaType) || d.ArtifactType != "" || m.ArtifactType != "" {
		return false
	}
	for _, l := range m.Layers {
		if !image.IsLayer(l.MediaType) {
			return false
		}
	}
	return d.Platform == nil || d.Platform.OS != "unknown"
}

// choose gives the image for the platform, or else the first.
func (e *everything) choose(ctx context.Context) (image.Image, error) {
	if len(e.found) == 0 {
		return nil, &image.PlatformError{Want: e.p.wanted}
	}
	x := image.Index{}
	have := make([]image.Platform, len(e.found))
	for i, f := range e.found {
		d := f.desc
		platform := ocispec.Platform(f.platform)
		d.Platform = &platform
		x.Manifests = append(x.Manifests, d)
		have[i] = f.platform
	}
	d, err := x.Select(e.p.wanted)
	if err != nil {
		if e.p.opts.Platform.OS != "" || e.p.opts.Platform.Architecture != "" {
			return nil, &image.PlatformError{Want: e.p.wanted, Have: have}
		}
		d = e.found[0].desc
	}
	return image.Load(ctx, e.p.store, d)
}
