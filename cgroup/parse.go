package cgroup

import (
	"bytes"
	"strconv"
	"time"
)

// The parsers below read what the kernel writes into a buffer that is used
// again. They keep nothing of it, allocate nothing for what they do not keep,
// and skip what they do not know: kernels add lines and fields.

// firstLine cuts a line off.
func firstLine(b []byte) (line, rest []byte) {
	line, rest, _ = bytes.Cut(b, []byte{'\n'})
	return line, rest
}

// firstField cuts a word off.
func firstField(b []byte) (field, rest []byte) {
	field, rest, _ = bytes.Cut(b, []byte{' '})
	return field, rest
}

// assignments calls f for each "key=value" of a line.
func assignments(line []byte, f func(key, value []byte)) {
	for len(line) > 0 {
		var field []byte
		field, line = firstField(line)
		key, value, _ := bytes.Cut(field, []byte{'='})
		f(key, value)
	}
}

// parseNumber reads a number in decimal; "max" and what is no number are 0, and so is
// what v1 has for no limit, the largest number of whole pages.
func parseNumber(b []byte) uint64 {
	b = bytes.TrimSpace(b)
	var n uint64
	for _, c := range b {
		if c < '0' || c > '9' {
			return 0
		}
		d := uint64(c - '0')
		if n > (1<<63-1-d)/10 {
			return 0
		}
		n = n*10 + d
	}
	return n
}

// parseLimit is parseNumber where v1 writes the largest number of whole pages
// for no limit.
func parseLimit(b []byte) uint64 {
	if n := parseNumber(b); n < 1<<63-1<<20 {
		return n
	}
	return 0
}

func parseMicros(b []byte) time.Duration { return clampDuration(parseNumber(b), time.Microsecond) }

func parseNanos(b []byte) time.Duration { return clampDuration(parseNumber(b), 1) }

func clampDuration(n uint64, unit time.Duration) time.Duration {
	return time.Duration(min(n, uint64(1<<63-1)/uint64(unit))) * unit
}

// parseCPUStat reads cpu.stat of v1 and v2.
func parseCPUStat(b []byte, s *Stats) {
	for len(b) > 0 {
		var line []byte
		line, b = firstLine(b)
		key, value := firstField(line)
		switch string(key) {
		case "usage_usec":
			s.CPU.Usage = parseMicros(value)
		case "user_usec":
			s.CPU.User = parseMicros(value)
		case "system_usec":
			s.CPU.System = parseMicros(value)
		case "nr_periods":
			s.CPU.Periods = parseNumber(value)
		case "nr_throttled":
			s.CPU.ThrottledPeriods = parseNumber(value)
		case "throttled_usec":
			s.CPU.Throttled = parseMicros(value)
		case "throttled_time": // v1
			s.CPU.Throttled = parseNanos(value)
		}
	}
}

// parseMemoryStat reads memory.stat of v1 and v2; it needs Current.
func parseMemoryStat(b []byte, s *Stats) {
	var inactive uint64
	for len(b) > 0 {
		var line []byte
		line, b = firstLine(b)
		key, value := firstField(line)
		switch string(key) {
		case "anon", "total_rss":
			s.Memory.Anon = parseNumber(value)
		case "file", "total_cache":
			s.Memory.File = parseNumber(value)
		case "total_swap":
			s.Memory.Swap = parseNumber(value)
		case "inactive_file":
			if inactive == 0 { // v1 has it too, for the group alone
				inactive = parseNumber(value)
			}
		case "total_inactive_file":
			inactive = parseNumber(value)
		}
	}
	s.Memory.WorkingSet = s.Memory.Current - min(inactive, s.Memory.Current)
}

// parseMemoryEvents reads memory.events of v2 and memory.oom_control of v1.
func parseMemoryEvents(b []byte, s *Stats) {
	for len(b) > 0 {
		var line []byte
		line, b = firstLine(b)
		key, value := firstField(line)
		switch string(key) {
		case "max":
			s.Memory.LimitHits = parseNumber(value)
		case "oom_kill":
			s.Memory.OOMKills = parseNumber(value)
		}
	}
}

// parsePidsEvents reads pids.events.
func parsePidsEvents(b []byte, s *Stats) {
	line, _ := firstLine(b)
	if key, value := firstField(line); string(key) == "max" {
		s.Pids.LimitHits = parseNumber(value)
	}
}

// device gives the entry of a device, which it makes.
func (s *Stats) device(d DeviceNumber) *IOStats {
	for i := range s.IO {
		if s.IO[i].Device == d {
			return &s.IO[i]
		}
	}
	s.IO = append(s.IO, IOStats{Device: d})
	return &s.IO[len(s.IO)-1]
}

// parseDevice reads "major:minor".
func parseDevice(b []byte) (DeviceNumber, bool) {
	major, minor, ok := bytes.Cut(b, []byte{':'})
	if !ok || len(major) == 0 || len(minor) == 0 || !digits(major) || !digits(minor) {
		return DeviceNumber{}, false
	}
	return DeviceNumber{uint32(parseNumber(major)), uint32(parseNumber(minor))}, true
}

func digits(b []byte) bool {
	for _, c := range b {
		if c < '0' || c > '9' {
			return false
		}
	}
	return true
}

// parseIOStat reads io.stat of v2: "254:0 rbytes=1 wbytes=2 rios=3 wios=4 ...".
func parseIOStat(b []byte, s *Stats) {
	for len(b) > 0 {
		var line, name []byte
		line, b = firstLine(b)
		name, line = firstField(line)
		d, ok := parseDevice(name)
		if !ok || len(line) == 0 {
			continue
		}
		io := s.device(d)
		assignments(line, func(key, value []byte) {
			switch string(key) {
			case "rbytes":
				io.ReadBytes = parseNumber(value)
			case "wbytes":
				io.WriteBytes = parseNumber(value)
			case "rios":
				io.ReadOps = parseNumber(value)
			case "wios":
				io.WriteOps = parseNumber(value)
			}
		})
	}
}

// parseBlkioBytes and parseBlkioOps read v1's files: "254:0 Read 1".
func parseBlkioBytes(b []byte, s *Stats) { parseBlkio(b, s, false) }

func parseBlkioOps(b []byte, s *Stats) { parseBlkio(b, s, true) }

func parseBlkio(b []byte, s *Stats, ops bool) {
	for len(b) > 0 {
		var line []byte
		line, b = firstLine(b)
		name, rest := firstField(line)
		key, value := firstField(rest)
		d, ok := parseDevice(name)
		if !ok {
			continue
		}
		switch {
		case string(key) == "Read" && ops:
			s.device(d).ReadOps = parseNumber(value)
		case string(key) == "Read":
			s.device(d).ReadBytes = parseNumber(value)
		case string(key) == "Write" && ops:
			s.device(d).WriteOps = parseNumber(value)
		case string(key) == "Write":
			s.device(d).WriteBytes = parseNumber(value)
		}
	}
}

// parsePressure reads a pressure file: "some avg10=0.00 avg60=0.00 avg300=0.00
// total=0" and the same for full.
func parsePressure(b []byte, p *PressureStats) {
	for len(b) > 0 {
		var line, name []byte
		line, b = firstLine(b)
		name, line = firstField(line)
		var t *PressureTime
		switch string(name) {
		case "some":
			t = &p.Some
		case "full":
			t = &p.Full
		default:
			continue
		}
		assignments(line, func(key, value []byte) {
			switch string(key) {
			case "avg10":
				t.Avg10 = parsePercent(value)
			case "avg60":
				t.Avg60 = parsePercent(value)
			case "avg300":
				t.Avg300 = parsePercent(value)
			case "total":
				t.Total = parseMicros(value)
			}
		})
	}
}

// parsePercent reads "12.34".
func parsePercent(b []byte) float64 {
	f, err := strconv.ParseFloat(string(b), 64)
	if err != nil || !(f >= 0 && f <= 100) {
		return 0
	}
	return f
}
