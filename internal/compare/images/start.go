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

	"github.com/sandkit/sandkit/image"
	"github.com/sandkit/sandkit/image/store"
	"github.com/sandkit/sandkit/internal/compare/figures"
	"github.com/sandkit/sandkit/sandbox"
)

// startInterval is the pause before each start of the second round.
const startInterval = 150 * time.Millisecond

// A starter is one way to have a root.
type starter struct {
	name  string
	root  sandbox.Option
	times []time.Duration
}

// startFigures compare starts from an image that is there and unpacked with
// starts from a directory that has the same files.
func startFigures(ctx context.Context, b *bench) (lines []figures.Figure, err error) {
	const job = "start to end of true from busybox"
	t, why, err := b.buildBusybox(ctx)
	if err != nil {
		return nil, err
	}
	if why != "" {
		return []figures.Figure{figures.Told(job, "n/a: %s", why)}, nil
	}
	err = onDisk(ctx, b.size, func(dir string) error {
		defer sandbox.Trim() // before the file system goes
		starters, err := starters(ctx, dir, t)
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
		return nil
	})
	return lines, err
}

// buildBusybox makes an image of busybox alone, or says what is missing.
func (b *bench) buildBusybox(ctx context.Context) (t *testImage, missing string, err error) {
	if why := needs("busybox", "tar"); why != "" {
		return nil, why, nil
	}
	if b.busybox == nil {
		b.busybox, err = b.build(ctx, "busybox", image.Gzip, busybox)
	}
	return b.busybox, "", err
}

// busybox is a layer with busybox and the names that a sandbox needs.
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
func starters(ctx context.Context, dir string, t *testImage) ([]starter, error) {
	root, images := filepath.Join(dir, "root"), filepath.Join(dir, "store")
	if err := errors.Join(os.Mkdir(root, 0o755), copied(t.store, "store")(ctx, dir)); err != nil {
		return nil, err
	}
	if err := run(ctx, "tar", "-xzf", filepath.Join(t.store, t.blobs[0]), "-C", root); err != nil {
		return nil, err
	}
	s, err := store.Open(images)
	if err != nil {
		return nil, err
	}
	all := []starter{
		{name: "a directory", root: sandbox.WithRootfs(root)},
		{name: "an image", root: sandbox.Options(sandbox.WithImage(t.name), sandbox.WithImageStore(s), sandbox.WithPull(sandbox.PullNever))},
	}
	// The first start unpacks the image.
	return all, startAll(ctx, all, 1, 1, 0)
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
				if _, err := sandbox.Run(ctx, starters[i].root, sandbox.WithCommand("/bin/true")); err != nil {
					return fmt.Errorf("start from %s: %w", starters[i].name, err)
				}
				starters[i].times = append(starters[i].times, time.Since(start))
			}
		}
	}
	return nil
}

// moreThanDirectory is how many milliseconds longer a start from an image may
// take than one from a directory.
const moreThanDirectory = 0.4

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
		if i > 0 {
			lines = append(lines, figures.AtMost(job+", "+s.name+", p50 more than from "+starters[0].name+", ms", p50-first[0], moreThanDirectory, "%.2f"))
		}
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
