package store

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/sandkit/sandkit/image"
)

// An Entry is an image in the store: a manifest, or an index with manifests
// for several platforms.
type Entry struct {
	// Target is the manifest or index.
	Target image.Descriptor
	// Refs are the names, in order; none for a dangling image.
	Refs []image.Ref
	// IDs are the digests of the configurations that are there, by which
	// Docker knows images: one for a manifest.
	IDs []image.Digest
	// Platforms are those of the configurations.
	Platforms []image.Platform
	// Added is when the image got into the store; Created is when the newest
	// configuration says that it was made, or zero.
	Added, Created time.Time
	// Size is how many bytes the image's blobs have that are there. Unpacked
	// layers are not counted.
	Size int64
}

// ID is what Docker calls the image's id, or the target's digest when there is
// not exactly one configuration.
func (e *Entry) ID() image.Digest {
	if len(e.IDs) == 1 {
		return e.IDs[0]
	}
	return e.Target.Digest
}

// Dangling tells whether the image has no name.
func (e *Entry) Dangling() bool { return len(e.Refs) == 0 }

// List gives all images, those that were made last first.
func (s *Store) List(ctx context.Context) ([]Entry, error) {
	t, err := s.load()
	if err != nil {
		return nil, fmt.Errorf("list images: %w", err)
	}
	var all []Entry
	for _, d := range t.targets() {
		e, err := s.describe(ctx, t, d)
		if err != nil {
			return nil, fmt.Errorf("list images: %w", err)
		}
		all = append(all, e)
	}
	slices.SortStableFunc(all, func(a, b Entry) int { return b.Created.Compare(a.Created) })
	return all, nil
}

// Lookup finds an image by name ("busybox", "localhost:5000/a:1"), by name and
// digest ("busybox@sha256:..."), or by id: the digest of the target or of a
// configuration, with or without "sha256:", or the beginning of one. A name
// goes before an id. The error matches [image.ErrNotFound] or [ErrAmbiguous].
func (s *Store) Lookup(ctx context.Context, name string) (Entry, error) {
	t, err := s.load()
	if err != nil {
		return Entry{}, fmt.Errorf("look up %s: %w", name, err)
	}
	d, _, err := s.find(ctx, t, name)
	if err != nil {
		return Entry{}, fmt.Errorf("look up image: %w", err)
	}
	return s.describe(ctx, t, d)
}

// find gives the target that a name means; ref is zero when it is an id.
func (s *Store) find(ctx context.Context, t *table, name string) (target image.Descriptor, ref image.Ref, err error) {
	if ref, err := image.ParseRef(name); err == nil {
		if i := t.find(ref); i >= 0 {
			return t.rows[i].target, ref, nil
		}
		for _, r := range t.rows {
			if ref.Digest() != "" && r.target.Digest == ref.Digest() && r.ref.Name() == ref.Name() {
				return r.target, r.ref, nil
			}
		}
	}
	hex := strings.TrimPrefix(strings.TrimPrefix(name, "sha256:"), "sha512:")
	if hex == "" || len(hex) > 128 || strings.Trim(hex, "0123456789abcdef") != "" {
		return target, ref, &NotFoundError{What: "image", Name: name}
	}
	target, err = s.findID(ctx, t, name, hex)
	return target, image.Ref{}, err
}

func (s *Store) findID(ctx context.Context, t *table, name, hex string) (image.Descriptor, error) {
	var found []image.Descriptor
	for _, d := range t.targets() {
		if d.Digest.Encoded() == hex {
			return d, nil
		}
		match := strings.HasPrefix(d.Digest.Encoded(), hex)
		if !match {
			c, err := s.reach(ctx, []image.Descriptor{d})
			if err != nil {
				return d, err
			}
			match = slices.ContainsFunc(c.order, func(p image.Descriptor) bool {
				return image.IsConfig(p.MediaType) && strings.HasPrefix(p.Digest.Encoded(), hex)
			})
		}
		if match {
			found = append(found, d)
		}
	}
	switch len(found) {
	case 0:
		return image.Descriptor{}, &NotFoundError{What: "image", Name: name}
	case 1:
		return found[0], nil
	}
	e := &AmbiguousError{ID: name}
	for _, d := range found {
		e.Matches = append(e.Matches, d.Digest)
	}
	return image.Descriptor{}, e
}

// targets are the images, each once.
func (t *table) targets() []image.Descriptor {
	var all []image.Descriptor
	seen := make(map[image.Digest]bool)
	for _, r := range t.rows {
		if !seen[r.target.Digest] {
			seen[r.target.Digest] = true
			all = append(all, r.target)
		}
	}
	return all
}

// refs are the names of an image, in order.
func (t *table) refs(d image.Digest) []image.Ref {
	var refs []image.Ref
	for _, r := range t.rows {
		if r.target.Digest == d && !r.ref.IsZero() {
			refs = append(refs, r.ref)
		}
	}
	slices.SortFunc(refs, func(a, b image.Ref) int { return strings.Compare(a.String(), b.String()) })
	return refs
}

// describe collects what is known of an image.
func (s *Store) describe(ctx context.Context, t *table, target image.Descriptor) (Entry, error) {
	e := Entry{Target: target, Refs: t.refs(target.Digest)}
	for _, r := range t.rows {
		if r.target.Digest == target.Digest {
			e.Added = r.added
		}
	}
	c, err := s.reach(ctx, []image.Descriptor{target})
	if err != nil {
		return e, err
	}
	for _, d := range c.order {
		info, err := s.blobInfo(d.Digest)
		if err != nil {
			continue // layers of other platforms were never fetched
		}
		e.Size += info.Size()
		if !image.IsConfig(d.MediaType) {
			continue
		}
		e.IDs = append(e.IDs, d.Digest)
		if config, err := s.readConfig(ctx, d); err == nil {
			e.Platforms = append(e.Platforms, config.Platform())
			if config.Created != nil && config.Created.After(e.Created) {
				e.Created = *config.Created
			}
		}
	}
	return e, nil
}

func (s *Store) readConfig(ctx context.Context, d image.Descriptor) (*image.Config, error) {
	raw, err := image.ReadAll(ctx, s, d, image.MaxConfigSize)
	if err != nil {
		return nil, err
	}
	return image.ParseConfig(d, raw)
}
