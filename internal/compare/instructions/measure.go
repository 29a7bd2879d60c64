package main

import (
	"context"
	"fmt"
	"slices"
	"time"
)

const (
	warmUp = 5
	// quiet is how long it takes until nothing is left to do after a run, with
	// a margin, and less than starts may be apart to count as close.
	quiet = 900 * time.Millisecond
)

// A kind is one way to run the program.
type kind struct {
	name    string
	prepare func() // before each run, not counted to it
	run     func(ctx context.Context) error
	close   func() error
}

// A row has what the runs of a kind took.
type row struct {
	name  string
	runs  []span
	whole int64 // instructions of the whole machine for each run
}

// measure counts for one kind.
func measure(ctx context.Context, k kind, runs int) (row, error) {
	r := row{name: k.name}
	once := func() error { return k.run(ctx) }
	for n := range warmUp + runs {
		k.prepare()
		s, err := during(once)
		if err != nil {
			return r, fmt.Errorf("%s: %w", k.name, err)
		}
		if n >= warmUp {
			r.runs = append(r.runs, s)
		}
	}
	time.Sleep(quiet)
	all, err := during(func() error {
		for range runs {
			k.prepare()
			if err := once(); err != nil {
				return err
			}
		}
		time.Sleep(quiet)
		return nil
	})
	r.whole = all.executed / int64(runs)
	if err != nil {
		return r, fmt.Errorf("%s: %w", k.name, err)
	}
	return r, nil
}

// executed is the median of the runs.
func (r row) executed() int64 {
	return median(r.runs, func(s span) int64 { return s.executed })
}

// waiting is the median of the runs.
func (r row) waiting() time.Duration {
	return time.Duration(median(r.runs, func(s span) int64 { return int64(s.waiting) }))
}

func median(all []span, of func(span) int64) int64 {
	n := make([]int64, len(all))
	for i, s := range all {
		n[i] = of(s)
	}
	slices.Sort(n)
	return (n[(len(n)-1)/2] + n[len(n)/2]) / 2
}
