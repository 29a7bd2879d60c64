package main

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"

	"github.com/sandkit/sandkit/internal/compare/figures"
	"github.com/sandkit/sandkit/sandbox"
)

// speedFigures are ratios of a table of times. Those to the floor and to peers
// have targets.
func speedFigures(t table, title string) []figures.Figure {
	p50 := func(name string) float64 {
		for _, r := range t {
			if r.name == name {
				return float64(r.at(50))
			}
		}
		return 0
	}
	own := p50(sandkitName)
	lines := []figures.Figure{figures.AtMost("p50 / floor, "+title, own/p50("floor"), 1.6, "%.2f")}
	for _, peer := range []struct {
		name  string
		times float64
	}{{"bwrap", 2.5}, {"runc", 10}} {
		if p := p50(peer.name); p > 0 {
			lines = append(lines, figures.AtLeast("p50 of "+peer.name+" / p50, "+title, p/own, peer.times, "%.2f"))
		}
	}
	if limited := p50(limitedName); limited > 0 {
		lines = append(lines, figures.AtMost("p50 with limits / without, "+title, limited/own, 1.3, "%.2f"))
		if p := p50(limitedRunc); p > 0 {
			lines = append(lines, figures.AtLeast("p50 of runc / p50, both with limits, "+title, p/limited, 10, "%.2f"))
		}
	}
	return append(lines, execFigures(p50, title)...)
}

// aliveFigures tell what running sandboxes hold: one, and many.
func aliveFigures(ctx context.Context, f *files, n int) ([]figures.Figure, error) {
	if err := figures.WriteIdle(filepath.Join(f.root, "bin/idle")); err != nil {
		return nil, err
	}
	opts := []sandbox.Option{sandbox.WithRootfs(f.root), sandbox.WithCommand("/bin/idle")}
	one, err := figures.RunMany(ctx, 1, opts...)
	if err != nil {
		return nil, err
	}
	many, err := figures.RunMany(ctx, n, opts...)
	if err != nil {
		return nil, err
	}
	each := func(sum int) float64 { return float64(sum) / float64(n) }
	return []figures.Figure{
		figures.AtMost("resident memory (Pss) of one running sandbox beside its program, KiB", float64(one.Memory)/1024, 150, "%.0f"),
		figures.Told(fmt.Sprintf("the same of each of %d", n), "%.1f", each(int(many.Memory))/1024),
		figures.Told("heap and stacks of the host program for each, KiB", "%.1f", each(int(many.Heap))/1024),
		figures.Told("descriptors of the host program for each", "%.2f", each(many.Descriptors)),
		figures.Told("processes for each, with its program", "%.2f", each(many.Processes)),
		figures.Told(fmt.Sprintf("start %d, ms", n), "%.0f", figures.Milliseconds(many.Started)),
		figures.Told(fmt.Sprintf("end %d, ms", n), "%.0f", figures.Milliseconds(many.Ended)),
	}, nil
}

// importFigures tell what importing the package adds to a program.
func importFigures(ctx context.Context, f *files) ([]figures.Figure, error) {
	c, err := figures.MeasureImport(ctx, f.dir, 100)
	if errors.Is(err, exec.ErrNotFound) {
		return []figures.Figure{figures.Told("import of the package", "left out: %v", err)}, nil
	}
	if err != nil {
		return nil, err
	}
	return []figures.Figure{
		figures.AtMost("import: added to a program's start, p50, ms", figures.Milliseconds(c.Start), 1, "%.2f"),
		figures.Told("import: initialization of packages, ms", "%.2f", figures.Milliseconds(c.Init)),
		figures.AtMost("import: added to a stripped binary, MB", float64(c.Size)/1e6, 4, "%.2f"),
	}, nil
}
