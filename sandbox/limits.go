package sandbox

import (
	"reflect"
	"slices"

	"github.com/sandkit/sandkit/cgroup"
)

// DefaultPids is how many processes and threads a sandbox may have unless
// WithPids says otherwise.
const DefaultPids = 1024

// limitFields are the fields of cgroup.Limits that go with each Droppable.
var limitFields = map[Droppable][]string{
	DropCPU:     {"CPUQuota", "CPUPeriod", "CPUs", "CPUBurst", "CPUWeight"},
	DropCPUSet:  {"CPUSetCPUs", "CPUSetMems"},
	DropMemory:  {"MemoryMax", "MemoryHigh", "MemoryLow", "Swap", "OOMGroup"},
	DropPids:    {"Pids"},
	DropIO:      {"IOWeight", "IO"},
	DropHugeTLB: {"HugeTLB"},
	DropDevices: {"Devices"},
	DropUnified: {"Unified"},
}

// droppableLimits are the fields that BestEffort lets go.
func (s *Spec) droppableLimits() cgroup.BestEffort {
	var fields cgroup.BestEffort
	for d, list := range limitFields {
		if s.mayDrop(d) {
			fields = append(fields, list...)
		}
	}
	slices.Sort(fields)
	return fields
}

// droppedLimit is what a field of cgroup.Limits is called when it drops.
func droppedLimit(field string) Droppable {
	for d, list := range limitFields {
		if slices.Contains(list, field) {
			return d
		}
	}
	return Droppable(field)
}

// limited tells whether somebody asked for a limit or a group, so that the host
// has to give it.
func (s *Spec) limited() bool {
	l := s.Limits
	if l.Pids == cgroup.Unlimited {
		l.Pids = 0
	}
	return !l.IsZero() || s.CgroupParent != ""
}

// asksFor lists what limits there are, by what they are called when they drop.
func (s *Spec) asksFor() []Droppable {
	var list []Droppable
	v := reflect.ValueOf(s.Limits)
	for i := range v.NumField() {
		d := droppedLimit(v.Type().Field(i).Name)
		if !v.Field(i).IsZero() && !slices.Contains(list, d) {
			list = append(list, d)
		}
	}
	return list
}

// groupLimits are what the sandbox's group gets. Own is the number of its
// processes that are not the program's.
func groupLimits(l cgroup.Limits, own int64) cgroup.Limits {
	l = l.Clone()
	switch l.Pids {
	case cgroup.Unlimited:
		l.Pids = 0
	case 0:
		l.Pids = DefaultPids + own
	default:
		l.Pids += own
	}
	return l
}

// checkLimits finds problems with limits of a Spec.
func checkLimits(l cgroup.Limits) error {
	if l.Pids == cgroup.Unlimited {
		l.Pids = 0
	}
	return l.Validate()
}
