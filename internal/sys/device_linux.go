package sys

import "golang.org/x/sys/unix"

// DeviceNumbers gives major and minor number of a device.
func DeviceNumbers(dev uint64) [2]uint32 { return [2]uint32{unix.Major(dev), unix.Minor(dev)} }
