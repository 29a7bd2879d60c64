package main

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
	"time"
)

// A kind is one way to run the program.
type kind struct {
	name  string
	run   func(ctx context.Context) (time.Duration, error)
	close func() error
}

// A table has the times of each kind, ascending.
type table []row

type row struct {
	name  string
	times []time.Duration
}

// measure runs each kind so often, in blocks that take turns: each kind follows
// itself, as it would be used, and all see the same machine.
func measure(ctx context.Context, kinds []kind, runs int, pause time.Duration) (table, error) {
	t := make(table, len(kinds))
	for i, k := range kinds {
		t[i].name = k.name
	}
	one := func(i int) error {
		time.Sleep(pause)
		d, err := kinds[i].run(ctx)
		if err != nil {
			return fmt.Errorf("%s: %w", kinds[i].name, err)
		}
		t[i].times = append(t[i].times, d)
		return nil
	}
	block := 25
	if pause > 0 {
		block = 10
	}
	for done := 0; done < runs; {
		n := min(block, runs-done)
		for i := range kinds {
			for range n {
				if err := one(i); err != nil {
					return nil, err
				}
			}
		}
		done += n
	}
	for i := range t {
		t[i].sorted()
	}
	return t, nil
}

// String prints the table; the ratios are to the row of sandkit.
func (t table) String() string {
	var text, b strings.Builder
	text.WriteString("\tp50\tp95\tp99\tp50 / sandkit\tp95 / sandkit\t\n")
	i := slices.IndexFunc(t, func(r row) bool { return r.name == sandkitName })
	base := t[i]
	for _, r := range t {
		fmt.Fprintf(&text, "%s\t%d\t%d\t%d\t%.2f\t%.2f\t\n", r.name, r.at(50).Microseconds(), r.at(95).Microseconds(), r.at(99).Microseconds(),
			float64(r.at(50))/float64(base.at(50)), float64(r.at(95))/float64(base.at(95)))
	}
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', tabwriter.AlignRight)
	if _, err := io.WriteString(w, text.String()); err != nil {
		return err.Error()
	}
	if err := w.Flush(); err != nil {
		return err.Error()
	}
	return b.String()
}

// sorted puts the times in order.
func (r row) sorted() row {
	slices.Sort(r.times)
	return r
}

// at gives a percentile of sorted times.
func (r row) at(percent int) time.Duration {
	return r.times[min(len(r.times)-1, len(r.times)*percent/100)]
}
