package main

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"
)

func micros(n ...time.Duration) []time.Duration {
	for i := range n {
		n[i] *= time.Microsecond
	}
	return n
}

func TestTable(t *testing.T) {
	got := table{
		{"floor", micros(100, 100, 100, 400)},
		{sandkitName, micros(200, 200, 200, 200)},
		{"slow", micros(1000, 1000, 3000, 5000)},
	}.String()
	want := []string{
		"p50 p95 p99 p50 / sandkit p95 / sandkit",
		"floor 100 400 400 0.50 2.00",
		"sandkit 200 200 200 1.00 1.00",
		"slow 3000 5000 5000 15.00 25.00",
	}
	var lines []string
	for l := range strings.Lines(got) {
		lines = append(lines, strings.Join(strings.Fields(l), " "))
	}
	if !slices.Equal(lines, want) {
		t.Errorf("got\n%s\nwant\n%s", got, strings.Join(want, "\n"))
	}
}

func TestPercentiles(t *testing.T) {
	var r row
	for n := range 100 {
		r.times = append(r.times, time.Duration(n))
	}
	for percent, want := range map[int]time.Duration{0: 0, 50: 50, 95: 95, 100: 99} {
		if got := r.at(percent); got != want {
			t.Errorf("p%d is %d, want %d", percent, got, want)
		}
	}
	if one := (row{times: []time.Duration{7}}); one.at(50) != 7 || one.at(95) != 7 {
		t.Error("a single run has other percentiles than itself")
	}
}

// TestMeasure: every kind is run as often as asked for, in blocks,
// and one that fails is named.
func TestMeasure(t *testing.T) {
	var order strings.Builder
	counting := func(name string, took ...time.Duration) kind {
		n := 0
		return kind{name: name, run: func(context.Context) (time.Duration, error) {
			order.WriteString(name)
			n++
			return took[n%len(took)], nil
		}}
	}
	kinds := []kind{counting("a", 3, 1, 2), counting("b", 5)}
	for pause, want := range map[time.Duration]string{
		0: strings.Repeat("a", 25) + strings.Repeat("b", 25) + strings.Repeat("a", 2) + strings.Repeat("b", 2),
		1: strings.Repeat(strings.Repeat("a", 10)+strings.Repeat("b", 10), 2) + strings.Repeat("a", 7) + strings.Repeat("b", 7),
	} {
		order.Reset()
		got, err := measure(t.Context(), kinds, 27, pause)
		if err != nil || order.String() != want {
			t.Errorf("pause %v: order %s, %v", pause, &order, err)
		}
		for _, r := range got {
			if len(r.times) != 27 || !slices.IsSorted(r.times) {
				t.Errorf("%s has the times %v", r.name, r.times)
			}
		}
	}
	broken := errors.New("out of order")
	kinds = append(kinds, kind{name: "c", run: func(context.Context) (time.Duration, error) { return 0, broken }})
	if _, err := measure(t.Context(), kinds, 1, 0); !errors.Is(err, broken) || !strings.HasPrefix(err.Error(), "c: ") {
		t.Errorf("a kind that fails: %v", err)
	}
}
