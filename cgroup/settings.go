package cgroup

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"time"
)

// setting is one value to be written for one field of Limits. Settings are
// made from limits alone, so that they can be looked at without any group.
type setting struct {
	field      string // of Limits
	controller Controller
	file       string
	value      string
	// since and hint go into the error when the file is missing.
	since, hint string
	// refused is the whole error for what this version does not have at all.
	refused string
	// idle tells that a missing file means that there is nothing to limit.
	idle func() bool
}

// String is "field: file = value".
func (s setting) String() string {
	if s.refused != "" {
		return s.field + ": refused, " + s.refused
	}
	return fmt.Sprintf("%s: %s = %s", s.field, s.file, s.value)
}

// change collects the settings that lead from one set of limits to another.
type change struct {
	prev, next Limits
	version    func(Controller) int
	list       []setting
}

// settings gives what has to be written, in the order in which the kernel takes
// it, so that next holds where prev did. Devices are not among them.
func settings(prev, next Limits, version func(Controller) int) []setting {
	c := &change{prev: prev, next: next, version: version}
	c.cpu()
	c.cpuset()
	c.memory()
	c.pids()
	c.io()
	c.hugetlb()
	for _, key := range slices.Sorted(maps.Keys(next.Unified)) {
		s := setting{
			field: "Unified[" + key + "]", controller: unifiedController(key), file: key, value: next.Unified[key],
			hint: "this kernel has no such file",
		}
		if version(s.controller) != 2 {
			s.refused = "the controller is not v2 here"
		}
		c.add(s)
	}
	return c.list
}

func (c *change) add(s setting) { c.list = append(c.list, s) }

// v1 tells whether a controller is v1.
func (c *change) v1(x Controller) bool { return c.version(x) == 1 }

func micros(d time.Duration) string { return strconv.FormatInt(d.Microseconds(), 10) }

func number[T int64 | uint64](n T) string { return fmt.Sprint(n) }

func (c *change) cpu() {
	quota, period := c.next.Quota()
	wasQuota, wasPeriod := c.prev.Quota()
	const noQuota = "kernel without CONFIG_CFS_BANDWIDTH"
	// A burst may not be larger than the quota at any time.
	if c.prev.CPUBurst != 0 && c.next.CPUBurst != c.prev.CPUBurst || c.prev.CPUBurst != 0 && quota != wasQuota {
		c.burst(0)
	}
	if quota != wasQuota || period != wasPeriod {
		field := "CPUQuota"
		if c.next.CPUs != 0 {
			field = "CPUs"
		}
		value := "max"
		if quota != 0 {
			value = micros(quota)
		}
		if !c.v1(CPU) {
			c.add(setting{field: field, controller: CPU, file: "cpu.max", value: value + " " + micros(period), hint: noQuota})
		} else {
			if wasQuota != 0 && period != wasPeriod || quota == 0 {
				// Between two writes the group might ask for more than the one above has.
				c.add(setting{field: field, controller: CPU, file: "cpu.cfs_quota_us", value: "-1", hint: noQuota})
			}
			if period != wasPeriod {
				c.add(setting{field: "CPUPeriod", controller: CPU, file: "cpu.cfs_period_us", value: micros(period), hint: noQuota})
			}
			if quota != 0 {
				c.add(setting{field: field, controller: CPU, file: "cpu.cfs_quota_us", value: value, hint: noQuota})
			}
		}
	}
	if c.next.CPUBurst != 0 && (c.next.CPUBurst != c.prev.CPUBurst || quota != wasQuota) {
		c.burst(c.next.CPUBurst)
	}
	if w := c.next.CPUWeight; w != c.prev.CPUWeight {
		if w == 0 {
			w = 100
		}
		if c.v1(CPU) {
			c.add(setting{field: "CPUWeight", controller: CPU, file: "cpu.shares", value: number(Shares(w))})
		} else {
			c.add(setting{field: "CPUWeight", controller: CPU, file: "cpu.weight", value: number(w)})
		}
	}
}

func (c *change) burst(d time.Duration) {
	file := "cpu.max.burst"
	if c.v1(CPU) {
		file = "cpu.cfs_burst_us"
	}
	c.add(setting{field: "CPUBurst", controller: CPU, file: file, value: micros(d), since: "5.14"})
}

func (c *change) cpuset() {
	for _, x := range []struct{ field, file, prev, next string }{
		{"CPUSetCPUs", "cpuset.cpus", c.prev.CPUSetCPUs, c.next.CPUSetCPUs},
		{"CPUSetMems", "cpuset.mems", c.prev.CPUSetMems, c.next.CPUSetMems},
	} {
		if x.prev != x.next {
			// For an empty value the writer takes that of the group above.
			c.add(setting{field: x.field, controller: CPUSet, file: x.file, value: x.next})
		}
	}
}

func (c *change) pids() {
	if c.next.Pids == c.prev.Pids {
		return
	}
	value := "max"
	if c.next.Pids != 0 {
		value = number(c.next.Pids)
	}
	c.add(setting{field: "Pids", controller: Pids, file: "pids.max", value: value})
}

func (c *change) hugetlb() {
	file, none := ".max", "max"
	if c.v1(HugeTLB) {
		file, none = ".limit_in_bytes", "-1"
	}
	for _, size := range slices.Sorted(maps.Keys(c.next.HugeTLB)) {
		if n, was := c.prev.HugeTLB[size]; !was || n != c.next.HugeTLB[size] {
			c.add(setting{
				field: "HugeTLB[" + size + "]", controller: HugeTLB, file: "hugetlb." + size + file,
				value: number(c.next.HugeTLB[size]), hint: "this machine has no huge pages of that size",
			})
		}
	}
	for _, size := range slices.Sorted(maps.Keys(c.prev.HugeTLB)) {
		if _, still := c.next.HugeTLB[size]; !still {
			c.add(setting{field: "HugeTLB[" + size + "]", controller: HugeTLB, file: "hugetlb." + size + file, value: none})
		}
	}
}
