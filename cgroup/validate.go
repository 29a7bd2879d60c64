package cgroup

import (
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/sandkit/sandkit/internal/undo"
)

// ErrInvalid is matched by every problem that Validate finds.
var ErrInvalid = errors.New("invalid limits")

// InvalidError is one problem with one field of [Limits]. It matches ErrInvalid.
type InvalidError struct {
	Field   string
	Value   string
	Allowed string // the range, in words
}

// Error names field, value and range.
func (e *InvalidError) Error() string {
	return fmt.Sprintf("%s is %s, allowed is %s", e.Field, e.Value, e.Allowed)
}

// Is matches ErrInvalid.
func (e *InvalidError) Is(target error) bool { return target == ErrInvalid }

type problems struct{ undo.Errors }

func (p *problems) add(field string, value any, allowed string) {
	p.Add(&InvalidError{Field: field, Value: fmt.Sprint(value), Allowed: allowed})
}

// atMost adds a problem when the value is above the range; zero is no limit.
func (p *problems) atMost(field string, value, high uint64) {
	if value > high {
		p.add(field, value, fmt.Sprintf("from 1 to %d", high))
	}
}

func (p *problems) atLeast(field string, value, low int64) {
	if value != 0 && value < low {
		p.add(field, value, fmt.Sprintf("0 for no limit, or at least %d", low))
	}
}

// Validate reports every problem at once, each an [InvalidError] with the range
// that is allowed. It looks at nothing but l: what this host lacks is found
// when the limits are applied.
func (l Limits) Validate() error {
	var p problems
	l.validateCPU(&p)
	l.validateMemory(&p)
	p.atLeast("Pids", l.Pids, 1)
	l.validateIO(&p)
	for _, size := range slices.Sorted(maps.Keys(l.HugeTLB)) {
		if size == "" || strings.Trim(size, "0123456789KMGB") != "" {
			p.add("HugeTLB", fmt.Sprintf("%q", size), "a size as 2MB or 1GB")
		}
		if n := l.HugeTLB[size]; n < 0 {
			p.add("HugeTLB["+size+"]", n, "0 for none, or more")
		}
	}
	for n, r := range l.Devices {
		if problem := r.problem(); problem != "" {
			p.add(fmt.Sprintf("Devices[%d]", n), fmt.Sprintf("%q", r.String()), "type c or b, numbers or -1, access of r, w and m; "+problem)
		}
	}
	for _, key := range slices.Sorted(maps.Keys(l.Unified)) {
		controller, _, dotted := strings.Cut(key, ".")
		if !dotted || controller == "" || controller == "cgroup" || strings.ContainsAny(key, "/\x00") {
			p.add("Unified", fmt.Sprintf("%q", key), "a controller's file, as memory.max; files of the group itself are not")
		}
	}
	return p.Err()
}

func (l Limits) validateCPU(p *problems) {
	const periods = "from 1ms to 1s, in whole microseconds"
	if l.CPUPeriod != 0 && (l.CPUPeriod < time.Millisecond || l.CPUPeriod > time.Second || l.CPUPeriod%time.Microsecond != 0) {
		p.add("CPUPeriod", l.CPUPeriod, periods)
	}
	// The kernel counts in microseconds and stops at about 200 days.
	const maxQuota = time.Duration(math.MaxUint64 >> 20 * uint64(time.Microsecond))
	if l.CPUQuota != 0 && (l.CPUQuota < time.Millisecond || l.CPUQuota > maxQuota || l.CPUQuota%time.Microsecond != 0) {
		p.add("CPUQuota", l.CPUQuota, "at least 1ms, in whole microseconds")
	}
	if l.CPUs != 0 && (!(l.CPUs >= 0.01) || l.CPUs > maxSetBit) {
		p.add("CPUs", l.CPUs, fmt.Sprintf("from 0.01 to %d", maxSetBit))
	} else if quota, _ := l.Quota(); l.CPUs != 0 && quota < time.Millisecond {
		p.add("CPUs", l.CPUs, "enough for 1ms in each CPUPeriod")
	}
	if l.CPUs != 0 && l.CPUQuota != 0 {
		p.add("CPUQuota", l.CPUQuota, "not given together with CPUs")
	}
	if quota, _ := l.Quota(); l.CPUBurst != 0 && (l.CPUBurst < 0 || l.CPUBurst > quota || l.CPUBurst%time.Microsecond != 0) {
		p.add("CPUBurst", l.CPUBurst, "from 0 to the quota, in whole microseconds")
	}
	p.atMost("CPUWeight", l.CPUWeight, maxWeight)
	if l.CPUSetCPUs != "" {
		if err := checkSet(l.CPUSetCPUs); err != nil {
			p.add("CPUSetCPUs", fmt.Sprintf("%q", l.CPUSetCPUs), "a list as 0-3,7; "+err.Error())
		}
	}
	if l.CPUSetMems != "" {
		if err := checkSet(l.CPUSetMems); err != nil {
			p.add("CPUSetMems", fmt.Sprintf("%q", l.CPUSetMems), "a list as 0-1; "+err.Error())
		}
	}
}

func (l Limits) validateMemory(p *problems) {
	p.atLeast("MemoryMax", l.MemoryMax, MinMemory)
	p.atLeast("MemoryHigh", l.MemoryHigh, 1)
	p.atLeast("MemoryLow", l.MemoryLow, 1)
	if l.Swap < Unlimited {
		p.add("Swap", l.Swap, "-1 for unlimited, 0 for none, or more")
	}
	if l.Swap > 0 && l.MemoryMax == 0 {
		p.add("Swap", l.Swap, "a number only when MemoryMax is given")
	}
	if l.Swap > 0 && l.MemoryMax > math.MaxInt64-l.Swap {
		p.add("Swap", l.Swap, "less than 8 EiB together with MemoryMax")
	}
	if l.MemoryMax > 0 && l.MemoryLow > l.MemoryMax {
		p.add("MemoryLow", l.MemoryLow, fmt.Sprintf("at most MemoryMax, %d", l.MemoryMax))
	}
}

func (l Limits) validateIO(p *problems) {
	p.atMost("IOWeight", l.IOWeight, maxWeight)
	seen := make(map[string]bool)
	for n, io := range l.IO {
		field := fmt.Sprintf("IO[%d]", n)
		if !isDeviceNumber(io.Device) && !strings.HasPrefix(io.Device, "/") {
			p.add(field+".Device", fmt.Sprintf("%q", io.Device), "an absolute path or major:minor")
		}
		if seen[io.Device] {
			p.add(field+".Device", fmt.Sprintf("%q", io.Device), "each device once")
		}
		seen[io.Device] = true
		if io.ReadBPS == 0 && io.WriteBPS == 0 && io.ReadIOPS == 0 && io.WriteIOPS == 0 {
			p.add(field, "without a rate", "at least one of ReadBPS, WriteBPS, ReadIOPS and WriteIOPS")
		}
		// v1 keeps operations a second in 32 bits.
		p.atMost(field+".ReadIOPS", io.ReadIOPS, math.MaxUint32)
		p.atMost(field+".WriteIOPS", io.WriteIOPS, math.MaxUint32)
	}
}
