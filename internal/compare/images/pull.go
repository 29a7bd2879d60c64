package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/sandkit/sandkit/image"
	"github.com/sandkit/sandkit/image/registry"
	"github.com/sandkit/sandkit/image/rootfs"
	"github.com/sandkit/sandkit/image/store"
	"github.com/sandkit/sandkit/internal/compare/figures"
)

// pull is a worker: STORE REFERENCE BACKEND. It unpacks the image while it is
// downloaded.
func pull(ctx context.Context, args []string) (err error) {
	if len(args) != 3 {
		return fmt.Errorf("want STORE, REFERENCE and BACKEND, got %q", args)
	}
	ref, err := image.ParseRef(args[1])
	if err != nil {
		return err
	}
	s, err := store.Open(args[0], store.NoSync())
	if err != nil {
		return err
	}
	lease, err := s.Lease(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, lease.Release()) }()
	client, err := registry.New(registry.Options{Auth: registry.NoAuth()})
	if err != nil {
		return err
	}
	defer client.CloseIdle()
	var u *rootfs.Unpacker
	defer func() { err = errors.Join(err, u.Close()) }()
	_, err = client.Pull(ctx, lease, ref, registry.PullOptions{
		Consumer: func(ctx context.Context, lease *store.Lease, img image.Image) (_ registry.Consumer, err error) {
			u, err = rootfs.Begin(ctx, lease, img, rootfs.Options{Backend: backends[args[2]]})
			return u, err
		},
	})
	if err != nil {
		return err
	}
	_, err = u.Finish(ctx)
	return err
}

// pullFigures are about an image in a registry.
func pullFigures(ctx context.Context, b *bench) ([]figures.Figure, error) {
	const job = "pull and unpack, gzip"
	if err := b.serve(ctx, b.gzip); err != nil {
		return b.without(job, err)
	}
	ref := b.gzip.at(b.server.addr)
	sandkit := func(title, backend string) way {
		return way{name: title, command: b.worker("pull", "store", ref, backend), own: true}
	}
	all, err := b.measure(
		ctx,
		sandkit("sandkit (EROFS)", "erofs"),
		sandkit("sandkit (directory)", "directory"),
		way{name: "skopeo and umoci", missing: needs("skopeo", "umoci"), command: []string{
			"sh", "-ec", `skopeo --insecure-policy --tmpdir . copy -q --src-tls-verify=false "docker://$0" oci:layout:test; umoci unpack --image layout:test bundle`, ref,
		}},
	)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", job, err)
	}
	var lines []figures.Figure
	for _, r := range all {
		lines = append(lines, r.seconds(job))
	}
	return append(lines, faster(job, all[0], all[2], 2.5), faster(job, all[1], all[2], 0)), nil
}

// without says that something is not measured as there is no registry; another
// error stays one.
func (b *bench) without(job string, err error) ([]figures.Figure, error) {
	if b.noServer == nil {
		return nil, err
	}
	return []figures.Figure{figures.Told(job, "n/a: %s", strings.Join(strings.Fields(b.noServer.Error()), " "))}, nil
}
