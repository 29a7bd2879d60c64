//go:build linux

package cgroup

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/sandkit/sandkit/internal/testutil"
)

// TestSettings shows what is written for each change of limits.
func TestSettings(t *testing.T) {
	some := Limits{
		CPUQuota: 50 * time.Millisecond, CPUBurst: 10 * time.Millisecond, CPUWeight: 200, CPUSetCPUs: "0-1",
		MemoryMax: 64 << 20, MemoryLow: 16 << 20, Pids: 100, IOWeight: 200,
		IO:      []IOLimit{{Device: "254:0", ReadBPS: 1 << 20, WriteIOPS: 100}, {Device: "8:0", WriteBPS: 5}},
		HugeTLB: map[string]int64{"2MB": 0},
	}
	other := some.Clone()
	other.CPUQuota, other.CPUBurst, other.MemoryMax, other.Swap = 20*time.Millisecond, 5*time.Millisecond, 32<<20, 1<<20
	other.IO = []IOLimit{{Device: "254:0", ReadBPS: 1 << 20, WriteBPS: 7}}
	v2 := Limits{MemoryMax: 64 << 20, MemoryHigh: 32 << 20, OOMGroup: true, Unified: map[string]string{"memory.zswap.max": "0"}}
	var b strings.Builder
	for _, version := range []int{1, 2} {
		for _, step := range []struct {
			name       string
			prev, next Limits
		}{
			{"some limits", Limits{}, some},
			{"others", some, other},
			{"the first again", other, some},
			{"none", some, Limits{}},
			{"another period", some, Limits{CPUQuota: 50 * time.Millisecond, CPUPeriod: 50 * time.Millisecond}},
			{"unlimited swap", Limits{MemoryMax: 64 << 20}, Limits{MemoryMax: 64 << 20, Swap: Unlimited}},
			{"what v1 has not", Limits{}, v2},
			{"nothing new", some, some},
		} {
			fmt.Fprintf(&b, "v%d, %s\n", version, step.name)
			for _, s := range settings(step.prev, step.next, func(Controller) int { return version }) {
				fmt.Fprintf(&b, "\t%v\n", s)
			}
		}
	}
	testutil.Golden(t, "settings", b.String())
}
