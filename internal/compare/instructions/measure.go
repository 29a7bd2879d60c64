package main

import (
	"context"
	"fmt"
	"slices"
	"time"
)

const (
	warmUp = 5
	// gap comes before each run that is looked at on its own.
	gap = 150 * time.Millisecond
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

// A meter counts what is done.
type meter struct {
	during func(f func() error) (span, error)
	sleep  func(time.Duration)
}

// measure counts for one kind.
func (m meter) measure(ctx context.Context, k kind, runs int) (row, error) {
	r := row{name: k.name}
	once := func() error { return k.run(ctx) }
	for n := range warmUp + runs {
		m.sleep(gap)
		k.prepare()
		s, err := m.during(once)
		if err != nil {
			return r, fmt.Errorf("%s: %w", k.name, err)
		}
		if n >= warmUp {
			r.runs = append(r.runs, s)
		}
	}
	m.sleep(quiet)
	all, err := m.during(func() error {
		for range runs {
			k.prepare()
			if err := once(); err != nil {
				return err
			}
		}
		m.sleep(quiet)
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
