package sandbox

import (
	"time"

	"github.com/sandkit/sandkit/cgroup"
)

// Limits are given to a cgroup of the sandbox's own. One that the host cannot
// give is an error of Start that names the controller and the remedy, unless it
// is in [BestEffort].

// WithLimits replaces all limits.
func WithLimits(l cgroup.Limits) Option {
	return option(func(c *config) {
		c.spec.Limits = l.Clone()
		for d := range limitFields {
			c.droppable(d)
		}
	})
}

// WithMemory limits memory, in bytes, with no swap beside it; at least 6 MiB.
// The page cache and what is written to memory file systems count. When there
// is no more, the kernel kills a process of the sandbox; see [ErrOOMKilled].
func WithMemory(bytes int64) Option {
	return limit(DropMemory, "WithMemory", bytes, func(l *cgroup.Limits) { l.MemoryMax = bytes })
}

// WithCPUQuota limits CPU time to quota in each period, on all CPUs together:
// cpu.max and cfs_quota_us. A period of 0 is 100 ms.
func WithCPUQuota(quota, period time.Duration) Option {
	return limit(DropCPU, "WithCPUQuota", int64(quota), func(l *cgroup.Limits) { l.CPUQuota, l.CPUPeriod, l.CPUs = quota, period, 0 })
}

// WithCPUs is another way to say WithCPUQuota: a number of CPUs, such as 0.5.
func WithCPUs(n float64) Option {
	return option(func(c *config) {
		if n <= 0 {
			c.process.problem("WithCPUs", "%v, want more than 0", n)
		}
		c.spec.Limits.CPUs, c.spec.Limits.CPUQuota, c.spec.Limits.CPUPeriod = n, 0, 0
		c.droppable(DropCPU)
	})
}

// WithCPUWeight sets the share of the CPU beside others when there is not
// enough for all, from 1 to 10,000; others have 100.
func WithCPUWeight(w uint64) Option {
	return limit(DropCPU, "WithCPUWeight", int64(w), func(l *cgroup.Limits) { l.CPUWeight = w })
}

// WithCPUSet limits the sandbox to these CPUs, as in "0-3,7".
func WithCPUSet(cpus string) Option {
	return option(func(c *config) {
		if cpus == "" {
			c.process.problem("WithCPUSet", "list is empty")
		}
		c.spec.Limits.CPUSetCPUs = cpus
		c.droppable(DropCPUSet)
	})
}

// WithPids limits the number of processes and threads. The default is
// [DefaultPids]; cgroup.Unlimited lifts the limit.
func WithPids(n int64) Option {
	return option(func(c *config) {
		if n < 1 && n != cgroup.Unlimited {
			c.process.problem("WithPids", "%d, want at least 1, or cgroup.Unlimited", n)
		}
		c.spec.Limits.Pids = n
		c.droppable(DropPids)
	})
}

// WithIO adds limits on what is read from and written to disks.
func WithIO(limits ...cgroup.IOLimit) Option {
	return option(func(c *config) {
		c.spec.Limits.IO = append(c.spec.Limits.IO, limits...)
		c.droppable(DropIO)
	})
}

// WithCgroupParent sets the group below which the sandbox's is made: an
// absolute path starts at the top of the hierarchies, any other where the host
// program may make groups. The default is cgroup.DefaultParent.
func WithCgroupParent(path string) Option {
	return option(func(c *config) {
		if path == "" {
			c.process.problem("WithCgroupParent", "path is empty")
		}
		c.spec.CgroupParent = path
	})
}

// limit sets one that has to be more than 0.
func limit(d Droppable, name string, value int64, set func(*cgroup.Limits)) Option {
	return option(func(c *config) {
		if value <= 0 {
			c.process.problem(name, "%d, want more than 0", value)
		}
		set(&c.spec.Limits)
		c.droppable(d)
	})
}
