package store

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/sandkit/sandkit/image"
)

// change loads the table, changes it and saves it, with the gate alone.
func (s *Store) change(ctx context.Context, f func(*table) error) error {
	g, err := s.alone(ctx)
	if err != nil {
		return err
	}
	defer g.Close()
	t, err := s.load()
	if err != nil {
		return err
	}
	before := slices.Clone(t.rows)
	if err := f(t); err != nil {
		return err
	}
	if slices.EqualFunc(before, t.rows, func(a, b row) bool { return a.ref == b.ref && a.target.Digest == b.target.Digest }) {
		return nil
	}
	return s.save(t)
}

// setTag lets a name mean an image. The target is kept by a lease.
func (s *Store) setTag(ctx context.Context, ref image.Ref, target image.Descriptor) error {
	if d := ref.Digest(); d != "" && d != target.Digest {
		return &image.DigestError{Want: d, Got: target.Digest}
	}
	if !image.IsManifest(target.MediaType) && !image.IsIndex(target.MediaType) {
		return &image.MediaTypeError{What: "image", Got: target.MediaType}
	}
	return s.change(ctx, func(t *table) error {
		t.set(ref, target, time.Now())
		return nil
	})
}

// Tag gives an image, found as [Store.Lookup] does, one more name. Another
// image that had that name stays without it.
func (s *Store) Tag(ctx context.Context, name string, ref image.Ref) error {
	if ref.IsZero() {
		return fmt.Errorf("tag %s: %w", name, &image.RefError{Err: image.ErrInvalid})
	}
	err := s.change(ctx, func(t *table) error {
		target, _, err := s.find(ctx, t, name)
		if err != nil {
			return err
		}
		if d := ref.Digest(); d != "" && d != target.Digest {
			return &image.DigestError{Want: d, Got: target.Digest}
		}
		t.set(ref, target, time.Now())
		return nil
	})
	if err != nil {
		return fmt.Errorf("tag %s as %s: %w", name, ref.Familiar(), err)
	}
	return nil
}

// Untag takes a name away. An image that loses its last one stays, as a
// dangling image. The error matches [image.ErrNotFound] when nothing has that
// name.
func (s *Store) Untag(ctx context.Context, ref image.Ref) error {
	err := s.change(ctx, func(t *table) error {
		i := t.find(ref)
		if ref.IsZero() || i < 0 {
			return &NotFoundError{What: "image", Name: ref.Familiar()}
		}
		t.unname(i)
		return nil
	})
	if err != nil {
		return fmt.Errorf("untag: %w", err)
	}
	return nil
}
