package cgroup

import (
	"strconv"
	"testing"
)

// BenchmarkGroup makes a group with the usual limits and removes it.
func BenchmarkGroup(b *testing.B) {
	for _, l := range []struct {
		name string
		Limits
	}{
		{"empty", Limits{}},
		{"limits", Limits{MemoryMax: 64 << 20, CPUs: 0.5, Pids: 100}},
	} {
		b.Run(l.name, func(b *testing.B) {
			tr := tree(b)
			b.ReportAllocs()
			for n := 0; b.Loop(); n++ {
				g, err := tr.Create(b.Context(), Config{Name: strconv.Itoa(n), Limits: l.Limits})
				if err != nil {
					b.Fatal(err)
				}
				if err := g.Remove(b.Context()); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkApply sets limits of a group that exists already, as for a launcher
// that was parked in it.
func BenchmarkApply(b *testing.B) {
	g := create(b, tree(b), Limits{})
	b.ReportAllocs()
	for b.Loop() {
		for _, l := range []Limits{{MemoryMax: 64 << 20, CPUs: 0.5, Pids: 100}, {}} {
			if err := g.Apply(b.Context(), l); err != nil {
				b.Fatal(err)
			}
		}
	}
}

func BenchmarkStats(b *testing.B) {
	g := create(b, tree(b), Limits{})
	start(b, g, "sleep")
	stats(b, g)
	b.ReportAllocs()
	for b.Loop() {
		stats(b, g)
	}
}

func BenchmarkDetect(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Detect(); err != nil {
			b.Fatal(err)
		}
	}
}
