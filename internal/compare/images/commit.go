package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/sandkit/sandkit/image"
	"github.com/sandkit/sandkit/image/layer"
	"github.com/sandkit/sandkit/image/store"
	"github.com/sandkit/sandkit/internal/compare/figures"
)

var layerTypes = map[string]string{
	"none": image.MediaTypeOCILayer, "gzip": image.MediaTypeOCILayerGzip, "zstd": image.MediaTypeOCILayerZstd,
}

// commit is a worker: STORE DIRECTORY COMPRESSION. It makes an image of the
// changes in an overlay's upper directory.
func commit(ctx context.Context, args []string) (err error) {
	if len(args) != 3 {
		return fmt.Errorf("want STORE, DIRECTORY and COMPRESSION, got %q", args)
	}
	s, err := store.Open(args[0], store.NoSync())
	if err != nil {
		return err
	}
	upper, err := os.Open(args[1])
	if err != nil {
		return err
	}
	defer upper.Close()
	lease, err := s.Lease(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, lease.Release()) }()
	d, diffID, err := addChanges(ctx, lease, upper, layerTypes[args[2]])
	if err != nil {
		return err
	}
	created, host := time.Now().UTC(), image.HostPlatform()
	_, err = lease.Append(ctx, nil, d, diffID, image.Config{Created: &created, OS: host.OS, Architecture: host.Architecture, Variant: host.Variant})
	return err
}

// addChanges makes a layer.
func addChanges(ctx context.Context, lease *store.Lease, upper *os.File, mediaType string) (_ image.Descriptor, diffID image.Digest, err error) {
	packed, err := image.LayerCompression(mediaType)
	if err != nil {
		return image.Descriptor{}, "", err
	}
	w, err := lease.Create(ctx, mediaType)
	if err != nil {
		return image.Descriptor{}, "", err
	}
	defer func() { err = errors.Join(err, w.Close()) }()
	p, err := layer.NewPacker(w, packed)
	if err != nil {
		return image.Descriptor{}, "", err
	}
	info, err := layer.Diff(ctx, p, upper, nil, layer.DiffOptions{Format: layer.OverlayTrusted})
	if err := errors.Join(err, p.Close()); err != nil {
		return image.Descriptor{}, "", err
	}
	d, err := w.Commit(ctx)
	return d, info.DiffID, err
}

// changed is the preparation: a directory with the files of the second layer.
func (b *bench) changed(ctx context.Context, dir string) (err error) {
	upper := filepath.Join(dir, "upper")
	if err := os.Mkdir(upper, 0o755); err != nil {
		return err
	}
	cmd := exec.CommandContext(ctx, "tar", "-x", "-C", upper)
	in, err := cmd.StdinPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	return errors.Join(b.o.Text(in), in.Close(), cmd.Wait())
}

// commitFigures are about a layer of 2,000 changed files.
func commitFigures(ctx context.Context, b *bench) ([]figures.Figure, error) {
	sandkit := func(packed string) way {
		return way{name: "sandkit (" + packed + ")", prepare: b.changed, command: b.worker("commit", "store", "upper", packed), own: true}
	}
	all, err := b.measure(ctx,
		sandkit("none"), sandkit("gzip"), sandkit("zstd"),
		way{
			name: "tar, sha256sum, gzip", prepare: b.changed, missing: needs("bash", "tar", "sha256sum", "gzip"),
			command: []string{"bash", "-ec", "set -o pipefail; tar -C upper -c . | tee >(sha256sum >sum) | gzip >layer; wait $!"},
		},
		way{name: "cp -a", prepare: b.changed, command: []string{"cp", "-a", "upper", "copy"}},
	)
	if err != nil {
		return nil, fmt.Errorf("commit: %w", err)
	}
	const job = "commit 2,000 files"
	var lines []figures.Figure
	for _, r := range all {
		lines = append(lines, r.seconds(job))
	}
	return append(lines, faster(job, all[1], all[3], 2), slower(job, all[0], all[4], nearCopy)), nil
}

// nearCopy is how many times as long as a copy an uncompressed commit may take
// to be near it.
const nearCopy = 1.25
