package cgroup

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/sandkit/sandkit/internal/testutil"
)

// tree claims a tree for a test, below the parent that only tests use, and
// checks that nothing is left of it.
func tree(t testing.TB) *Tree {
	t.Helper()
	h, err := Detect()
	if err != nil {
		t.Fatal(err)
	}
	tr, err := h.Claim(t.Context(), "sandkit-test")
	if errors.Is(err, ErrNotSupported) {
		leaveOut(t, err)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := tr.Close(); err != nil {
			t.Error(err)
		}
		for _, x := range h.hierarchies {
			if dir := x.dir(tr.group(x)); exists(dir) {
				t.Errorf("%s is left", dir)
			}
		}
	})
	return tr
}

// leaveOut leaves out what an ordinary user can do in a part of a v2 tree only,
// which the lane in the virtual machine has.
func leaveOut(t testing.TB, err error) {
	t.Helper()
	if !testutil.IsRoot() && !testutil.InVM() {
		t.Skip(err)
	}
	testutil.Skip(t, err.Error())
}

func exists(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}

// create makes a group, or leaves the test out where the host cannot give the
// limits.
func create(t testing.TB, tr *Tree, l Limits) *Group {
	t.Helper()
	g, err := tr.Create(t.Context(), Config{Name: "job", Limits: l})
	if errors.Is(err, ErrNotSupported) {
		testutil.Skip(t, err.Error())
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := g.Kill(context.Background()); err != nil {
			t.Error(err)
		}
		if err := g.Remove(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return g
}

// start runs a helper of this test binary in the group; see TestMain. It waits for the helper to be
// in the group before it does anything.
func start(t testing.TB, g *Group, args ...string) *exec.Cmd {
	t.Helper()
	cmd := exec.Command("/proc/self/exe", args...)
	cmd.Env = []string{helperEnv + "=1", "GOMAXPROCS=2"}
	if args[0] != "fork" { // Go complains when it cannot make a thread
		cmd.Stderr = os.Stderr
	}
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if cmd.ProcessState == nil {
			_ = cmd.Process.Kill()
			_ = cmd.Wait()
		}
	})
	if err := g.AddProcess(cmd.Process.Pid); err != nil {
		t.Fatal(err)
	}
	stdin.Close() // go
	return cmd
}

func stats(t testing.TB, g *Group) Stats {
	t.Helper()
	s, err := g.Stats()
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// until waits for something that takes as long as it takes.
func until(t testing.TB, what string, f func() bool) {
	t.Helper()
	for end := time.Now().Add(30 * time.Second); !f(); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("in vain: %s", what)
		}
	}
}

func TestQuotaBites(t *testing.T) {
	g := create(t, tree(t), Limits{CPUQuota: 20 * time.Millisecond})
	start(t, g, "spin")
	until(t, "20 throttled periods", func() bool { return stats(t, g).CPU.ThrottledPeriods >= 20 })
	s := stats(t, g)
	// Measured by what was used in the periods that passed, not by the clock.
	perPeriod := s.CPU.Usage / time.Duration(s.CPU.Periods)
	if perPeriod < 10*time.Millisecond || perPeriod > 30*time.Millisecond {
		t.Errorf("%v a period, want 20ms: %+v", perPeriod, s.CPU)
	}
	if s.CPU.Throttled == 0 || s.CPU.User+s.CPU.System == 0 {
		t.Errorf("%+v", s.CPU)
	}
	if err := g.Apply(t.Context(), Limits{}); err != nil {
		t.Fatal(err)
	}
	before := stats(t, g).CPU
	until(t, "half a second of CPU without throttling", func() bool {
		return stats(t, g).CPU.Usage > before.Usage+500*time.Millisecond
	})
	if after := stats(t, g).CPU; after.ThrottledPeriods > before.ThrottledPeriods+1 {
		t.Errorf("throttled after the limit was lifted: %+v, before %+v", after, before)
	}
}

func TestMemoryBomb(t *testing.T) {
	for _, kind := range []string{"anon", "memfd"} {
		t.Run(kind, func(t *testing.T) {
			g := create(t, tree(t), Limits{MemoryMax: 32 << 20})
			ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
			defer cancel()
			told := make(chan map[EventKind]bool)
			go func() {
				got := make(map[EventKind]bool)
				for e, err := range g.Events(ctx) {
					if err != nil {
						t.Error(err)
					}
					if got[e.Kind] = true; got[OOM] && got[OOMKill] {
						break
					}
				}
				told <- got
			}()
			err := start(t, g, "eat", kind).Wait()
			if ee, ok := errors.AsType[*exec.ExitError](err); !ok || ee.Sys().(syscall.WaitStatus).Signal() != syscall.SIGKILL {
				t.Errorf("ended with %v", err)
			}
			if got := <-told; !got[OOM] || !got[OOMKill] {
				t.Errorf("told of %v", got)
			}
			s := stats(t, g)
			if s.Memory.OOMKills == 0 || s.Memory.LimitHits == 0 && g.host.Version(Memory) == 2 ||
				s.Memory.Limit != 32<<20 || s.Memory.Peak > 33<<20 {
				t.Errorf("%+v", s.Memory)
			}
			if err := g.Remove(t.Context()); err != nil {
				t.Fatal(err)
			}
			if last := stats(t, g); last.Memory.OOMKills != s.Memory.OOMKills {
				t.Errorf("after the end %+v", last.Memory)
			}
		})
	}
}

func TestForkBomb(t *testing.T) {
	g := create(t, tree(t), Limits{Pids: 20})
	told := make(chan bool, 1)
	go func() {
		for e, err := range g.Events(t.Context()) {
			if err != nil {
				t.Error(err)
			}
			if e.Kind == PidsLimit {
				told <- true
				return
			}
		}
	}()
	start(t, g, "fork")
	until(t, "the limit is hit", func() bool { return stats(t, g).Pids.LimitHits > 0 })
	s := stats(t, g)
	if s.Pids.Limit != 20 || s.Pids.Current > 20 || s.Pids.LimitHits == 0 {
		t.Errorf("%+v", s.Pids)
	}
	if err := exec.Command("/proc/self/exe", "-test.run=^$").Run(); err != nil {
		t.Errorf("the host cannot fork any more: %v", err)
	}
	if err := g.Kill(t.Context()); err != nil {
		t.Fatal(err)
	}
	if pids, err := g.Processes(); err != nil || len(pids) != 0 {
		t.Errorf("left: %v, %v", pids, err)
	}
	<-told // on v1 not before something else happens, here that the group is empty
}

func TestCPUSet(t *testing.T) {
	g := create(t, tree(t), Limits{CPUSetCPUs: "0"})
	cmd := start(t, g, "spin")
	allowed := func() string {
		b, err := os.ReadFile("/proc/" + strconv.Itoa(cmd.Process.Pid) + "/status")
		if err != nil {
			t.Fatal(err)
		}
		_, rest, _ := strings.Cut(string(b), "Cpus_allowed_list:")
		line, _, _ := strings.Cut(rest, "\n")
		return strings.TrimSpace(line)
	}
	if got := allowed(); got != "0" {
		t.Errorf("on CPUs %s", got)
	}
	if err := g.Apply(t.Context(), Limits{}); err != nil {
		t.Fatal(err)
	}
	if b, _ := os.ReadFile("/sys/devices/system/cpu/online"); strings.TrimSpace(string(b)) != allowed() {
		t.Errorf("on CPUs %s after the limit was lifted, the machine has %s", allowed(), b)
	}
}

// still gives the CPU usage of a frozen group once the kernel has added it up:
// frozen processes are on their way off the CPU.
func still(t *testing.T, g *Group) time.Duration {
	t.Helper()
	last, same := time.Duration(-1), 0
	until(t, "the usage settles", func() bool {
		now := stats(t, g).CPU.Usage
		if same++; now != last {
			last, same = now, 0
		}
		return same == 20
	})
	return last
}

func TestFreeze(t *testing.T) {
	g := create(t, tree(t), Limits{})
	start(t, g, "spin")
	until(t, "CPU used", func() bool { return stats(t, g).CPU.Usage > 20*time.Millisecond })
	if err := g.Freeze(t.Context()); err != nil {
		t.Fatal(err)
	}
	before := still(t, g)
	time.Sleep(100 * time.Millisecond)
	if after := stats(t, g).CPU.Usage; after != before {
		t.Errorf("used %v while frozen", after-before)
	}
	if err := g.Thaw(); err != nil {
		t.Fatal(err)
	}
	until(t, "CPU used after thawing", func() bool { return stats(t, g).CPU.Usage > before+20*time.Millisecond })
	// A frozen group can be killed.
	if err := g.Freeze(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := g.Kill(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func TestRemoveWhileBusy(t *testing.T) {
	g := create(t, tree(t), Limits{})
	start(t, g, "spin")
	if err := g.Remove(t.Context()); !errors.Is(err, ErrBusy) {
		t.Fatalf("removed with a process in it: %v", err)
	}
	if err := g.Kill(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := g.Remove(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, err := range []error{g.AddProcess(os.Getpid()), g.Apply(t.Context(), Limits{Pids: 1}), g.Freeze(t.Context())} {
		if !errors.Is(err, ErrRemoved) {
			t.Errorf("a removed group says %v", err)
		}
	}
}

func TestApplyWhileRunning(t *testing.T) {
	g := create(t, tree(t), Limits{})
	start(t, g, "spin")
	for _, l := range []Limits{
		{MemoryMax: 64 << 20, Pids: 30, CPUs: 0.5, CPUWeight: 50, CPUBurst: 10 * time.Millisecond},
		{MemoryMax: 128 << 20, Swap: 64 << 20, CPUQuota: time.Second, CPUPeriod: 200 * time.Millisecond, MemoryLow: 1 << 20},
		{MemoryMax: 32 << 20, CPUQuota: 10 * time.Millisecond, CPUPeriod: 10 * time.Millisecond, CPUBurst: 10 * time.Millisecond},
		{MemoryMax: 64 << 20, Swap: Unlimited, CPUSetCPUs: "0", CPUSetMems: "0"},
		{},
	} {
		if err := g.Apply(t.Context(), l); err != nil {
			t.Fatalf("%v: %v", l, err)
		}
		s := stats(t, g)
		if s.Memory.Limit != uint64(l.MemoryMax) || s.Pids.Limit != uint64(l.Pids) {
			t.Errorf("%v: memory %d, pids %d", l, s.Memory.Limit, s.Pids.Limit)
		}
		for c, want := range map[Controller]bool{CPU: true, Memory: true, CPUSet: l.CPUSetCPUs != ""} {
			if dir := g.Path(c); want && dir == "" {
				t.Errorf("%v: not in %s", l, c)
			}
		}
	}
	if got := value(t, g, CPU, "cpu.shares", "cpu.weight"); got != "1024" && got != "100" {
		t.Errorf("weight %s after all was lifted", got)
	}
}

// value reads the v1 or the v2 file.
func value(t testing.TB, g *Group, c Controller, v1, v2 string) string {
	t.Helper()
	name := v2
	if g.host.Version(c) == 1 {
		name = v1
	}
	b, err := os.ReadFile(filepath.Join(g.Path(c), name))
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(string(b))
}
