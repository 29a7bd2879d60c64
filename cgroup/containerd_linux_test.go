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
	s := stats(t, g)
	type reading struct {
		usage           time.Duration
		periods         uint64
		memory, limit   uint64
		pids, pidsLimit uint64
	}
	ours := reading{s.CPU.Usage, s.CPU.Periods, s.Memory.Current, s.Memory.Limit, s.Pids.Current, s.Pids.Limit}
	var theirs reading
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
		theirs = reading{
			time.Duration(m.CPU.Usage.Total), m.CPU.Throttling.Periods, m.Memory.Usage.Usage, m.Memory.Usage.Limit, m.Pids.Current, m.Pids.Limit,
		}
	} else {
		c, err := cgroup2.Load(p.group)
		if err != nil {
			t.Fatal(err)
		}
		m, err := c.Stat()
		if err != nil {
			t.Fatal(err)
		}
		theirs = reading{
			time.Duration(m.CPU.UsageUsec) * time.Microsecond, m.CPU.NrPeriods, m.Memory.Usage, m.Memory.UsageLimit, m.Pids.Current, m.Pids.Limit,
		}
	}
	// Each CPU keeps some pages in stock, which the kernel may give back meanwhile.
	const stock = 1 << 20
	if max(ours.memory, theirs.memory)-min(ours.memory, theirs.memory) < stock {
		ours.memory = theirs.memory
	}
	if ours != theirs {
		t.Errorf("read %+v, containerd/cgroups %+v", ours, theirs)
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
