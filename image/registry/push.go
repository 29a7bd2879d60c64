package registry

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"oras.land/oras-go/v2/registry/remote/auth"

	"github.com/sandkit/sandkit/image"
	"github.com/sandkit/sandkit/image/store"
)

// PushOptions say what is pushed. The zero value is everything that the image
// consists of, as it is in the store.
type PushOptions struct {
	// Platform pushes one image of an index, instead of the index with all that
	// it names.
	Platform image.Platform
	// Compress packs layers that are not packed. Manifests, and so digests,
	// change. Plain, the zero value, pushes layers as they are.
	Compress image.Compression
	// MountFrom are repositories of the same registry that may have the blobs,
	// so that these need not be uploaded. Those that the image has names of in
	// the store are tried anyway.
	MountFrom []image.Ref
	// Progress is told of each blob; nil is fine.
	Progress image.ProgressFunc
}

// Push brings an image of a store, found as store.Lookup does, into a registry
// and gives what it is there. Blobs that are there already are not sent.
// Configurations and layers go first, then manifests, then the index that gets
// the tag: nobody sees half an image. An image of which something is neither
// in the store nor in the registry is an error that matches
// [image.ErrNotFound]; with an index that was pulled for one platform,
// PushOptions.Platform helps.
func (c *Client) Push(ctx context.Context, s *store.Store, name string, ref image.Ref, o PushOptions) (image.Descriptor, error) {
	p := &pusher{
		client: c, store: s, ref: ref, opts: o,
		packed: make(map[image.Digest]image.Descriptor), seen: make(map[image.Digest]bool),
	}
	d, err := p.push(ctx, name)
	if err != nil {
		return image.Descriptor{}, failed("push", ref, err)
	}
	return d, nil
}

// pusher is one Push.
type pusher struct {
	client    *Client
	store     *store.Store
	lease     *store.Lease
	ref       image.Ref
	opts      PushOptions
	repo      *repository
	mountFrom []string

	packed    map[image.Digest]image.Descriptor // by the digest before
	seen      map[image.Digest]bool
	blobs     []image.Descriptor
	manifests []document // those below come first
}

// document is a manifest or an index.
type document struct {
	desc image.Descriptor
	raw  []byte // nil when it is only in the registry
}

func (p *pusher) push(ctx context.Context, name string) (target image.Descriptor, err error) {
	if p.ref.IsZero() {
		return target, &OptionError{Option: "ref", Err: errNothing}
	}
	if p.lease, err = p.store.Lease(ctx); err != nil {
		return target, err
	}
	defer func() { err = errors.Join(err, p.lease.Discard(context.WithoutCancel(ctx))) }()
	entry, err := p.store.Lookup(ctx, name)
	if err != nil {
		return target, err
	}
	target = entry.Target
	if err := p.lease.Keep(ctx, target); err != nil {
		return target, err
	}
	if o := p.opts.Platform; o.OS != "" || o.Architecture != "" {
		img, err := p.store.Load(ctx, target, o)
		if err != nil {
			return target, err
		}
		if made := img.Config().Platform(); !o.Runs(made) {
			return target, &image.PlatformError{Want: o, Have: []image.Platform{made}}
		}
		target = img.Descriptor()
	}
	target.Annotations, target.Platform = nil, nil
	if p.opts.Compress != image.Plain {
		if target, err = p.compress(ctx, target, 0); err != nil {
			return target, fmt.Errorf("compress: %w", err)
		}
	}
	if want := p.ref.Digest(); want != "" && want != target.Digest {
		return target, &image.DigestError{Want: want, Got: target.Digest}
	}
	p.findMounts(entry.Refs)
	if p.repo, err = p.client.origin(ctx, p.ref); err != nil {
		return target, err
	}
	return target, p.send(p.repo.scoped(ctx, auth.ActionPull, auth.ActionPush), target)
}

// maxMounts limits in how many repositories blobs are looked for.
const maxMounts = 4

// findMounts lists repositories of the same registry that may have the blobs.
func (p *pusher) findMounts(names []image.Ref) {
	for _, r := range append(slices.Clone(p.opts.MountFrom), names...) {
		if r.Registry() == p.ref.Registry() && r.Repository() != p.ref.Repository() && !slices.Contains(p.mountFrom, r.Repository()) {
			p.mountFrom = append(p.mountFrom, r.Repository())
		}
	}
	p.mountFrom = p.mountFrom[:min(len(p.mountFrom), maxMounts)]
}

// send collects what the image consists of and uploads it.
func (p *pusher) send(ctx context.Context, target image.Descriptor) error {
	if err := p.collect(ctx, target, 0); err != nil {
		return err
	}
	var all []func(context.Context) error
	for _, d := range p.blobs {
		all = append(all, func(ctx context.Context) error { return p.blob(ctx, d) })
	}
	if err := parallel(ctx, p.client.opts.Concurrency, all); err != nil {
		return err
	}
	for i, m := range p.manifests {
		reference := string(m.desc.Digest)
		if i == len(p.manifests)-1 && p.ref.Tag() != "" && p.ref.Digest() == "" {
			reference = p.ref.Tag()
		}
		if err := p.manifest(ctx, m, reference); err != nil {
			return fmt.Errorf("manifest %s: %w", m.desc.Digest, err)
		}
	}
	return nil
}

// collect lists the blobs and manifests of an image, the target last.
func (p *pusher) collect(ctx context.Context, d image.Descriptor, depth int) error {
	if depth > image.MaxIndexDepth {
		return &image.LimitError{What: "depth of indexes", Limit: image.MaxIndexDepth}
	}
	if p.seen[d.Digest] {
		return nil
	}
	p.seen[d.Digest] = true
	if !image.IsManifest(d.MediaType) && !image.IsIndex(d.MediaType) {
		return p.need(ctx, d)
	}
	raw, err := image.ReadAll(ctx, p.store, d, image.MaxManifestSize)
	if errors.Is(err, image.ErrNotFound) && depth > 0 {
		return p.needManifest(ctx, d, err)
	}
	if err != nil {
		return err
	}
	parts, err := partsOf(d, raw)
	if err != nil {
		return err
	}
	for _, part := range parts {
		if err := p.collect(ctx, part, depth+1); err != nil {
			return err
		}
	}
	p.manifests = append(p.manifests, document{d, raw})
	return nil
}

// partsOf lists what a manifest or an index names.
func partsOf(d image.Descriptor, raw []byte) ([]image.Descriptor, error) {
	if image.IsIndex(d.MediaType) {
		x, err := image.ParseIndex(d, raw)
		if err != nil {
			return nil, err
		}
		return x.Manifests, nil
	}
	m, err := image.ParseManifest(d, raw)
	if err != nil {
		return nil, err
	}
	return append([]image.Descriptor{m.Config}, m.Layers...), nil
}

// need lists a blob; one that is not in the store must be in the registry.
func (p *pusher) need(ctx context.Context, d image.Descriptor) error {
	ok, err := p.store.Has(d.Digest)
	if err == nil && !ok && d.Data == nil {
		if ok, err = p.exists(ctx, d); err == nil && !ok {
			err = fmt.Errorf("it is neither in the store nor in the registry: %w", &store.NotFoundError{What: "blob", Name: string(d.Digest)})
		}
	}
	if err != nil {
		return &image.Error{Op: "push", Image: p.ref.String(), Layer: d.Digest, Err: err}
	}
	p.blobs = append(p.blobs, d)
	return nil
}

// needManifest makes sure that the registry has a manifest that the store has
// not.
func (p *pusher) needManifest(ctx context.Context, d image.Descriptor, missing error) error {
	_, err := p.repo.remote.Manifests().Resolve(ctx, string(d.Digest))
	err = plain(err)
	if errors.Is(err, image.ErrNotFound) {
		platform := "unknown"
		if d.Platform != nil {
			platform = image.Platform(*d.Platform).String()
		}
		return fmt.Errorf("manifest for platform %s is neither in the store nor in the registry: %w", platform, missing)
	}
	return err
}
