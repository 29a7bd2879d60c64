package cgroup

import "time"

// Stats is what a group has used, at one time. All numbers are of the group
// and of those below it, and mean the same whether controllers are v1 or v2. A
// number that this kernel does not tell is zero, and so are those of a
// controller that the group is not in.
type Stats struct {
	Time   time.Time   `json:"time"`
	CPU    CPUStats    `json:"cpu"`
	Memory MemoryStats `json:"memory"`
	Pids   PidsStats   `json:"pids"`
	// IO has one entry for each device that was used, in the kernel's order.
	IO []IOStats `json:"io,omitempty"`
	// Pressure is nil where the kernel does not tell it: it takes a v2 tree,
	// which may be beside v1 controllers, and CONFIG_PSI (Linux 4.20).
	Pressure *Pressure `json:"pressure,omitempty"`
}

// CPUStats is CPU time on all CPUs together, from the group's beginning.
type CPUStats struct {
	Usage  time.Duration `json:"usage"`
	User   time.Duration `json:"user"`
	System time.Duration `json:"system"`
	// Periods is the number of CPUPeriods in which the group had a quota and
	// wanted to run, ThrottledPeriods in how many of them it had to wait, and
	// Throttled the time that its CPUs waited.
	Periods          uint64        `json:"periods"`
	ThrottledPeriods uint64        `json:"throttledPeriods"`
	Throttled        time.Duration `json:"throttled"`
}

// MemoryStats is memory in bytes.
type MemoryStats struct {
	// Current is all memory of the group, the page cache and kernel memory
	// included; Peak its maximum (v2: Linux 5.19).
	Current uint64 `json:"current"`
	Peak    uint64 `json:"peak"`
	// WorkingSet is Current without the page cache that has not been used
	// lately: what Docker and the kubelet show as a container's memory.
	WorkingSet uint64 `json:"workingSet"`
	Limit      uint64 `json:"limit"` // 0: none
	Swap       uint64 `json:"swap"`  // swap in use
	Anon       uint64 `json:"anon"`  // memory of processes that no file stands behind
	File       uint64 `json:"file"`  // the page cache; tmpfs and shared memory too
	// LimitHits is how often the limit was reached and memory had to be found.
	// Where the controller is v1, some kernels (6.18) leave it at zero.
	LimitHits uint64 `json:"limitHits"`
	// OOMKills is the number of processes that were killed as there was no memory left
	// (v1: Linux 4.13). On v1, processes of groups below do not count.
	OOMKills uint64 `json:"oomKills"`
}

// PidsStats counts processes and threads.
type PidsStats struct {
	Current uint64 `json:"current"`
	Peak    uint64 `json:"peak"`  // Linux 6.1
	Limit   uint64 `json:"limit"` // 0: none
	// LimitHits is how often a process or thread was refused (Linux 4.8).
	LimitHits uint64 `json:"limitHits"`
}

// IOStats is what was read from and written to one device.
type IOStats struct {
	Device     DeviceNumber `json:"device"`
	ReadBytes  uint64       `json:"readBytes"`
	WriteBytes uint64       `json:"writeBytes"`
	ReadOps    uint64       `json:"readOps"`
	WriteOps   uint64       `json:"writeOps"`
}

// Pressure is how long processes waited for CPU, memory and disks.
type Pressure struct {
	CPU    PressureStats `json:"cpu"`
	Memory PressureStats `json:"memory"`
	IO     PressureStats `json:"io"`
}

// PressureStats is waiting of one kind. Some is the time in which at least one
// process waited, Full that in which all did.
type PressureStats struct {
	Some PressureTime `json:"some"`
	Full PressureTime `json:"full"`
}

// PressureTime has the percentage of the last 10, 60 and 300 seconds, and the
// whole time from the group's beginning.
type PressureTime struct {
	Avg10  float64       `json:"avg10"`
	Avg60  float64       `json:"avg60"`
	Avg300 float64       `json:"avg300"`
	Total  time.Duration `json:"total"`
}
