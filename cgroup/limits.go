package cgroup

import (
	"encoding/json"
	"maps"
	"slices"
	"time"
)

// Limits says what a group may use. It is plain data that JSON keeps; the zero
// value of each field, and of the whole, is no limit.
type Limits struct {
	// CPUQuota is the CPU time that the group gets in each CPUPeriod, on all
	// CPUs together: a quota of two periods is two CPUs. At least 1 ms.
	CPUQuota time.Duration `json:"cpuQuota,omitempty"`
	// CPUPeriod is from 1 ms to 1 s; 0: 100 ms, the kernel's default.
	CPUPeriod time.Duration `json:"cpuPeriod,omitempty"`
	// CPUs is another way to say CPUQuota: a number of CPUs, from 0.01 on, of
	// which the quota is made. Only one of the two may be given.
	CPUs float64 `json:"cpus,omitempty"`
	// CPUBurst is how much unused quota a group may save up, at most the quota
	// (Linux 5.14).
	CPUBurst time.Duration `json:"cpuBurst,omitempty"`
	// CPUWeight is the share of the CPU beside other groups when there is not
	// enough for all: from 1 to 10,000, without a limit it is 100. Where the CPU
	// controller is v1, the shares that weigh the same are written; see Shares.
	CPUWeight uint64 `json:"cpuWeight,omitempty"`
	// CPUSetCPUs are the CPUs that may be used, as "0-3,7"; CPUSetMems the memory nodes.
	CPUSetCPUs string `json:"cpusetCpus,omitempty"`
	CPUSetMems string `json:"cpusetMems,omitempty"`

	// MemoryMax is the number of bytes at which the group is out of memory and
	// a process of it is killed. At least MinMemory.
	MemoryMax int64 `json:"memoryMax,omitempty"`
	// MemoryHigh is the number of bytes from which on the group is slowed down
	// and its memory reclaimed (v2 only).
	MemoryHigh int64 `json:"memoryHigh,omitempty"`
	// MemoryLow is the number of bytes that are not reclaimed while there is
	// other memory to take; where the controller is v1, its soft limit.
	MemoryLow int64 `json:"memoryLow,omitempty"`
	// Swap is the number of bytes of swap, beside memory. Zero is none at all
	// when MemoryMax is given, and otherwise no limit. Unlimited lifts the limit.
	Swap int64 `json:"swap,omitempty"`
	// OOMGroup has all processes of the group killed when one is (Linux 4.19, v2
	// only).
	OOMGroup bool `json:"oomGroup,omitempty"`

	// Pids is the number of processes and threads.
	Pids int64 `json:"pids,omitempty"`

	// IOWeight is the share of the disks beside other groups, from 1 to 10,000;
	// without a limit it is 100.
	IOWeight uint64 `json:"ioWeight,omitempty"`
	// IO are limits by device.
	IO []IOLimit `json:"io,omitempty"`

	// HugeTLB is how many bytes of huge pages of each size may be used, by the
	// kernel's name of the size: "2MB", "1GB". Zero bytes are none at all.
	HugeTLB map[string]int64 `json:"hugetlb,omitempty"`

	// Devices are the devices that may be used beside the StandardDevices. Nil
	// is no limit; an empty list leaves only the standard ones.
	Devices []DeviceRule `json:"devices,omitzero"`

	// Unified are raw values by file of a v2 group, such as
	// "memory.zswap.max": "0", written after all others. A value that is taken
	// out later stays as it is in the kernel.
	Unified map[string]string `json:"unified,omitempty"`
}

const (
	// Unlimited is the value of Limits.Swap that lifts the limit.
	Unlimited int64 = -1
	// MinMemory is the smallest MemoryMax: with less, no program starts. Docker
	// has the same.
	MinMemory int64 = 6 << 20
	// DefaultCPUPeriod is what a CPUPeriod of zero stands for.
	DefaultCPUPeriod = 100 * time.Millisecond
)

// IsZero tells whether nothing is limited.
func (l Limits) IsZero() bool {
	return l.CPUQuota == 0 && l.CPUPeriod == 0 && l.CPUs == 0 && l.CPUBurst == 0 && l.CPUWeight == 0 &&
		l.CPUSetCPUs == "" && l.CPUSetMems == "" &&
		l.MemoryMax == 0 && l.MemoryHigh == 0 && l.MemoryLow == 0 && l.Swap == 0 && !l.OOMGroup && l.Pids == 0 &&
		l.IOWeight == 0 && len(l.IO) == 0 && len(l.HugeTLB) == 0 && l.Devices == nil && len(l.Unified) == 0
}

// Clone gives a copy that shares nothing with l.
func (l Limits) Clone() Limits {
	l.IO = slices.Clone(l.IO)
	l.HugeTLB = maps.Clone(l.HugeTLB)
	l.Devices = slices.Clone(l.Devices)
	l.Unified = maps.Clone(l.Unified)
	return l
}

// Quota gives CPU quota and period with CPUs taken into account. A quota of
// zero is no limit.
func (l Limits) Quota() (quota, period time.Duration) {
	period = l.CPUPeriod
	if period == 0 {
		period = DefaultCPUPeriod
	}
	if l.CPUs != 0 {
		return time.Duration(l.CPUs * float64(period)).Round(time.Microsecond), period
	}
	return l.CPUQuota, period
}

// String is the limits that are set, as JSON.
func (l Limits) String() string {
	b, err := json.Marshal(l)
	if err != nil { // CPUs may be infinite
		return "invalid limits: " + err.Error()
	}
	return string(b)
}

// BestEffort names the fields of [Limits] that may be dropped where the host
// cannot give them, such as "OOMGroup"; see [Group.Dropped].
type BestEffort []string

// Everything lets any limit drop.
func Everything() BestEffort { return BestEffort{"*"} }

func (b BestEffort) allows(field string) bool {
	return slices.Contains(b, field) || slices.Contains(b, "*")
}

// Dropped is a limit that is not in force because the host cannot give it and
// BestEffort allows that.
type Dropped struct {
	Field string // of Limits
	Err   error  // why; a NotSupportedError
}

// String is a line of a report.
func (d Dropped) String() string { return d.Field + " is not limited: " + d.Err.Error() }
