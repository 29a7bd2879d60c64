package registry

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math"

	"github.com/sandkit/sandkit/image"
	"github.com/sandkit/sandkit/image/store"
)

// PullOptions say what is pulled. The zero value is this host's image.
type PullOptions struct {
	// Platform is the one that is wanted of an index; this host's if zero. An
	// image that is not for it is an error, but for this host's only when an
	// index says so.
	Platform image.Platform
	// AllPlatforms brings everything that an index names, also what is no
	// image, such as attestations.
	AllPlatforms bool
	// Progress is told of each blob; nil is fine.
	Progress image.ProgressFunc
	// Verify may refuse an image. It is called with the manifest or index
	// before any part of the image is used and before the image gets its name,
	// also when everything is in the store already. See [VerifyKey].
	Verify func(ctx context.Context, s Subject) error
	// Consumer makes somebody who uses layers while they are downloaded. It is
	// called for each image that is pulled, before its layers; it may give nil.
	// Layers that are in the store, or that another program fetches, are not
	// fed.
	Consumer func(ctx context.Context, lease *store.Lease, img image.Image) (Consumer, error)
}

// Pull brings an image into the store of the lease and names it there. It
// gives the image for the platform. A ref with a digest gets exactly that; the
// tag beside it is a note. When an error ends it, no name has changed, and the
// next Pull goes on where this one stopped.
func (c *Client) Pull(ctx context.Context, lease *store.Lease, ref image.Ref, o PullOptions) (image.Image, error) {
	if ref.IsZero() {
		return nil, failed("pull", ref, &OptionError{Option: "ref", Err: errNothing})
	}
	p := &puller{client: c, lease: lease, store: lease.Store(), ref: ref, opts: o, sources: c.sourcesOf(ref)}
	p.wanted = o.Platform
	if o.Platform.OS == "" && o.Platform.Architecture == "" {
		p.wanted = image.HostPlatform()
	}
	img, err := p.pull(ctx)
	if err != nil {
		return nil, failed("pull", ref, err)
	}
	return img, nil
}

// PullImage is [Client.Pull] for those who know a client as a [store.Puller].
func (c *Client) PullImage(ctx context.Context, lease *store.Lease, r store.PullRequest) (image.Image, error) {
	return c.Pull(ctx, lease, r.Ref, PullOptions{Platform: r.Platform, Progress: r.Progress, Consumer: r.Consumer})
}

// puller is one Pull.
type puller struct {
	client  *Client
	lease   *store.Lease
	store   *store.Store
	ref     image.Ref
	opts    PullOptions
	wanted  image.Platform
	sources *sources
}

func (p *puller) pull(ctx context.Context) (image.Image, error) {
	target, raw, err := p.client.resolve(ctx, p.ref)
	if err != nil {
		return nil, err
	}
	if raw == nil {
		raw, err = p.document(ctx, target)
	} else {
		_, err = p.lease.Put(ctx, target.MediaType, raw)
	}
	if err != nil {
		return nil, fmt.Errorf("manifest %s: %w", target.Digest, err)
	}
	if p.opts.Verify != nil {
		err := p.opts.Verify(ctx, Subject{Ref: p.ref, Descriptor: target, Manifest: raw, sources: p.sources})
		if err != nil {
			return nil, fmt.Errorf("verify: %w", err)
		}
	}
	var img image.Image
	switch {
	case image.IsIndex(target.MediaType) && p.opts.AllPlatforms:
		w := &everything{p: p, seen: make(map[image.Digest]bool)}
		if err = w.walk(ctx, target, raw, 0); err == nil {
			img, err = w.choose(ctx)
		}
	default:
		img, err = p.selected(ctx, target, raw)
	}
	if err != nil {
		return nil, err
	}
	if err := p.lease.Tag(ctx, p.ref, target); err != nil {
		return nil, err
	}
	return img, nil
}

// selected pulls the one image for the platform.
func (p *puller) selected(ctx context.Context, d image.Descriptor, raw []byte) (image.Image, error) {
	for depth := 0; image.IsIndex(d.MediaType); depth++ {
		if depth == image.MaxIndexDepth {
			return nil, &image.LimitError{What: "depth of indexes", Limit: image.MaxIndexDepth}
		}
		x, err := image.ParseIndex(d, raw)
		if err != nil {
			return nil, err
		}
		if d, err = x.Select(p.wanted); err != nil {
			return nil, err
		}
		if raw, err = p.document(ctx, d); err != nil {
			return nil, fmt.Errorf("manifest %s: %w", d.Digest, err)
		}
	}
	return p.image(ctx, d, raw, p.opts.Platform.OS != "" || p.opts.Platform.Architecture != "")
}

// image pulls what a manifest names.
func (p *puller) image(ctx context.Context, d image.Descriptor, raw []byte, strict bool) (image.Image, error) {
	m, err := image.ParseManifest(d, raw)
	if err != nil {
		return nil, err
	}
	if !image.IsConfig(m.Config.MediaType) {
		return nil, &image.MediaTypeError{What: "configuration", Got: m.Config.MediaType}
	}
	if err := p.limits(m); err != nil {
		return nil, err
	}
	config, err := p.document(ctx, m.Config)
	if err != nil {
		return nil, fmt.Errorf("configuration %s: %w", m.Config.Digest, err)
	}
	d.Annotations, d.Data = nil, nil
	img, err := image.New(p.store, d, raw, config)
	if err != nil {
		return nil, err
	}
	if made := img.Config().Platform(); strict && made.OS != "" && !p.wanted.Runs(made) {
		return nil, &image.PlatformError{Want: p.wanted, Have: []image.Platform{made}}
	}
	var feeder Consumer
	if p.opts.Consumer != nil {
		if feeder, err = p.opts.Consumer(ctx, p.lease, img); err != nil {
			return nil, err
		}
	}
	return img, p.layers(ctx, img, feeder)
}

// limits checks sizes before anything is downloaded.
func (p *puller) limits(m *image.Manifest) error {
	total := m.Config.Size
	for _, d := range m.Layers {
		if most := p.client.opts.MaxLayerSize; d.Size > most {
			err := &image.LimitError{What: "layer size", Limit: most, Got: d.Size}
			return &image.Error{Op: "pull", Image: p.ref.String(), Layer: d.Digest, Err: err}
		}
		if d.Size > math.MaxInt64-total {
			total = math.MaxInt64
			break
		}
		total += d.Size
	}
	if most := p.client.opts.MaxImageSize; total > most {
		return &image.LimitError{What: "image size", Limit: most, Got: total}
	}
	return nil
}

// layers downloads the layers, each once.
func (p *puller) layers(ctx context.Context, img image.Image, feeder Consumer) error {
	seen := make(map[image.Digest]bool)
	var all []func(context.Context) error
	for _, l := range img.Layers() {
		d := l.Descriptor()
		if seen[d.Digest] {
			continue
		}
		seen[d.Digest] = true
		all = append(all, func(ctx context.Context) error { return p.blob(ctx, d, l, feeder) })
	}
	return parallel(ctx, p.client.opts.Concurrency, all)
}

// blob brings a blob into the store.
func (p *puller) blob(ctx context.Context, desc image.Descriptor, l image.Layer, feeder Consumer) error {
	if desc.Data != nil {
		return p.lease.Copy(ctx, desc, bytes.NewReader(desc.Data))
	}
	d := &download{p: p, desc: desc, layer: l, feeder: feeder, bar: newProgress(p.opts.Progress, desc)}
	if err := d.run(ctx); err != nil {
		return &image.Error{Op: "pull", Image: p.ref.String(), Layer: desc.Digest, Err: err}
	}
	return nil
}

// document brings a manifest or a configuration into the store, where it may
// be already, and reads it.
func (p *puller) document(ctx context.Context, d image.Descriptor) ([]byte, error) {
	limit, what := int64(image.MaxConfigSize), "blob"
	if image.IsManifest(d.MediaType) || image.IsIndex(d.MediaType) {
		limit, what = image.MaxManifestSize, "manifest"
	}
	if err := image.CheckDescriptor(d); err != nil {
		return nil, err
	}
	if d.Size > limit {
		return nil, &image.LimitError{What: what + " size", Limit: limit, Got: d.Size}
	}
	w, err := p.lease.Ingest(ctx, d)
	if errors.Is(err, store.ErrExists) {
		return image.ReadAll(ctx, p.store, d, limit)
	}
	if err != nil {
		return nil, err
	}
	bar := newProgress(p.opts.Progress, d)
	bar.phase(image.PhaseDownload, 0)
	raw, err := p.sources.fetch(ctx, d, limit)
	if err == nil {
		err = w.Reset()
	}
	if err == nil {
		_, err = w.Write(raw)
	}
	if err == nil {
		_, err = w.Commit(ctx)
	}
	if err := errors.Join(err, w.Close()); err != nil {
		return nil, err
	}
	bar.done()
	return raw, nil
}
