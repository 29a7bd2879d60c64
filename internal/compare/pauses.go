package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"time"

	"github.com/sandkit/sandkit/fs"
	"github.com/sandkit/sandkit/internal/compare/figures"
	"github.com/sandkit/sandkit/internal/compare/peer"
	"github.com/sandkit/sandkit/sandbox"
)

// A load is something that the host program does over and over.
type load struct {
	name   string
	target bool // its pauses have a target
	once   func() error
}

// pauseLoads are to be compared: the starts of sandboxes, of bubblewrap with
// as many mounts, which does all of its work in processes of its own, of a
// program as it is, and none.
func pauseLoads(ctx context.Context, f *files) ([]load, error) {
	const n = 50
	binds, err := bindMany(f, n)
	if err != nil {
		return nil, err
	}
	execute := func(args ...string) func() error {
		return func() error { return exec.CommandContext(ctx, args[0], args[1:]...).Run() }
	}
	loads := []load{
		{"without starts", false, func() error { time.Sleep(3 * time.Millisecond); return nil }},
		{"during 200 starts of true by os/exec", false, execute(filepath.Join(f.root, "bin/true"))},
	}
	if _, err := exec.LookPath("bwrap"); err == nil {
		args := peer.Bubblewrap(f.root)
		for i := range n {
			args = append(args, "--ro-bind", f.bindSource(i), bindTarget(i))
		}
		loads = append(loads, load{"during 200 starts of bwrap with 50 binds", false, execute(append(args, "/bin/true")...)})
	}
	return append(loads, load{"during 200 starts with 50 binds", true, func() error {
		_, err := sandbox.Run(ctx, sandbox.WithRootfs(f.root), binds, sandbox.WithCommand("/bin/true"))
		return err
	}}), nil
}

// pauseFigures tell how long all goroutines of the host program are stopped,
// and how long who wants to open a file waits for the lock that a fork holds.
// The loads take turns.
func pauseFigures(ctx context.Context, f *files) (lines []figures.Figure, err error) {
	const turns, starts = 20, 10
	loads, err := pauseLoads(ctx, f)
	if err != nil {
		return nil, err
	}
	pauses := make([]figures.Pauses, len(loads))
	for range turns {
		for i, l := range loads {
			if err := pauses[i].Watch(func() error { return repeat(starts, l.once) }); err != nil {
				return nil, fmt.Errorf("watch pauses %s: %w", l.name, err)
			}
		}
	}
	for i, l := range loads {
		p := &pauses[i]
		line := figures.AtMost("p99 of pauses "+l.name+", ms", figures.Milliseconds(p.At(99)), 2, "%.2f")
		if !l.target {
			line.Target, line.Missed = "", false
		}
		line.Value += fmt.Sprintf(" (p50 %.2f, max %.2f)", figures.Milliseconds(p.At(50)), figures.Milliseconds(p.At(100)))
		lines = append(lines, line, figures.Told("p99 of waits for the fork lock, ms", "%.4f (max %.2f)", figures.Milliseconds(p.LockWait(99)), figures.Milliseconds(p.LockWait(100))))
	}
	return lines, nil
}

func repeat(n int, f func() error) error {
	for range n {
		if err := f(); err != nil {
			return err
		}
	}
	return nil
}

func (f *files) bindSource(i int) string { return filepath.Join(f.dir, "binds", strconv.Itoa(i)) }

func bindTarget(i int) string { return "/mnt/" + strconv.Itoa(i) }

// bindMany shows so many directories.
func bindMany(f *files, n int) (sandbox.Option, error) {
	var opts []sandbox.Option
	for i := range n {
		if err := os.MkdirAll(f.bindSource(i), 0o755); err != nil {
			return nil, err
		}
		opts = append(opts, sandbox.WithMount(fs.BindRO(f.bindSource(i), bindTarget(i))))
	}
	return sandbox.Options(opts...), nil
}
