package sys

import "golang.org/x/sys/unix"

// DeviceNumbers gives major and minor number of a device.
func DeviceNumbers(dev uint64) (major, minor uint32) { return unix.Major(dev), unix.Minor(dev) }
