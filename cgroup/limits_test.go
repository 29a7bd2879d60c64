package cgroup_test

import (
	"encoding/json"
	"errors"
	"math"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sandkit/sandkit/cgroup"
)

func TestValidate(t *testing.T) {
	for _, c := range []struct {
		field  string // of the problem; empty: there is none
		limits cgroup.Limits
	}{
		{"", cgroup.Limits{}},
		{"", cgroup.Limits{CPUQuota: time.Millisecond, CPUPeriod: time.Second, CPUBurst: time.Millisecond}},
		{"", cgroup.Limits{CPUs: 0.01}},
		{"", cgroup.Limits{CPUWeight: 1, IOWeight: 10000, Pids: 1, MemoryMax: cgroup.MinMemory, Swap: cgroup.Unlimited}},
		{"", cgroup.Limits{CPUSetCPUs: "0-3,7", CPUSetMems: "0"}},
		{"", cgroup.Limits{IO: []cgroup.IOLimit{{Device: "/dev/vda", ReadBPS: 1}, {Device: "8:0", WriteIOPS: 1}}}},
		{"", cgroup.Limits{HugeTLB: map[string]int64{"2MB": 0, "1GB": 1 << 30}}},
		{"", cgroup.Limits{Devices: []cgroup.DeviceRule{{Type: "c", Major: 10, Minor: cgroup.AnyDevice, Access: "rw"}}}},
		{"", cgroup.Limits{Unified: map[string]string{"memory.zswap.max": "0"}}},
		{"CPUPeriod", cgroup.Limits{CPUPeriod: 999 * time.Microsecond}},
		{"CPUPeriod", cgroup.Limits{CPUPeriod: time.Second + 1}},
		{"CPUPeriod", cgroup.Limits{CPUPeriod: -time.Second}},
		{"CPUQuota", cgroup.Limits{CPUQuota: 999 * time.Microsecond}},
		{"CPUQuota", cgroup.Limits{CPUQuota: time.Millisecond + 1}},
		{"CPUQuota", cgroup.Limits{CPUQuota: math.MaxInt64}},
		{"CPUQuota", cgroup.Limits{CPUQuota: time.Second, CPUs: 1}},
		{"CPUs", cgroup.Limits{CPUs: 0.009}},
		{"CPUs", cgroup.Limits{CPUs: -1}},
		{"CPUs", cgroup.Limits{CPUs: math.NaN()}},
		{"CPUs", cgroup.Limits{CPUs: math.Inf(1)}},
		{"CPUs", cgroup.Limits{CPUs: 0.01, CPUPeriod: 10 * time.Millisecond}},
		{"CPUBurst", cgroup.Limits{CPUBurst: time.Millisecond}},
		{"CPUBurst", cgroup.Limits{CPUBurst: 2 * time.Second, CPUQuota: time.Second}},
		{"CPUWeight", cgroup.Limits{CPUWeight: 10001}},
		{"CPUSetCPUs", cgroup.Limits{CPUSetCPUs: "3-1"}},
		{"CPUSetCPUs", cgroup.Limits{CPUSetCPUs: "0,"}},
		{"CPUSetMems", cgroup.Limits{CPUSetMems: "all"}},
		{"MemoryMax", cgroup.Limits{MemoryMax: cgroup.MinMemory - 1}},
		{"MemoryMax", cgroup.Limits{MemoryMax: -1}},
		{"MemoryHigh", cgroup.Limits{MemoryHigh: -1}},
		{"MemoryLow", cgroup.Limits{MemoryLow: 2 << 30, MemoryMax: 1 << 30}},
		{"Swap", cgroup.Limits{Swap: -2}},
		{"Swap", cgroup.Limits{Swap: 1}},
		{"Swap", cgroup.Limits{Swap: math.MaxInt64, MemoryMax: 1 << 30}},
		{"Pids", cgroup.Limits{Pids: -1}},
		{"IOWeight", cgroup.Limits{IOWeight: 10001}},
		{"IO[0]", cgroup.Limits{IO: []cgroup.IOLimit{{Device: "/dev/vda"}}}},
		{"IO[0].Device", cgroup.Limits{IO: []cgroup.IOLimit{{Device: "vda", ReadBPS: 1}}}},
		{"IO[1].Device", cgroup.Limits{IO: []cgroup.IOLimit{{Device: "8:0", ReadBPS: 1}, {Device: "8:0", ReadBPS: 1}}}},
		{"IO[0].ReadIOPS", cgroup.Limits{IO: []cgroup.IOLimit{{Device: "8:0", ReadIOPS: 1 << 32}}}},
		{"HugeTLB", cgroup.Limits{HugeTLB: map[string]int64{"../x": 0}}},
		{"HugeTLB[2MB]", cgroup.Limits{HugeTLB: map[string]int64{"2MB": -1}}},
		{"Devices[0]", cgroup.Limits{Devices: []cgroup.DeviceRule{{Type: "a", Access: "r"}}}},
		{"Devices[0]", cgroup.Limits{Devices: []cgroup.DeviceRule{{Type: "c", Major: -2, Access: "r"}}}},
		{"Devices[0]", cgroup.Limits{Devices: []cgroup.DeviceRule{{Type: "c"}}}},
		{"Unified", cgroup.Limits{Unified: map[string]string{"cgroup.procs": "1"}}},
		{"Unified", cgroup.Limits{Unified: map[string]string{"../memory.max": "1"}}},
	} {
		err := c.limits.Validate()
		if c.field == "" {
			if err != nil {
				t.Errorf("%v: %v", c.limits, err)
			}
			continue
		}
		problem, ok := errors.AsType[*cgroup.InvalidError](err)
		if !ok || problem.Field != c.field || !errors.Is(err, cgroup.ErrInvalid) || problem.Allowed == "" {
			t.Errorf("%v: %v, want a problem with %s", c.limits, err, c.field)
		}
	}
}

func TestValidateTellsAll(t *testing.T) {
	err := cgroup.Limits{CPUs: -1, MemoryMax: 1, Pids: -1, IOWeight: 1 << 20}.Validate()
	for _, want := range []string{
		"CPUs is -1, allowed is from 0.01", "MemoryMax is 1, allowed is 0 for no limit, or at least 6291456",
		"Pids is -1, allowed is 0 for no limit, or at least 1", "IOWeight is 1048576, allowed is from 1 to 10000",
	} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q is not in %v", want, err)
		}
	}
}

func TestWeights(t *testing.T) {
	for _, c := range []struct{ weight, shares uint64 }{{0, 0}, {1, 10}, {50, 512}, {100, 1024}, {10000, 102400}, {20000, 102400}} {
		if got := cgroup.Shares(c.weight); got != c.shares {
			t.Errorf("weight %d is %d shares, want %d", c.weight, got, c.shares)
		}
	}
	for _, c := range []struct{ shares, weight uint64 }{{0, 0}, {1, 1}, {2, 1}, {512, 59}, {1024, 100}, {2048, 174}, {262144, 10000}, {1 << 40, 10000}} {
		if got := cgroup.WeightOfShares(c.shares); got != c.weight {
			t.Errorf("%d shares are weight %d, want %d", c.shares, got, c.weight)
		}
	}
	last := uint64(0)
	for s := uint64(2); s <= 262144; s++ {
		if w := cgroup.WeightOfShares(s); w < last || w < 1 || w > 10000 {
			t.Fatalf("%d shares are weight %d after %d", s, w, last)
		} else {
			last = w
		}
	}
}

// full has every field set, so that tests see a field that was forgotten.
func full(t *testing.T) cgroup.Limits {
	l := cgroup.Limits{
		CPUQuota: 50 * time.Millisecond, CPUPeriod: 200 * time.Millisecond, CPUs: 2, CPUBurst: time.Millisecond, CPUWeight: 7,
		CPUSetCPUs: "0-1", CPUSetMems: "0", MemoryMax: 1 << 30, MemoryHigh: 1 << 29, MemoryLow: 1 << 20, Swap: 1 << 20, OOMGroup: true,
		Pids: 9, IOWeight: 5, IO: []cgroup.IOLimit{{Device: "8:0", ReadBPS: 1, WriteBPS: 2, ReadIOPS: 3, WriteIOPS: 4}},
		HugeTLB: map[string]int64{"2MB": 1 << 21}, Devices: []cgroup.DeviceRule{{Type: "c", Major: 1, Minor: -1, Access: "r"}},
		Unified: map[string]string{"memory.x": "1"},
	}
	v := reflect.ValueOf(l)
	for i := range v.NumField() {
		if v.Field(i).IsZero() {
			t.Errorf("%s is not set in full", v.Type().Field(i).Name)
		}
	}
	return l
}

func TestJSON(t *testing.T) {
	for _, l := range []cgroup.Limits{{}, full(t), {Devices: []cgroup.DeviceRule{}}} {
		var got cgroup.Limits
		if err := json.Unmarshal([]byte(l.String()), &got); err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(l, got); d != "" {
			t.Errorf("%v changed: %s", l, d)
		}
	}
	if got := (cgroup.Limits{}).String(); got != "{}" {
		t.Errorf("nothing is %s", got)
	}
}

func TestClone(t *testing.T) {
	l := full(t)
	c := l.Clone()
	if d := cmp.Diff(l, c); d != "" {
		t.Error(d)
	}
	c.IO[0].ReadBPS, c.HugeTLB["2MB"], c.Devices[0].Major, c.Unified["memory.x"] = 99, 99, 99, "99"
	if d := cmp.Diff(l, full(t)); d != "" {
		t.Errorf("a clone shares with what it was made of: %s", d)
	}
}

func TestIsZero(t *testing.T) {
	if !(cgroup.Limits{}).IsZero() {
		t.Error("no limits are some")
	}
	v := reflect.ValueOf(full(t))
	for i := range v.NumField() {
		var l cgroup.Limits
		reflect.ValueOf(&l).Elem().Field(i).Set(v.Field(i))
		if l.IsZero() {
			t.Errorf("%s alone is no limit", v.Type().Field(i).Name)
		}
	}
}

func FuzzLimitsJSON(f *testing.F) {
	f.Add(`{"cpus":0.5,"memoryMax":67108864,"devices":[],"io":[{"device":"/dev/vda","readBps":1}]}`)
	f.Fuzz(func(t *testing.T, text string) {
		var l cgroup.Limits
		if json.Unmarshal([]byte(text), &l) != nil || l.Validate() != nil {
			return
		}
		var again cgroup.Limits
		if err := json.Unmarshal([]byte(l.String()), &again); err != nil {
			t.Fatal(err)
		}
		if l.String() != again.String() {
			t.Errorf("%v became %v", l, again)
		}
		if quota, period := l.Quota(); quota < 0 || period <= 0 {
			t.Errorf("%v: quota %v, period %v", l, quota, period)
		}
	})
}
