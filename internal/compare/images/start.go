package main

import (
	"archive/tar"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"time"

	"github.com/sandkit/sandkit/fs"
	"github.com/sandkit/sandkit/image"
	"github.com/sandkit/sandkit/image/rootfs"
	"github.com/sandkit/sandkit/image/store"
	"github.com/sandkit/sandkit/internal/compare/figures"
	"github.com/sandkit/sandkit/sandbox"
)

// startInterval is the pause before each start of the second round.
const startInterval = 150 * time.Millisecond

// A starter is one way to have a root.
type starter struct {
	name  string
	spec  sandbox.Spec
	times []time.Duration
}

// startFigures compare starts from an image that is there and unpacked with
// starts from a directory that has the same files.
func startFigures(ctx context.Context, b *bench) (lines []figures.Figure, err error) {
	const job = "start to end of true from busybox"
	if why := needs("busybox", "tar"); why != "" {
		return []figures.Figure{figures.Told(job, "n/a: %s", why)}, nil
	}
	t, err := b.build(ctx, "busybox", image.Gzip, busybox)
	if err != nil {
		return nil, err
	}
	defer sandbox.Trim()
	err = onDisk(ctx, b.size, func(dir string) (err error) {
		s, err := store.Open(filepath.Join(dir, "store"), store.NoSync())
		if err != nil {
			return err
		}
		lease, err := s.Lease(ctx)
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, lease.Release()) }()
		starters, err := b.starters(ctx, dir, lease, t)
		if err != nil {
			return err
		}
		for _, round := range []struct {
			name          string
			starts, block int
			pause         time.Duration
		}{{"back-to-back", b.starts, 25, 0}, {fmt.Sprintf("one every %v", startInterval), b.slowStarts, 10, startInterval}} {
			if err := startAll(ctx, starters, round.starts, round.block, round.pause); err != nil {
				return err
			}
			lines = append(lines, compareStarts(job+", "+round.name, starters)...)
		}
		sandbox.Trim() // before the file system goes
		return nil
	})
	return lines, err
}

// busybox is a layer with busybox and the names that the sandbox needs.
func busybox(w io.Writer) error {
	path, err := exec.LookPath("busybox")
	if err != nil {
		return err
	}
	program, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	a := tar.NewWriter(w)
	for _, name := range []string{"bin/", "dev/", "etc/", "proc/", "sys/", "tmp/"} {
		if err := a.WriteHeader(&tar.Header{Typeflag: tar.TypeDir, Name: name, Mode: 0o755}); err != nil {
			return err
		}
	}
	if err := a.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: "bin/busybox", Mode: 0o755, Size: int64(len(program))}); err != nil {
		return err
	}
	_, err = a.Write(program)
	return errors.Join(err, a.WriteHeader(&tar.Header{Typeflag: tar.TypeLink, Name: "bin/true", Linkname: "bin/busybox"}), a.Close())
}

// starters gives those to compare; the first one has a directory.
func (b *bench) starters(ctx context.Context, dir string, lease *store.Lease, t *testImage) ([]starter, error) {
	root := filepath.Join(dir, "root")
	if err := os.Mkdir(root, 0o755); err != nil {
		return nil, err
	}
	if err := run(ctx, "tar", "-xzf", filepath.Join(t.store, t.blobs[0]), "-C", root); err != nil {
		return nil, err
	}
	program := sandbox.Process{Command: []string{"/bin/true"}}
	all := []starter{{name: "a directory", spec: sandbox.Spec{Process: program, Root: fs.Root{Dir: root}}}}
	s, err := store.Open(t.store)
	if err != nil {
		return nil, err
	}
	img, err := s.Image(ctx, t.name, image.Platform{})
	if err != nil {
		return nil, err
	}
	for _, backend := range []rootfs.Backend{rootfs.EROFS, rootfs.Directory} {
		stack, err := rootfs.Unpack(ctx, lease, img, rootfs.Options{Backend: backend})
		if err != nil {
			return nil, err
		}
		all = append(all, starter{name: "an image (" + backend.String() + ")", spec: sandbox.Spec{Process: program, Root: rootOf(stack)}})
	}
	return all, nil
}

// rootOf is the root that an image's layers make up.
func rootOf(stack *rootfs.Stack) fs.Root {
	r := fs.Root{Mode: stack.Root.Mode, UID: stack.Root.UID, GID: stack.Root.GID}
	for _, l := range stack.Layers {
		own := fs.Layer{Source: l.Path}
		if l.Kind == rootfs.KindEROFS {
			own.Type = "erofs"
		}
		r.Layers = append(r.Layers, own)
	}
	return r
}

// startAll measures so many starts of each, in blocks that take turns.
func startAll(ctx context.Context, starters []starter, starts, block int, pause time.Duration) error {
	for i := range starters {
		starters[i].times = nil
	}
	for done := 0; done < starts; done += block {
		for i := range starters {
			for range min(block, starts-done) {
				time.Sleep(pause)
				start := time.Now()
				if err := starters[i].start(ctx); err != nil {
					return fmt.Errorf("start from %s: %w", starters[i].name, err)
				}
				starters[i].times = append(starters[i].times, time.Since(start))
			}
		}
	}
	return nil
}

// start runs one sandbox to its end.
func (s *starter) start(ctx context.Context) (err error) {
	sb, err := sandbox.NewFromSpec(s.spec)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, sb.Close()) }()
	if err := sb.Start(ctx); err != nil {
		return err
	}
	_, err = sb.Wait(ctx)
	return err
}

// compareStarts tells the times, and what the others take more than the first.
func compareStarts(job string, starters []starter) []figures.Figure {
	var lines []figures.Figure
	var first [2]float64
	for i, s := range starters {
		p50, p95 := figures.Milliseconds(percentile(s.times, 50)), figures.Milliseconds(percentile(s.times, 95))
		value := fmt.Sprintf("%.2f, %.2f", p50, p95)
		if i == 0 {
			first = [2]float64{p50, p95}
		} else {
			value += fmt.Sprintf(" (%+.2f, %+.2f)", p50-first[0], p95-first[1])
		}
		lines = append(lines, figures.Told(job+", "+s.name+", p50 and p95, ms", "%s", value))
	}
	return lines
}

// percentile is that of times in any order, 0 when there are none.
func percentile(times []time.Duration, percent int) time.Duration {
	sorted := slices.Sorted(slices.Values(times))
	if len(sorted) == 0 {
		return 0
	}
	return sorted[min(len(sorted)-1, len(sorted)*percent/100)]
}
