package main

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"strings"
	"sync"
	"time"

	"github.com/sandkit/sandkit/internal/compare/figures"
)

// pullers is how many processes pull at once.
const pullers = 20

// manyFigures are about processes that pull the same image into one store.
func manyFigures(ctx context.Context, b *bench) (lines []figures.Figure, err error) {
	job := fmt.Sprintf("%d processes pull an image into a store", pullers)
	if err := b.serve(ctx, b.gzip); err != nil {
		return b.without(job, err)
	}
	c, err := startCounter(ctx, b.server.addr)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, c.close()) }()
	var took time.Duration
	var failed []string
	err = onDisk(ctx, b.size, func(dir string) error {
		start := time.Now()
		failed = together(pullers, func() error {
			command := b.worker("pull", "store", b.gzip.at(c.addr), "auto")
			cmd := exec.CommandContext(ctx, command[0], command[1:]...)
			cmd.Dir = dir
			out, err := cmd.CombinedOutput()
			if err != nil {
				return fmt.Errorf("%w: %s", err, out)
			}
			return nil
		})
		took = time.Since(start)
		return nil
	})
	if err != nil {
		return nil, err
	}
	downloads, blobs := c.most()
	lines = append(
		lines,
		figures.AtMost(job+": most downloads of one blob", float64(downloads), 1, "%.0f"),
		figures.Told(job+": blobs that were downloaded", "%d of %d", blobs, len(b.gzip.blobs)+1),
		figures.AtMost(job+": processes that failed", float64(len(failed)), 0, "%.0f"),
		figures.Told(job+": until all have it, s", "%.3f", took.Seconds()),
	)
	if len(failed) > 0 {
		lines = append(lines, figures.Told(job+": the first failure", "%s", strings.Join(strings.Fields(failed[0]), " ")))
	}
	return lines, nil
}

// together calls f so often at once and gives the errors.
func together(n int, f func() error) (failed []string) {
	errs := make([]error, n)
	var wg sync.WaitGroup
	for i := range errs {
		wg.Go(func() { errs[i] = f() })
	}
	wg.Wait()
	for _, err := range errs {
		if err != nil {
			failed = append(failed, err.Error())
		}
	}
	return failed
}
