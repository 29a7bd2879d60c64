package store

import (
	"context"
	"errors"
	"slices"

	"github.com/sandkit/sandkit/image"
)

// closure is what images refer to, directly or not. All of it is by digest: of
// blobs, of layers' tars and of chains of them.
type closure struct {
	digests map[image.Digest]bool
	damaged []image.Digest // documents that are not what their digests say
	order   []image.Descriptor
}

func (c *closure) add(d image.Digest) { c.digests[d] = true }

// reach finds what descriptors refer to, as far as it is there. Documents that
// cannot be read refer to nothing; a missing one is no error.
func (s *Store) reach(ctx context.Context, roots []image.Descriptor) (*closure, error) {
	c := &closure{digests: make(map[image.Digest]bool)}
	seen := make(map[string]bool) // by media type, too: a root may have a wrong one
	todo := slices.Clone(roots)
	for len(todo) > 0 {
		if err := ctx.Err(); err != nil {
			return nil, context.Cause(ctx)
		}
		d := todo[0]
		todo = todo[1:]
		key := string(d.Digest) + " " + d.MediaType
		if seen[key] || !isDigest(d.Digest) {
			continue
		}
		seen[key] = true
		if !c.digests[d.Digest] {
			c.order = append(c.order, d)
		}
		c.add(d.Digest)
		parts, err := s.parts(ctx, d, c)
		switch {
		case errors.Is(err, image.ErrCorrupt):
			c.damaged = append(c.damaged, d.Digest)
		case errors.Is(err, image.ErrNotFound), errors.Is(err, image.ErrInvalid),
			errors.Is(err, image.ErrMediaType), errors.Is(err, image.ErrTooLarge):
		case err != nil:
			return nil, err
		}
		todo = append(todo, parts...)
	}
	return c, nil
}

// parts gives what a document refers to, and adds the digests of unpacked
// layers to the closure.
func (s *Store) parts(ctx context.Context, d image.Descriptor, c *closure) ([]image.Descriptor, error) {
	switch {
	case image.IsIndex(d.MediaType):
		raw, err := s.readDocument(ctx, &d, image.MaxManifestSize)
		if err != nil {
			return nil, err
		}
		x, err := image.ParseIndex(d, raw)
		if err != nil {
			return nil, err
		}
		return withSubject(x.Manifests, x.Subject), nil
	case image.IsManifest(d.MediaType):
		raw, err := s.readDocument(ctx, &d, image.MaxManifestSize)
		if err != nil {
			return nil, err
		}
		m, err := image.ParseManifest(d, raw)
		if err != nil {
			return nil, err
		}
		return withSubject(append([]image.Descriptor{m.Config}, m.Layers...), m.Subject), nil
	case image.IsConfig(d.MediaType):
		raw, err := s.readDocument(ctx, &d, image.MaxConfigSize)
		if err != nil {
			return nil, err
		}
		config, err := image.ParseConfig(d, raw)
		if err != nil {
			return nil, err
		}
		for _, id := range slices.Concat(config.RootFS.DiffIDs, image.ChainIDs(config.RootFS.DiffIDs)) {
			c.add(id)
		}
	}
	return nil, nil
}

func withSubject(parts []image.Descriptor, subject *image.Descriptor) []image.Descriptor {
	if subject != nil {
		parts = append(parts, *subject)
	}
	return parts
}

// readDocument reads a small blob and verifies it. A lease does not know sizes,
// so that the file's is taken.
func (s *Store) readDocument(ctx context.Context, d *image.Descriptor, limit int64) ([]byte, error) {
	if d.Size == 0 && d.Data == nil {
		info, err := s.blobInfo(d.Digest)
		if err != nil {
			return nil, err
		}
		d.Size = info.Size()
	}
	return image.ReadAll(ctx, s, *d, limit)
}
