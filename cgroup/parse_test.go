package cgroup

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// parsers are all parsers, for fuzzing.
var parsers = []func([]byte, *Stats){
	parseCPUStat, parseMemoryStat, parseMemoryEvents, parsePidsEvents, parseIOStat, parseBlkioBytes, parseBlkioOps,
	func(b []byte, s *Stats) { parsePressure(b, &s.Pressure.CPU) },
}

func TestParsers(t *testing.T) {
	for _, c := range []struct {
		name  string
		parse func([]byte, *Stats)
		text  string
		from  Stats
		want  Stats
	}{
		{
			"cpu v2", parseCPUStat, "usage_usec 100\nuser_usec 60\nsystem_usec 40\nnice_usec 0\nnr_periods 5\nnr_throttled 2\nthrottled_usec 7\n",
			Stats{},
			Stats{CPU: CPUStats{100 * time.Microsecond, 60 * time.Microsecond, 40 * time.Microsecond, 5, 2, 7 * time.Microsecond}},
		},
		{
			"cpu v1", parseCPUStat, "nr_periods 5\nnr_throttled 2\nthrottled_time 7\n",
			Stats{},
			Stats{CPU: CPUStats{Periods: 5, ThrottledPeriods: 2, Throttled: 7}},
		},
		{
			"memory v2", parseMemoryStat, "anon 10\nfile 50\ninactive_file 30\n",
			Stats{Memory: MemoryStats{Current: 100}},
			Stats{Memory: MemoryStats{Current: 100, WorkingSet: 70, Anon: 10, File: 50}},
		},
		{
			"memory v1", parseMemoryStat, "cache 1\nrss 1\ninactive_file 1\ntotal_cache 50\ntotal_rss 10\ntotal_swap 3\ntotal_inactive_file 300\n",
			Stats{Memory: MemoryStats{Current: 100}},
			Stats{Memory: MemoryStats{Current: 100, Anon: 10, File: 50, Swap: 3}},
		},
		{
			"events", parseMemoryEvents, "low 1\nhigh 2\nmax 3\noom 4\noom_kill 5\noom_group_kill 6\n",
			Stats{},
			Stats{Memory: MemoryStats{LimitHits: 3, OOMKills: 5}},
		},
		{
			"oom v1", parseMemoryEvents, "oom_kill_disable 0\nunder_oom 1\noom_kill 5\n", Stats{}, Stats{Memory: MemoryStats{OOMKills: 5}},
		},
		{
			"io v2", parseIOStat, "254:0 rbytes=1 wbytes=2 rios=3 wios=4 dbytes=5 dios=6\n7:1 \n8:0 rbytes=9\n",
			Stats{},
			Stats{IO: []IOStats{{DeviceNumber{254, 0}, 1, 2, 3, 4}, {DeviceNumber{8, 0}, 9, 0, 0, 0}}},
		},
		{
			"io v1", parseBlkioOps, "254:0 Read 1\n254:0 Write 2\n254:0 Sync 3\nTotal 6\n",
			Stats{},
			Stats{IO: []IOStats{{DeviceNumber{254, 0}, 0, 0, 1, 2}}},
		},
	} {
		s := c.from
		c.parse([]byte(c.text), &s)
		if d := cmp.Diff(c.want, s); d != "" {
			t.Errorf("%s: %s", c.name, d)
		}
	}
	var p PressureStats
	parsePressure([]byte("some avg10=1.50 avg60=2.00 avg300=100.00 total=7\nfull avg10=0.00 avg60=0.00 avg300=0.00 total=3\n"), &p)
	if want := (PressureStats{PressureTime{1.5, 2, 100, 7 * time.Microsecond}, PressureTime{Total: 3 * time.Microsecond}}); p != want {
		t.Errorf("pressure %+v", p)
	}
}

func TestParseNumbers(t *testing.T) {
	for text, want := range map[string]uint64{
		"0": 0, "12\n": 12, "max\n": 0, "": 0, "-1": 0, "9223372036854775807": 1<<63 - 1, "99999999999999999999": 0, "1 2": 0,
	} {
		if got := parseNumber([]byte(text)); got != want {
			t.Errorf("%q is %d, want %d", text, got, want)
		}
	}
	for text, want := range map[string]uint64{"max": 0, "9223372036854771712": 0, "33554432": 32 << 20} {
		if got := parseLimit([]byte(text)); got != want {
			t.Errorf("limit %q is %d, want %d", text, got, want)
		}
	}
}

func FuzzParsers(f *testing.F) {
	f.Add([]byte("254:0 rbytes=1 wbytes=2\nsome avg10=1.00 total=5\nusage_usec 1\n"))
	f.Add([]byte("254:0 Read 18446744073709551615\ninactive_file 9\nmax max\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		for _, parse := range parsers {
			s := Stats{Pressure: new(Pressure), Memory: MemoryStats{Current: 5}}
			parse(text, &s)
			if s.Memory.WorkingSet > 5 || s.CPU.Usage < 0 || s.CPU.Throttled < 0 || len(s.IO) > len(text) {
				t.Errorf("%q: %+v", text, s)
			}
		}
	})
}
