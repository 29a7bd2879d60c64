package cgroup

import (
	"slices"
	"strings"
)

// Controller is a part of the kernel that limits or counts one resource, under
// the name that v2 gives it.
type Controller string

// The controllers that this package knows. Device access has a controller on
// v1 and a program of the kernel's BPF machine on v2. Accounting is what counts
// CPU time: v1's cpuacct, and every group on v2.
const (
	CPU        Controller = "cpu"
	Accounting Controller = "cpuacct"
	CPUSet     Controller = "cpuset"
	Memory     Controller = "memory"
	Pids       Controller = "pids"
	IO         Controller = "io"
	HugeTLB    Controller = "hugetlb"
	Devices    Controller = "devices"
	// Core is not a controller but what v2 groups do themselves: to freeze, to
	// kill, and to tell whether there is a process. On a host that has a v2 tree
	// beside v1 controllers, groups are in it for that; without one, v1's
	// freezer stands in.
	Core Controller = "core"
)

// controllers are all, in the order in which groups join them.
var controllers = []Controller{Core, Memory, Pids, CPU, Accounting, IO, CPUSet, Devices, HugeTLB}

// counting are those that Stats reads.
var counting = []Controller{Memory, Pids, CPU, Accounting, IO}

// v1Name is the controller's name in a v1 mount.
func (c Controller) v1Name() string {
	switch c {
	case IO:
		return "blkio"
	case Core:
		return "freezer"
	}
	return string(c)
}

// needs gives the controllers that the limits take.
func (l Limits) needs() []Controller {
	var list []Controller
	add := func(c Controller, need bool) {
		if need {
			list = append(list, c)
		}
	}
	add(Memory, l.MemoryMax != 0 || l.MemoryHigh != 0 || l.MemoryLow != 0 || l.Swap != 0 || l.OOMGroup)
	add(Pids, l.Pids != 0)
	add(CPU, l.CPUQuota != 0 || l.CPUs != 0 || l.CPUPeriod != 0 || l.CPUBurst != 0 || l.CPUWeight != 0)
	add(IO, l.IOWeight != 0 || len(l.IO) != 0)
	add(CPUSet, l.CPUSetCPUs != "" || l.CPUSetMems != "")
	add(Devices, l.Devices != nil)
	add(HugeTLB, len(l.HugeTLB) != 0)
	for key := range l.Unified {
		c := unifiedController(key)
		add(c, !slices.Contains(list, c))
	}
	return list
}

// unifiedController tells which controller a file of v2 belongs to.
func unifiedController(file string) Controller {
	name, _, _ := strings.Cut(file, ".")
	for _, c := range []Controller{Memory, Pids, CPU, IO, CPUSet, HugeTLB} {
		if string(c) == name {
			return c
		}
	}
	return Core
}
