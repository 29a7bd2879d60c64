package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"

	"github.com/sandkit/sandkit/image"
	"github.com/sandkit/sandkit/image/rootfs"
	"github.com/sandkit/sandkit/image/store"
	"github.com/sandkit/sandkit/internal/compare/figures"
)

var backends = map[string]rootfs.Backend{"auto": rootfs.Auto, "erofs": rootfs.EROFS, "directory": rootfs.Directory}

// unpack is a worker: STORE IMAGE BACKEND [sync].
func unpack(ctx context.Context, args []string) (err error) {
	if len(args) < 3 {
		return fmt.Errorf("want STORE, IMAGE and BACKEND, got %q", args)
	}
	var opts []store.Option
	if len(args) == 3 {
		opts = append(opts, store.NoSync())
	}
	s, err := store.Open(args[0], opts...)
	if err != nil {
		return err
	}
	lease, err := s.Lease(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, lease.Release()) }()
	img, err := s.Image(ctx, args[1], image.Platform{})
	if err != nil {
		return err
	}
	_, err = rootfs.Unpack(ctx, lease, img, rootfs.Options{Backend: backends[args[2]]})
	return err
}

// unpackFigures are about an image whose blobs are there.
func unpackFigures(ctx context.Context, b *bench) ([]figures.Figure, error) {
	var lines []figures.Figure
	for _, c := range []struct {
		name             string
		image            *testImage
		tar, umoci       string
		floor, tarTarget float64
	}{
		{"gzip", b.gzip, "tar -xzf", needs("umoci"), 1.15, 1.8},
		{"zstd", b.zstd, "tar --zstd -xf", "umoci of Debian 12 does not read zstd", 1.2, 0},
	} {
		job := "unpack, " + c.name
		if err := c.image.lay(ctx); err != nil {
			return nil, err
		}
		all, err := b.measure(ctx, b.unpackWays(c.image, c.tar, c.umoci)...)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", job, err)
		}
		for _, r := range all {
			lines = append(lines, r.seconds(job))
		}
		bare, erofs, directory, umoci, tar := all[0], all[1], all[2], all[4], all[5]
		lines = append(lines,
			faster(job, erofs, umoci, 2.5), faster(job, erofs, tar, c.tarTarget), slower(job, erofs, bare, c.floor),
			faster(job, directory, umoci, 0), faster(job, directory, tar, 0),
		)
	}
	return lines, nil
}

// unpackWays are the ways to unpack an image.
func (b *bench) unpackWays(t *testImage, tar, noUmoci string) []way {
	sandkit := func(title string, args ...string) way {
		return way{name: title, prepare: copied(t.store, "store"), command: b.worker("unpack", append([]string{"store", t.name}, args...)...), own: true}
	}
	from := copied(t.layout, "layout")
	var blobs []string
	for _, name := range t.blobs {
		blobs = append(blobs, filepath.Join("layout", name))
	}
	return []way{
		{name: "floor", prepare: from, command: b.worker("floor", blobs...), own: true},
		sandkit("sandkit (EROFS)", "erofs"),
		sandkit("sandkit (directory)", "directory"),
		sandkit("sandkit (EROFS, safe from power cuts)", "erofs", "sync"),
		{name: "umoci", prepare: from, command: []string{"umoci", "unpack", "--image", "layout:" + t.tag, "bundle"}, missing: noUmoci},
		{
			name: "tar", prepare: from, missing: needs("tar", "zstd"),
			command: append([]string{"sh", "-ec", `mkdir root; for blob; do ` + tar + ` "$blob" -C root; done`, "sh"}, blobs...),
		},
	}
}
