package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/sandkit/sandkit/image"
	"github.com/sandkit/sandkit/image/store"
	"github.com/sandkit/sandkit/internal/compare/figures"
	"github.com/sandkit/sandkit/internal/compare/images/testimage"
	"github.com/sandkit/sandkit/sandbox"
)

// nearCopy is how many times as long as a copy an uncompressed commit may take
// to be near it.
const nearCopy = 1.25

// commit is a worker: STORE IMAGE COMPRESSION TAR. In a sandbox of the image,
// busybox unpacks the tar; what is measured is the commit of that.
func commit(ctx context.Context, r *report, args []string) (err error) {
	if len(args) != 4 {
		return fmt.Errorf("want STORE, IMAGE, COMPRESSION and TAR, got %q", args)
	}
	packed := image.Compression(args[2])
	if packed == "none" {
		packed = image.Plain
	}
	s, err := store.Open(args[0], store.NoSync())
	if err != nil {
		return err
	}
	files, err := os.Open(args[3])
	if err != nil {
		return err
	}
	defer files.Close()
	sb, err := sandbox.New(
		sandbox.WithImage(args[1]), sandbox.WithImageStore(s), sandbox.WithPull(sandbox.PullNever),
		sandbox.WithCommand("/bin/busybox", "tar", "-x", "-C", "/"), sandbox.WithStdin(files),
	)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, sb.Close()) }()
	if err := sb.Start(ctx); err != nil {
		return err
	}
	if _, err := sb.Wait(ctx); err != nil {
		return err
	}
	start := time.Now()
	_, err = sb.Commit(ctx, image.CommitOptions{Compression: packed})
	r.Took = time.Since(start)
	return err
}

// textTar writes the second layer to a file.
func textTar(o testimage.Options, path string) (err error) {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	return o.Text(f)
}

// changed is the preparation of peers: a directory with the files of the second
// layer.
func (b *bench) changed(ctx context.Context, dir string) (err error) {
	upper := filepath.Join(dir, "upper")
	if err := os.Mkdir(upper, 0o755); err != nil {
		return err
	}
	r, w := io.Pipe()
	go func() { w.CloseWithError(b.o.Text(w)) }()
	defer func() { err = errors.Join(err, r.Close()) }()
	cmd := exec.CommandContext(ctx, "tar", "-x", "-C", upper)
	cmd.Stdin = r
	return cmd.Run()
}

// commitFigures are about a layer of 2,000 changed files.
func commitFigures(ctx context.Context, b *bench) ([]figures.Figure, error) {
	const job = "commit 2,000 files"
	t, noBusybox, err := b.buildBusybox(ctx)
	if err != nil {
		return nil, err
	}
	sandkit := func(packed string) way {
		w := way{name: "sandkit (" + packed + ")", missing: noBusybox, own: true}
		if t != nil {
			w.command = b.worker("commit", "store", t.name, packed, "changes.tar")
			w.prepare = func(ctx context.Context, dir string) error {
				return errors.Join(copied(t.store, "store")(ctx, dir), textTar(b.o, filepath.Join(dir, "changes.tar")))
			}
		}
		return w
	}
	all, err := b.measure(
		ctx,
		sandkit("none"), sandkit("gzip"), sandkit("zstd"),
		way{
			name: "tar, sha256sum, gzip", prepare: b.changed, missing: needs("bash", "tar", "sha256sum", "gzip"),
			command: []string{"bash", "-ec", "set -o pipefail; tar -C upper -c . | tee >(sha256sum >sum) | gzip >layer; wait $!"},
		},
		way{name: "cp -a", prepare: b.changed, missing: needs("tar", "cp"), command: []string{"cp", "-a", "upper", "copy"}},
	)
	if err != nil {
		return nil, fmt.Errorf("commit: %w", err)
	}
	var lines []figures.Figure
	for _, r := range all {
		lines = append(lines, r.seconds(job))
	}
	return append(lines, faster(job, all[1], all[3], 2), slower(job, all[0], all[4], nearCopy)), nil
}
