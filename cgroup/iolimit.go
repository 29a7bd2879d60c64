package cgroup

import "fmt"

// IOLimit bounds what a group reads from and writes to one disk. The zero
// value of a rate is no limit.
type IOLimit struct {
	// Device is the path of a block device, "/dev/vda", or its numbers,
	// "254:0". Limits are for whole disks, not for partitions.
	Device    string `json:"device"`
	ReadBPS   uint64 `json:"readBps,omitempty"`   // bytes a second
	WriteBPS  uint64 `json:"writeBps,omitempty"`  // bytes a second
	ReadIOPS  uint64 `json:"readIops,omitempty"`  // operations a second
	WriteIOPS uint64 `json:"writeIops,omitempty"` // operations a second
}

// DeviceNumber is the number of a device node.
type DeviceNumber struct{ Major, Minor uint32 }

// String is "major:minor".
func (d DeviceNumber) String() string { return fmt.Sprintf("%d:%d", d.Major, d.Minor) }

// isDeviceNumber tells whether s is "major:minor".
func isDeviceNumber(s string) bool {
	_, ok := parseDevice([]byte(s))
	return ok && len(s) <= len("4294967295:4294967295")
}
