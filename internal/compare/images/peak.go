package main

import (
	"context"
	"fmt"

	"github.com/sandkit/sandkit/image"
	"github.com/sandkit/sandkit/internal/compare/figures"
	"github.com/sandkit/sandkit/internal/compare/images/testimage"
)

// peakLimit is how much memory pulling and unpacking may take, in MiB.
const peakLimit = 64

// memoryFigures are about the memory of a process that pulls and unpacks.
func memoryFigures(ctx context.Context, b *bench) ([]figures.Figure, error) {
	const job = "peak memory of pull and unpack, MiB"
	huge, err := b.build(ctx, "huge", image.Gzip, testimage.Options{Binaries: 1, BinarySize: b.huge}.Large)
	if err != nil {
		return nil, err
	}
	var ways []way
	for _, c := range []struct {
		name  string
		image *testImage
	}{{"gzip", b.gzip}, {"zstd", b.zstd}, {fmt.Sprintf("one layer of %d MiB", b.huge>>20), huge}} {
		if err := b.serve(ctx, c.image); err != nil {
			return b.without(job, err)
		}
		for _, backend := range []string{"erofs", "directory"} {
			ways = append(ways, way{
				name:    c.name + ", " + backend,
				command: b.worker("pull", "store", c.image.at(b.server.addr), backend), own: true,
			})
		}
	}
	all, err := b.measure(ctx, ways...)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", job, err)
	}
	var lines []figures.Figure
	for _, r := range all {
		lines = append(lines, figures.AtMost(job+", "+r.name, float64(r.peak)/(1<<20), peakLimit, "%.1f"))
	}
	return lines, nil
}
