package cgroup

import "math"

// swapLimit gives the bytes of swap that limits allow, math.MaxInt64 for all.
func (l Limits) swapLimit() int64 {
	switch {
	case l.Swap > 0:
		return l.Swap
	case l.Swap == Unlimited || l.MemoryMax == 0:
		return math.MaxInt64
	}
	return 0
}

func (c *change) memory() {
	if c.v1(Memory) {
		c.memoryV1()
		return
	}
	set := func(field, file string, prev, next int64, since string) {
		if prev == next {
			return
		}
		value := "max"
		if next != 0 {
			value = number(next)
		} else if file == "memory.low" {
			value = "0"
		}
		c.add(setting{field: field, controller: Memory, file: file, value: value, since: since})
	}
	// Swap first: with the limit on memory in force, it would fill.
	if was, is := c.prev.swapLimit(), c.next.swapLimit(); was != is {
		value := "max"
		if is != math.MaxInt64 {
			value = number(is)
		}
		c.add(setting{
			field: "Swap", controller: Memory, file: "memory.swap.max", value: value, since: "4.5",
			hint: swapHint, idle: noSwap,
		})
	}
	set("MemoryLow", "memory.low", c.prev.MemoryLow, c.next.MemoryLow, "4.5")
	set("MemoryHigh", "memory.high", c.prev.MemoryHigh, c.next.MemoryHigh, "4.5")
	if c.prev.OOMGroup != c.next.OOMGroup {
		value := "0"
		if c.next.OOMGroup {
			value = "1"
		}
		c.add(setting{field: "OOMGroup", controller: Memory, file: "memory.oom.group", value: value, since: "4.19"})
	}
	set("MemoryMax", "memory.max", c.prev.MemoryMax, c.next.MemoryMax, "4.5")
}

const swapHint = "boot with swapaccount=1, switch swap off, or allow it with Swap -1"

// memoryV1 knows that v1 counts memory and swap together and refuses a sum
// that is smaller than the limit on memory, at any time.
func (c *change) memoryV1() {
	if c.next.MemoryHigh != c.prev.MemoryHigh {
		c.add(setting{field: "MemoryHigh", controller: Memory, refused: "cgroup v1 has no such limit; boot with cgroup v2"})
	}
	if c.next.OOMGroup != c.prev.OOMGroup {
		c.add(setting{field: "OOMGroup", controller: Memory, refused: "cgroup v1 kills one process at a time; boot with cgroup v2"})
	}
	sum := func(l Limits) int64 {
		swap := l.swapLimit()
		if l.MemoryMax == 0 || swap == math.MaxInt64 {
			return math.MaxInt64
		}
		return l.MemoryMax + swap
	}
	set := func(field, file string, prev, next, none int64, extra setting) {
		if prev == next {
			return
		}
		extra.field, extra.controller, extra.file, extra.value = field, Memory, file, "-1"
		if next != none {
			extra.value = number(next)
		}
		c.add(extra)
	}
	limit := func() {
		set("MemoryMax", "memory.limit_in_bytes", c.prev.MemoryMax, c.next.MemoryMax, 0, setting{})
	}
	both := func() {
		set("Swap", "memory.memsw.limit_in_bytes", sum(c.prev), sum(c.next), math.MaxInt64, setting{hint: swapHint, idle: noSwap})
	}
	if sum(c.next) >= sum(c.prev) {
		both()
		limit()
	} else {
		limit()
		both()
	}
	set("MemoryLow", "memory.soft_limit_in_bytes", c.prev.MemoryLow, c.next.MemoryLow, 0,
		setting{hint: "kernel built with PREEMPT_RT; boot with cgroup v2"})
}
