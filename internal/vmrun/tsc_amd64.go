//go:build linux

package main

import "time"

// rdtsc reads the time stamp counter.
func rdtsc() uint64

// tscKHz measures the host's time stamp counter, which is also the guest's
// under emulation. The guest's own calibration goes wrong when the host is
// busy (by a factor of 13 was seen), and its clock and timers with it.
func tscKHz() (uint64, error) {
	t0, c0 := tscNow()
	time.Sleep(20 * time.Millisecond)
	t1, c1 := tscNow()
	return (c1 - c0) * 1e6 / uint64(t1.Sub(t0).Nanoseconds()), nil
}

// tscNow reads clock and counter at one moment: the closest pair of a few.
func tscNow() (at time.Time, count uint64) {
	best := ^uint64(0)
	for range 5 {
		before := rdtsc()
		now := time.Now()
		after := rdtsc()
		if d := after - before; d < best {
			best, at, count = d, now, before+d/2
		}
	}
	return at, count
}
