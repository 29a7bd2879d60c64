package cgroup

import (
	"fmt"
	"strings"
)

// DeviceRule lets a group use devices, among them those whose nodes it makes.
type DeviceRule struct {
	// Type is "c" for character devices or "b" for block devices.
	Type string `json:"type"`
	// Major and Minor are the device's numbers; AnyDevice is all.
	Major int64 `json:"major"`
	Minor int64 `json:"minor"`
	// Access is made of r for reading, w for writing and m for making nodes. A
	// program that opens a device for reading and writing needs both.
	Access string `json:"access"`
}

// AnyDevice is the number in a DeviceRule that stands for all.
const AnyDevice int64 = -1

// String is the rule as v1 writes it, "c 1:3 rw".
func (r DeviceRule) String() string {
	number := func(n int64) string {
		if n == AnyDevice {
			return "*"
		}
		return fmt.Sprint(n)
	}
	return r.Type + " " + number(r.Major) + ":" + number(r.Minor) + " " + r.Access
}

// StandardDevices are what programs need and what gives nothing away: null,
// zero, full, random, urandom, tty, ptmx and the pseudo-terminals. Nodes of
// them may be made where the group's processes may make nodes at all, of
// others not.
func StandardDevices() []DeviceRule {
	rules := make([]DeviceRule, 0, 8)
	for _, d := range [][2]int64{{1, 3}, {1, 5}, {1, 7}, {1, 8}, {1, 9}, {5, 0}, {5, 2}} {
		rules = append(rules, DeviceRule{"c", d[0], d[1], "rwm"})
	}
	return append(rules, DeviceRule{"c", 136, AnyDevice, "rw"})
}

// problem tells what is wrong with a rule.
func (r DeviceRule) problem() string {
	switch {
	case r.Type != "c" && r.Type != "b":
		return fmt.Sprintf("type %q is neither c nor b", r.Type)
	case r.Major < AnyDevice || r.Major >= 1<<12 || r.Minor < AnyDevice || r.Minor >= 1<<20:
		return fmt.Sprintf("number %d:%d is not from 0:0 to 4095:1048575, or -1 for all", r.Major, r.Minor)
	case r.Access == "" || strings.Trim(r.Access, "rwm") != "":
		return fmt.Sprintf("access %q is not made of r, w and m", r.Access)
	}
	return ""
}
