package store

import (
	"context"
	"fmt"
	"os"
	"slices"

	"github.com/sandkit/sandkit/image"
)

// A Report tells what was removed.
type Report struct {
	Untagged []image.Ref    // names that are gone
	Deleted  []image.Digest // images that are gone, by their targets
	Blobs    int            // how many blobs are gone
	Layers   int            // how many unpacked layers are gone
	Partial  int            // how many beginnings of blobs and layers are gone
	Freed    int64          // bytes on the disk; what is in use is freed later
	// Damaged are manifests and configurations that are not what their digests
	// say, and so keep nothing.
	Damaged []image.Digest
}

// Remove removes a name, as docker rmi does: and with an image's last name, or
// with its id, the image, and what only it has. It is an *[InUseError] when the
// id of an image with several names is given, or when a lease keeps the image.
// With force, all names go, and what a lease keeps goes when nothing keeps it
// any more and [Store.Collect] is called.
func (s *Store) Remove(ctx context.Context, name string, force bool) (Report, error) {
	var r Report
	err := s.reduce(ctx, &r, func(t *table, h held) error {
		target, ref, err := s.find(ctx, t, name)
		if err != nil {
			return err
		}
		refs := t.refs(target.Digest)
		if !ref.IsZero() && !lastOf(refs, ref) {
			i := t.find(ref)
			t.rows = slices.Delete(t.rows, i, i+1)
			r.Untagged = []image.Ref{ref}
			return nil
		}
		if !force && len(refs) > 0 && !lastOf(refs, firstTag(refs)) {
			return &InUseError{Image: name, Tags: refs}
		}
		if used, err := s.inUse(ctx, target, h); err != nil {
			return err
		} else if used && !force {
			return &InUseError{Image: name}
		}
		r.drop(t, target.Digest)
		return nil
	})
	if err != nil {
		return r, fmt.Errorf("remove image %s: %w", name, err)
	}
	return r, nil
}

// Prune removes the images that have no name and are kept by no lease; with
// all, also those that have names. What only they have goes with them.
func (s *Store) Prune(ctx context.Context, all bool) (Report, error) {
	var r Report
	err := s.reduce(ctx, &r, func(t *table, h held) error {
		for _, d := range t.targets() {
			if !all && len(t.refs(d.Digest)) > 0 {
				continue
			}
			if used, err := s.inUse(ctx, d, h); err != nil {
				return err
			} else if !used {
				r.drop(t, d.Digest)
			}
		}
		return nil
	})
	if err != nil {
		return r, fmt.Errorf("prune images: %w", err)
	}
	return r, nil
}

// lastOf tells whether an image has no name that counts beside one: a name with
// a digest goes with the tag of its repository, as Docker has it.
func lastOf(refs []image.Ref, ref image.Ref) bool {
	return !slices.ContainsFunc(refs, func(r image.Ref) bool {
		return r != ref && (r.Digest() == "" || r.Name() != ref.Name())
	})
}

// firstTag gives a name with a tag, or else any.
func firstTag(refs []image.Ref) image.Ref {
	if i := slices.IndexFunc(refs, func(r image.Ref) bool { return r.Digest() == "" }); i >= 0 {
		return refs[i]
	}
	return refs[0]
}

// drop takes an image out of the table and reports it.
func (r *Report) drop(t *table, d image.Digest) {
	r.Untagged = append(r.Untagged, t.refs(d)...)
	r.Deleted = append(r.Deleted, d)
	t.drop(d)
}

// inUse tells whether a lease keeps a manifest of the image.
func (s *Store) inUse(ctx context.Context, target image.Descriptor, h held) (bool, error) {
	mine, err := s.reach(ctx, []image.Descriptor{target})
	if err != nil {
		return false, err
	}
	kept, err := s.reach(ctx, h.blobs)
	if err != nil {
		return false, err
	}
	return slices.ContainsFunc(mine.order, func(d image.Descriptor) bool {
		return (image.IsManifest(d.MediaType) || image.IsIndex(d.MediaType)) && kept.digests[d.Digest]
	}), nil
}

// reduce lets f take images out of the table, saves it, and removes what only
// these had.
func (s *Store) reduce(ctx context.Context, r *Report, f func(*table, held) error) error {
	if err := s.reduceTable(ctx, r, f); err != nil {
		return err
	}
	return s.emptyTrash(ctx)
}

func (s *Store) reduceTable(ctx context.Context, r *Report, f func(*table, held) error) error {
	g, err := s.alone(ctx)
	if err != nil {
		return err
	}
	defer g.Close()
	t, err := s.load()
	if err != nil {
		return err
	}
	before := t.targets()
	h, _, err := s.readLeases()
	if err != nil {
		return err
	}
	if err := f(t, h); err != nil {
		return err
	}
	gone := slices.DeleteFunc(before, func(d image.Descriptor) bool { return t.has(d.Digest) })
	had, err := s.reach(ctx, gone)
	if err != nil {
		return err
	}
	if len(r.Untagged)+len(r.Deleted) == 0 {
		return nil
	}
	if err := s.save(t); err != nil {
		return err
	}
	return s.sweep(ctx, t, h, r, func(d image.Digest, _ os.FileInfo) bool { return had.digests[d] })
}
