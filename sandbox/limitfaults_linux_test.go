package sandbox_test

import (
	"context"
	"errors"
	iofs "io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/sandkit/sandkit/cgroup"
	"github.com/sandkit/sandkit/internal/launch"
	"github.com/sandkit/sandkit/internal/testutil"
	"github.com/sandkit/sandkit/sandbox"
)

// refused are limits that the kernel does not take, though each is preceded by
// some that it does. A host that has not the controller says that instead.
func refused() map[string]cgroup.Limits {
	good := func(l cgroup.Limits) cgroup.Limits {
		l.MemoryMax, l.CPUs, l.Pids = 64*mib, 0.5, 30
		return l
	}
	return map[string]cgroup.Limits{
		"CPUSetCPUs":          good(cgroup.Limits{CPUSetCPUs: "8000"}),
		"CPUSetMems":          good(cgroup.Limits{CPUSetCPUs: "0", CPUSetMems: "1000"}),
		"IO":                  good(cgroup.Limits{IO: []cgroup.IOLimit{{Device: "4000:1", ReadBPS: 1 << 20}}}),
		"HugeTLB":             good(cgroup.Limits{HugeTLB: map[string]int64{"3KB": 3 << 10}}),
		"Unified[pids.max]":   good(cgroup.Limits{Unified: map[string]string{"pids.max": "many"}}),
		"Unified[cpu.max]":    good(cgroup.Limits{CPUSetCPUs: "0", Unified: map[string]string{"cpu.max": "much"}}),
		"Unified[no.such]":    good(cgroup.Limits{Unified: map[string]string{"no.such": "1"}}),
		"Unified[memory.low]": good(cgroup.Limits{Unified: map[string]string{"memory.low": "little"}}),
	}
}

// TestRefusedLimits: a start that fails half-way through the limits leaves
// nothing, and tells which it was; so does a change, after which the limits
// from before hold.
func TestRefusedLimits(t *testing.T) {
	testutil.Unchanged(t)
	needGroups(t)
	s := running(t, sandbox.WithMemory(80*mib), sandbox.WithPids(25), sandbox.WithCommand("sleep", "1000"))
	for name, l := range refused() {
		for range 2 { // the second time, a launcher is parked
			_, err := sandbox.Run(testContext(t), sandbox.WithLimits(l), sandbox.WithCommand("true"))
			e, ok := errors.AsType[*sandbox.Error](err)
			if !ok || e.Stage != sandbox.StageCgroup || !strings.Contains(err.Error(), name) {
				t.Errorf("start with %s: %v", name, err)
			}
		}
		if err := s.Update(testContext(t), l); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("update of %s: %v", name, err)
		}
		if st := stats(t, s); st.Memory.Limit != 80*mib || st.Pids.Limit != 25 {
			t.Errorf("after an update of %s that failed: %+v %+v", name, st.Memory, st.Pids)
		}
	}
	if _, err := sandbox.Run(testContext(t), sandbox.WithMemory(64*mib), sandbox.WithCommand("true")); err != nil {
		t.Errorf("afterwards: %v", err)
	}
}

// TestNoDescriptorsForLimits: each file of a cgroup takes a descriptor, so that
// with more and more of them another one is the first that fails.
func TestNoDescriptorsForLimits(t *testing.T) {
	testutil.Unchanged(t)
	needGroups(t)
	opts := options(sandbox.WithMemory(64*mib), sandbox.WithCPUs(1), sandbox.WithCPUSet("0"), sandbox.WithPids(40), sandbox.WithCommand("true"))
	everyFileLimit(t, func() func() error {
		launch.Trim() // all is made anew
		return func() error {
			_, err := sandbox.Run(context.Background(), opts...)
			return err
		}
	})
}

// groupsNamed finds the groups with a name, in all hierarchies, and counts
// what is below them.
func groupsNamed(t *testing.T, name string) (found []string, below int) {
	t.Helper()
	err := filepath.WalkDir("/sys/fs/cgroup", func(path string, d iofs.DirEntry, err error) error {
		if errors.Is(err, os.ErrNotExist) || errors.Is(err, os.ErrPermission) || errors.Is(err, syscall.ENODEV) {
			return nil // of somebody else
		}
		if err != nil || !d.IsDir() {
			return err
		}
		if filepath.Base(path) == name {
			found = append(found, path)
		} else if strings.Contains(path, "/"+name+"/") {
			below++
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return found, below
}

// TestKilledHostWithLimits: the groups of a running sandbox whose host program
// was killed are removed by the next program that uses the same parent.
func TestKilledHostWithLimits(t *testing.T) {
	testutil.Unchanged(t)
	needGroups(t)
	parent := "sandkit-left-" + itoa(os.Getpid())
	play(t, "supervise", "1ms", "limited", parent)
	if found, below := groupsNamed(t, parent); len(found) == 0 || below < 2*len(found) {
		t.Errorf("left were %v and %d groups below, so nothing was tested", found, below)
	}
	res, err := sandbox.Run(testContext(t), sandbox.WithCgroupParent(parent), sandbox.WithPids(20), sandbox.WithCommand("true"))
	if err != nil || res.Stats.Pids.Limit != 20 {
		t.Errorf("%+v, %v", res, err)
	}
	sandbox.Trim()
	if found, _ := groupsNamed(t, parent); len(found) != 0 {
		t.Errorf("left are %v", found)
	}
}
