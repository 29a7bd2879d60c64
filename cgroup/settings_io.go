package cgroup

import (
	"slices"
	"strings"
)

// io needs devices as numbers.
func (c *change) io() {
	if w := c.next.IOWeight; w != c.prev.IOWeight {
		if w == 0 {
			w = 100
		}
		const hint = "it takes the BFQ scheduler for the disk, or on v2 the iocost controller (CONFIG_BLK_CGROUP_IOCOST)"
		if c.v1(IO) {
			c.add(setting{field: "IOWeight", controller: IO, file: "blkio.bfq.weight", value: number(bfqWeight(w)), since: "5.0", hint: hint})
		} else {
			// The writer takes io.bfq.weight where there is no io.weight.
			c.add(setting{field: "IOWeight", controller: IO, file: "io.weight", value: "default " + number(w), since: "5.4", hint: hint})
		}
	}
	for _, next := range c.next.IO {
		if i := slices.IndexFunc(c.prev.IO, next.sameDevice); i < 0 {
			c.device(IOLimit{}, next)
		} else if c.prev.IO[i] != next {
			c.device(c.prev.IO[i], next)
		}
	}
	for _, prev := range c.prev.IO {
		if !slices.ContainsFunc(c.next.IO, prev.sameDevice) {
			c.device(prev, IOLimit{Device: prev.Device})
		}
	}
}

func (l IOLimit) sameDevice(m IOLimit) bool { return l.Device == m.Device }

// device sets the rates of one device, lifting what is no longer asked for.
func (c *change) device(prev, next IOLimit) {
	var v2 []string
	for _, rate := range []struct {
		v1, v2     string
		prev, next uint64
	}{
		{"read_bps_device", "rbps", prev.ReadBPS, next.ReadBPS},
		{"write_bps_device", "wbps", prev.WriteBPS, next.WriteBPS},
		{"read_iops_device", "riops", prev.ReadIOPS, next.ReadIOPS},
		{"write_iops_device", "wiops", prev.WriteIOPS, next.WriteIOPS},
	} {
		if rate.prev == rate.next {
			continue
		}
		if c.v1(IO) {
			c.add(setting{
				field: "IO", controller: IO, file: "blkio.throttle." + rate.v1,
				value: next.Device + " " + number(rate.next), hint: "kernel without CONFIG_BLK_DEV_THROTTLING",
			})
			continue
		}
		value := "max"
		if rate.next != 0 {
			value = number(rate.next)
		}
		v2 = append(v2, rate.v2+"="+value)
	}
	if len(v2) != 0 {
		c.add(setting{
			field: "IO", controller: IO, file: "io.max", value: next.Device + " " + strings.Join(v2, " "),
			hint: "kernel without CONFIG_BLK_DEV_THROTTLING",
		})
	}
}
