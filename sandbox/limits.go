package sandbox

import (
	"reflect"
	"slices"

	"github.com/sandkit/sandkit/cgroup"
	"github.com/sandkit/sandkit/internal/capability"
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

// limited tells whether somebody asked for a limit or a group, or for what is
// not safe without, so that the host has to give it.
func (s *Spec) limited() bool {
	l := s.Limits
	if l.Pids == cgroup.Unlimited {
		l.Pids = 0
	}
	return !l.IsZero() || s.CgroupParent != "" || s.makesDevices()
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

// makesDevices tells whether programs could get at the host's devices: root's
// own capabilities can make nodes in /dev, or mount what has them. In a user
// namespace the kernel refuses both, and without the capabilities there is no
// node but those of /dev, as all other mounts are nodev.
func (s *Spec) makesDevices() bool {
	if !s.HostUsers {
		return false
	}
	caps, err := capability.Parse(slices.Concat(s.Process.Capabilities, s.Process.AmbientCapabilities))
	return err == nil && caps&(capability.Mknod|capability.SysAdmin) != 0 // Validate has checked the names
}

// groupLimits are what the sandbox's group gets for limits that were asked
// for. Own is the number of its processes that are not the program's.
func (s *Spec) groupLimits(l cgroup.Limits, own int64) cgroup.Limits {
	l = l.Clone()
	switch l.Pids {
	case cgroup.Unlimited:
		l.Pids = 0
	case 0:
		l.Pids = DefaultPids + own
	default:
		l.Pids += own
	}
	if l.Devices == nil && s.makesDevices() {
		l.Devices = []cgroup.DeviceRule{} // the standard ones
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
