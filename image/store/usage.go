package store

import (
	"context"
	"fmt"
	"os"

	"github.com/sandkit/sandkit/image"
)

// Usage tells what a store takes up on the disk, in bytes.
type Usage struct {
	Blobs   int64 // content
	Layers  int64 // unpacked layers
	Partial int64 // content and layers that are being written, or were
	// Reclaimable is what no image and no lease keeps: [Store.Collect] removes
	// it when it is old enough.
	Reclaimable int64
	Images      []ImageUsage // in the order of List
}

// Total is everything.
func (u *Usage) Total() int64 { return u.Blobs + u.Layers + u.Partial }

// ImageUsage is what one image takes up, unpacked layers included.
type ImageUsage struct {
	Entry
	Shared int64 // what other images have as well
	Unique int64 // what only this image has: removing it frees as much
}

// Usage adds up what the store has.
func (s *Store) Usage(ctx context.Context) (Usage, error) {
	u, err := s.usage(ctx)
	if err != nil {
		return u, fmt.Errorf("measure store %s: %w", s.dir, err)
	}
	return u, nil
}

func (s *Store) usage(ctx context.Context) (Usage, error) {
	var u Usage
	entries, err := s.List(ctx)
	if err != nil {
		return u, err
	}
	roots, err := s.heldBlobs(ctx)
	if err != nil {
		return u, err
	}
	closures := make([]*closure, len(entries))
	users := make(map[image.Digest]int)
	for i, e := range entries {
		roots.blobs = append(roots.blobs, e.Target)
		if closures[i], err = s.reach(ctx, []image.Descriptor{e.Target}); err != nil {
			return u, err
		}
		for d := range closures[i].digests {
			users[d]++
		}
	}
	live, err := s.reach(ctx, roots.blobs)
	if err != nil {
		return u, err
	}
	sizes, err := s.measure(&u, func(d image.Digest) bool { return live.digests[d] }, roots.layers)
	if err != nil {
		return u, err
	}
	for i, e := range entries {
		iu := ImageUsage{Entry: e}
		for d := range closures[i].digests {
			if users[d] > 1 {
				iu.Shared += sizes[d]
			} else {
				iu.Unique += sizes[d]
			}
		}
		u.Images = append(u.Images, iu)
	}
	return u, nil
}

// heldBlobs gives what leases keep.
func (s *Store) heldBlobs(ctx context.Context) (held, error) {
	g, err := s.alone(ctx)
	if err != nil {
		return held{}, err
	}
	defer g.Close()
	h, _, err := s.readLeases()
	return h, err
}

// measure adds up the totals and gives the sizes by digest.
func (s *Store) measure(u *Usage, live func(image.Digest) bool, kept map[LayerKey]bool) (map[image.Digest]int64, error) {
	sizes := make(map[image.Digest]int64)
	err := s.eachBlob(func(d image.Digest, info os.FileInfo) error {
		size := diskSize(info)
		u.Blobs += size
		sizes[d] += size
		if !live(d) {
			u.Reclaimable += size
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	err = s.eachLayer(func(k LayerKey, _ os.FileInfo) error {
		size, err := treeSize(s.layerPath(k))
		u.Layers += size
		sizes[k.Digest] += size
		if !live(k.Digest) && !kept[k] {
			u.Reclaimable += size
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	for _, dir := range []string{"ingest", "unpack", "trash"} {
		size, err := treeSize(s.path(dir))
		if err != nil {
			return nil, err
		}
		u.Partial += size
	}
	return sizes, nil
}
