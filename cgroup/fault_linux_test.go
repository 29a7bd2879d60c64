package cgroup

import (
	"errors"
	"fmt"
	"strings"
	"syscall"
	"testing"
)

// TestEveryStepFails: whichever step fails, the error says so and nothing is
// left.
func TestEveryStepFails(t *testing.T) {
	limits := Limits{MemoryMax: 64 << 20, CPUs: 0.5, Pids: 50, CPUSetCPUs: "0", CPUWeight: 10}
	for step := range 100 {
		tr := tree(t)
		var seen int
		var broken string
		tr.host.files.fault = func(op, path string) error {
			if op == "rmdir" {
				return nil
			}
			if seen++; seen-1 == step {
				broken = fmt.Sprint(op, " ", path)
				return syscall.EIO
			}
			return nil
		}
		g, err := tr.Create(t.Context(), Config{Name: "job", Limits: limits})
		tr.host.files.fault = nil
		for _, x := range tr.host.hierarchies {
			if dir := x.dir(tr.group(x)) + "/job"; err != nil && exists(dir) {
				t.Errorf("after %s failed, %s is left", broken, dir)
			}
		}
		if err == nil {
			if err := g.Remove(t.Context()); err != nil {
				t.Fatal(err)
			}
			if broken == "" {
				if step < 5 {
					t.Errorf("only %d steps", step)
				}
				return
			}
			// What only counts may be missing, a limit may not.
			if !strings.HasPrefix(broken, "write") || !strings.Contains(broken, "subtree_control") {
				t.Errorf("created although %s failed", broken)
			}
			continue
		}
		if errors.Is(err, ErrNotSupported) && step == 0 {
			t.Skip(err)
		}
		if !errors.Is(err, syscall.EIO) || !strings.Contains(err.Error(), "create cgroup job") {
			t.Errorf("%s failed, the error is %v", broken, err)
		}
	}
}

// TestApplyIsTakenBack: when a limit fails, those from before hold.
func TestApplyIsTakenBack(t *testing.T) {
	before := Limits{MemoryMax: 64 << 20, CPUs: 0.5, Pids: 50}
	g := create(t, tree(t), before)
	for step := range 6 {
		seen := 0
		g.host.files.fault = func(string, string) error {
			if seen++; seen-1 == step {
				return syscall.EIO
			}
			return nil
		}
		err := g.Apply(t.Context(), Limits{MemoryMax: 32 << 20, CPUs: 0.25, Pids: 20, CPUBurst: 1e6})
		g.host.files.fault = nil
		if err == nil {
			if step < 4 {
				t.Errorf("step %d is not there", step)
			}
			return
		}
		if !errors.Is(err, syscall.EIO) {
			t.Errorf("step %d: %v", step, err)
		}
		s := stats(t, g)
		if s.Memory.Limit != 64<<20 || s.Pids.Limit != 50 || g.Limits().MemoryMax != 64<<20 {
			t.Errorf("after step %d failed: memory %d, pids %d", step, s.Memory.Limit, s.Pids.Limit)
		}
	}
}
