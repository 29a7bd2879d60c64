package cgroup

import (
	"fmt"
	"strconv"
	"strings"
)

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

// parseDeviceNumber reads "major:minor".
func parseDeviceNumber(s string) (DeviceNumber, bool) {
	a, b, found := strings.Cut(s, ":")
	major, err1 := strconv.ParseUint(a, 10, 32)
	minor, err2 := strconv.ParseUint(b, 10, 32)
	return DeviceNumber{uint32(major), uint32(minor)}, found && err1 == nil && err2 == nil
}
