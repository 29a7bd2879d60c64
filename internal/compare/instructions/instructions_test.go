package main

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestParseIdle(t *testing.T) {
	const timers = `Timer List Version: v0.10
now at 1326 nsecs

cpu: 0
 clock 0:
  .offset:     0 nsecs
  .hres_active    : 1
  .idle_calls     : 15
  .idle_sleeptime : 3296421170 nsecs
  .iowait_sleeptime: 30 nsecs
  .last_jiffies   : 4294892712
`
	if d, err := parseIdle(timers); err != nil || d != 3296421200 {
		t.Errorf("%d, %v", d, err)
	}
	for name, bad := range map[string]string{
		"nothing":  "",
		"two CPUs": timers + timers,
		"number":   strings.Replace(timers, "3296421170", "soon", 1),
		"one":      strings.Replace(timers, ".iowait", ".other", 1),
	} {
		if d, err := parseIdle(bad); err == nil {
			t.Errorf("%s: %v", name, d)
		}
	}
}

func TestMedian(t *testing.T) {
	for want, all := range map[int64][]int64{7: {7}, 2: {9, 1, 2}, 5: {4, 100, 6, 1}} {
		var r row
		for _, n := range all {
			r.runs = append(r.runs, span{n * 10, time.Duration(n)})
		}
		if r.executed() != want*10 || r.waiting() != time.Duration(want) {
			t.Errorf("medians of %d are %d and %d", all, r.executed(), r.waiting())
		}
	}
}

// TestMeasure: what is looked at on its own comes after the warm-up, and the
// mean is of all.
func TestMeasure(t *testing.T) {
	var steps []string
	m := meter{
		during: func(f func() error) (span, error) {
			steps = append(steps, "(")
			err := f()
			steps = append(steps, ")")
			return span{int64(len(steps)), 0}, err
		},
		sleep: func(d time.Duration) { steps = append(steps, d.String()) },
	}
	k := kind{name: "k", prepare: func() { steps = append(steps, "p") }, run: func(context.Context) error {
		steps = append(steps, "r")
		return nil
	}}
	r, err := m.measure(t.Context(), k, 3)
	if err != nil || len(r.runs) != 3 || r.whole != int64(len(steps)/3) {
		t.Errorf("%+v, %v", r, err)
	}
	want := append(slices.Repeat([]string{"150ms", "p", "(", "r", ")"}, warmUp+3),
		"900ms", "(", "p", "r", "p", "r", "p", "r", "900ms", ")")
	if diff := cmp.Diff(want, steps); diff != "" {
		t.Error(diff)
	}
	broken := errors.New("out of order")
	k.run = func(context.Context) error { return broken }
	if _, err := m.measure(t.Context(), k, 1); !errors.Is(err, broken) || !strings.HasPrefix(err.Error(), "k: ") {
		t.Errorf("a kind that fails: %v", err)
	}
}

func TestTable(t *testing.T) {
	one := func(name string, executed, whole int64, waiting time.Duration) row {
		return row{name, []span{{executed, waiting}}, whole}
	}
	var b strings.Builder
	err := table{
		one(limitedName, 4_000_000, 8_000_000, 0),
		one(sandkitName, 2_000_000, 8_000_000, 0),
		one(crunName, 22_000_000, 24_000_000, 1500*time.Microsecond),
	}.print(&b)
	want := []string{
		"start to exit / sandkit whole machine / sandkit waiting, µs",
		"sandkit, limits 4.00 1.00 8.00 1.00 0",
		"sandkit 2.00 0.50 8.00 1.00 0",
		"crun, limits 22.00 5.50 24.00 3.00 1500",
		"",
		"crun, limits / sandkit, limits: 5.50 (whole machine 3.00), wanted at least 5",
		"sandkit, limits / sandkit: 2.00 (whole machine 1.00), wanted at most 1.3: missed",
	}
	var lines []string
	for l := range strings.Lines(b.String()) {
		lines = append(lines, strings.Join(strings.Fields(l), " "))
	}
	if diff := cmp.Diff(want, lines); err != nil || diff != "" {
		t.Error(err, diff)
	}
}

func TestMachineArgs(t *testing.T) {
	t.Setenv("PATH", "")
	for floor, want := range map[string]string{
		"":   "-icount -k 6.1 -disk 64 -env TMPDIR=/disk -bin  /self guest 7 ",
		"/f": "-icount -k 6.1 -disk 64 -env TMPDIR=/disk -bin  -file /f /self guest 7 /f",
	} {
		if got := strings.Join(machineArgs("6.1", 7, "/self", floor), " "); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}
