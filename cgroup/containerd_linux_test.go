package cgroup

import (
	"testing"
	"time"

	"github.com/containerd/cgroups/v3/cgroup1"
	"github.com/containerd/cgroups/v3/cgroup2"
)

// TestSameAsContainerd compares a reading with that of containerd/cgroups.
func TestSameAsContainerd(t *testing.T) {
	g := create(t, tree(t), Limits{MemoryMax: 64 << 20, CPUs: 0.2, Pids: 50})
	start(t, g, "spin")
	until(t, "some CPU used", func() bool { return stats(t, g).CPU.ThrottledPeriods > 1 })
	if err := g.Freeze(t.Context()); err != nil { // so that both see the same
		t.Fatal(err)
	}
	// Readings that nothing happened between are the same.
	for range 100 {
		before, theirs, after := ours(t, g), theirs(t, g), ours(t, g)
		if before != after {
			continue
		}
		if before != theirs {
			t.Errorf("read %+v, containerd/cgroups %+v", before, theirs)
		}
		return
	}
	t.Error("a frozen group does not come to rest")
}

// reading is what both read. Memory is in MiB: each CPU keeps some pages in
// stock, which the kernel may give back meanwhile.
type reading struct {
	usage           time.Duration
	periods         uint64
	memory, limit   uint64
	pids, pidsLimit uint64
}

func ours(t *testing.T, g *Group) reading {
	t.Helper()
	s := stats(t, g)
	return reading{s.CPU.Usage, s.CPU.Periods, s.Memory.Current >> 20, s.Memory.Limit, s.Pids.Current, s.Pids.Limit}
}

func theirs(t *testing.T, g *Group) reading {
	t.Helper()
	p, _ := g.of(Memory)
	if p.at.version == 1 {
		c, err := cgroup1.Load(cgroup1.StaticPath(p.group))
		if err != nil {
			t.Fatal(err)
		}
		m, err := c.Stat(cgroup1.IgnoreNotExist)
		if err != nil {
			t.Fatal(err)
		}
		return reading{
			time.Duration(m.CPU.Usage.Total), m.CPU.Throttling.Periods, m.Memory.Usage.Usage >> 20, m.Memory.Usage.Limit, m.Pids.Current, m.Pids.Limit,
		}
	}
	c, err := cgroup2.Load(p.group)
	if err != nil {
		t.Fatal(err)
	}
	m, err := c.Stat()
	if err != nil {
		t.Fatal(err)
	}
	return reading{
		time.Duration(m.CPU.UsageUsec) * time.Microsecond, m.CPU.NrPeriods, m.Memory.Usage >> 20, m.Memory.UsageLimit, m.Pids.Current, m.Pids.Limit,
	}
}

// BenchmarkContainerdStats is BenchmarkStats with containerd/cgroups.
func BenchmarkContainerdStats(b *testing.B) {
	g := create(b, tree(b), Limits{})
	start(b, g, "sleep")
	p, _ := g.of(Memory)
	b.ReportAllocs()
	if p.at.version == 1 {
		c, err := cgroup1.Load(cgroup1.StaticPath(p.group))
		if err != nil {
			b.Fatal(err)
		}
		for b.Loop() {
			if _, err := c.Stat(cgroup1.IgnoreNotExist); err != nil {
				b.Fatal(err)
			}
		}
		return
	}
	c, err := cgroup2.Load(p.group)
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if _, err := c.Stat(); err != nil {
			b.Fatal(err)
		}
	}
}
