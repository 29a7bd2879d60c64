package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os/exec"
	"path/filepath"
	"slices"
	"time"

	"github.com/sandkit/sandkit/internal/compare/figures"
)

// A way is one way to do something, as a command.
type way struct {
	name string
	// prepare fills a new file system, before the clock runs; nil is fine.
	prepare func(ctx context.Context, dir string) error
	command []string // is run in that directory
	// missing says why this way cannot be gone here.
	missing string
	own     bool // the command is a worker, which reports
}

// A result is what running a way has shown.
type result struct {
	way
	times []time.Duration
	cpu   []time.Duration // that the command and its children took, unless only a part of it counts
	peak  int64           // the most bytes of memory that a worker had, in any run
}

// needs says which of the programs is missing.
func needs(programs ...string) string {
	for _, p := range programs {
		if _, err := exec.LookPath(p); err != nil {
			return p + " is not installed"
		}
	}
	return ""
}

// measure runs each way so often; they take turns.
func (b *bench) measure(ctx context.Context, ways ...way) ([]result, error) {
	all := make([]result, len(ways))
	for i, w := range ways {
		all[i].way = w
	}
	for range b.runs {
		for i := range all {
			if all[i].missing != "" {
				continue
			}
			if err := onDisk(ctx, b.size, func(dir string) error { return all[i].once(ctx, dir) }); err != nil {
				return nil, fmt.Errorf("%s: %w", all[i].name, err)
			}
		}
	}
	return all, nil
}

// once measures one run in a directory.
func (r *result) once(ctx context.Context, dir string) error {
	if r.prepare != nil {
		if err := r.prepare(ctx, dir); err != nil {
			return err
		}
	}
	// What was written so far is not to be written while the clock runs.
	if err := run(ctx, "sync", "-f", dir); err != nil {
		return err
	}
	cmd := exec.CommandContext(ctx, r.command[0], r.command[1:]...)
	cmd.Dir = dir
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	start := time.Now()
	err := cmd.Run()
	took := time.Since(start)
	if err != nil {
		return fmt.Errorf("%s: %w: %s", r.command[0], err, &stderr)
	}
	if r.own {
		var said report
		if err := json.Unmarshal(stdout.Bytes(), &said); err != nil {
			return fmt.Errorf("read report: %w", err)
		}
		r.peak = max(r.peak, said.Peak)
		if said.Took > 0 {
			r.times = append(r.times, said.Took)
			return nil
		}
	}
	r.times = append(r.times, took)
	r.cpu = append(r.cpu, cmd.ProcessState.UserTime()+cmd.ProcessState.SystemTime())
	return nil
}

// median is that of the times, 0 when there are none.
func (r *result) median() time.Duration { return median(r.times) }

func median(times []time.Duration) time.Duration {
	sorted := slices.Sorted(slices.Values(times))
	n := len(sorted)
	if n == 0 {
		return 0
	}
	return (sorted[(n-1)/2] + sorted[n/2]) / 2
}

// seconds tells the time, and that of the CPUs, which says more on a busy
// machine.
func (r *result) seconds(job string) figures.Figure {
	name := job + ", " + r.name + ", s"
	if r.missing != "" {
		return figures.Told(name, "n/a: %s", r.missing)
	}
	f := figures.Told(name, "%.3f (%.3f to %.3f)", r.median().Seconds(), slices.Min(r.times).Seconds(), slices.Max(r.times).Seconds())
	if len(r.cpu) > 0 {
		f.Value += fmt.Sprintf(", CPU %.2f", median(r.cpu).Seconds())
	}
	return f
}

// faster tells how many times as long as own a peer takes; a target of 0 is
// none.
func faster(job string, own, peer result, target float64) figures.Figure {
	name := fmt.Sprintf("%s, %s / %s", job, peer.name, own.name)
	for _, r := range []result{own, peer} {
		if r.missing != "" {
			return figures.Told(name, "n/a: %s", r.missing)
		}
	}
	ratio := float64(peer.median()) / float64(own.median())
	if target == 0 {
		return figures.Told(name, "%.2f", ratio)
	}
	return figures.AtLeast(name, ratio, target, "%.2f")
}

// slower tells how many times as long as the floor own takes.
func slower(job string, own, floor result, limit float64) figures.Figure {
	name := fmt.Sprintf("%s, %s / %s", job, own.name, floor.name)
	for _, r := range []result{own, floor} {
		if r.missing != "" {
			return figures.Told(name, "n/a: %s", r.missing)
		}
	}
	return figures.AtMost(name, float64(own.median())/float64(floor.median()), limit, "%.2f")
}

// copied is the preparation of those that need a copy of a directory.
func copied(from, to string) func(ctx context.Context, dir string) error {
	return func(ctx context.Context, dir string) error { return run(ctx, "cp", "-a", from, filepath.Join(dir, to)) }
}
