package sandbox_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sandkit/sandkit/cgroup"
	"github.com/sandkit/sandkit/fs"
	"github.com/sandkit/sandkit/internal/testutil"
	"github.com/sandkit/sandkit/sandbox"
)

const mib = 1 << 20

// needGroups leaves a test out where the host gives this user no cgroups.
func needGroups(t *testing.T) {
	t.Helper()
	_, err := sandbox.Run(testContext(t), sandbox.WithCommand("true"), sandbox.WithPids(50))
	switch {
	case err == nil:
	case errors.Is(err, sandbox.ErrNotSupported) && !testutil.IsRoot():
		t.Skip("this user has no cgroups; the lanes as root and in a delegated group run this: ", err)
	default:
		t.Fatal(err)
	}
}

// TestMemoryLimit: memory of every kind counts, and the result says why.
func TestMemoryLimit(t *testing.T) {
	testutil.Unchanged(t)
	needGroups(t)
	for _, op := range []string{"eat|80", "hoard|/dev/shm/x|60", "hoard|/tmp/x|80", "memfd|80"} {
		_, errOut, err := tryProbe(t, options(sandbox.WithMemory(40*mib)), op)
		exit, ok := errors.AsType[*sandbox.ExitError](err)
		if !ok || !errors.Is(err, sandbox.ErrOOMKilled) || exit.Reason != sandbox.ReasonOOM {
			t.Errorf("%s: %v, %s", op, err, errOut)
			continue
		}
		if s := exit.Stats.Memory; s.OOMKills == 0 || s.Limit != 40*mib || s.Peak > 41*mib {
			t.Errorf("%s: %+v", op, s)
		}
	}
	// The page cache is given back.
	disk := t.TempDir()
	lanes(t, func(t *testing.T, lane sandbox.Option) {
		m := fs.Bind(disk, "/disk")
		if !testutil.IsRoot() {
			m.HostOwners = false
		}
		for _, o := range probe(t, options(lane, sandbox.WithMemory(40*mib), sandbox.WithMount(m)), "eat|10", "hoard|/disk/x|100") {
			gives(t, o, "")
		}
	})
}

// TestPidsLimit: processes and threads are refused beyond it, while the host
// goes on.
func TestPidsLimit(t *testing.T) {
	testutil.Unchanged(t)
	needGroups(t)
	for limit, opt := range map[int]sandbox.Option{20: sandbox.WithPids(20), sandbox.DefaultPids: sandbox.Options()} {
		o := probe1(t, options(opt), "forks|3000")
		n, err := strconv.Atoi(o.Out)
		if err != nil || n >= limit || n < limit-16 || o.Errno != "resource temporarily unavailable" { // the probe has threads
			t.Errorf("with a limit of %d: %+v", limit, o)
		}
	}
	s, err := sandbox.New(withProbe(t), sandbox.WithPids(20), sandbox.WithCommand(probePath, "forks|3000", "await|15"))
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if err := s.Start(testContext(t)); err != nil {
		t.Fatal(err)
	}
	for range 20 {
		if err := exec.Command("/bin/true").Run(); err != nil {
			t.Errorf("the host cannot fork: %v", err)
		}
	}
	_, err = sandbox.Run(testContext(t), sandbox.WithPids(3), sandbox.WithCommand("sh", "-c", "for i in 1 2 3 4 5 6; do sleep 9 & done; wait"))
	if exit, ok := errors.AsType[*sandbox.ExitError](err); !ok || exit.Reason != sandbox.ReasonPids {
		t.Errorf("a shell that cannot fork: %v", err)
	}
}

// TestCPULimits: over two seconds, usage is within a tenth of the quota of the
// periods there were. More is never right. Less happens on a busy machine: then
// the program did not get what it might have had, and periods that began late
// count as throttled without having been given anything.
func TestCPULimits(t *testing.T) {
	testutil.Unchanged(t)
	needGroups(t)
	const quota, tries = 40 * time.Millisecond, 5
	for n := range tries {
		res, err := sandbox.Run(testContext(t), withProbe(t), sandbox.WithCPUs(0.4), sandbox.WithCommand(probePath, "spin|800ms"))
		if err != nil {
			t.Fatal(err)
		}
		c := res.Stats.CPU
		least, most := time.Duration(c.ThrottledPeriods)*quota*9/10, time.Duration(c.Periods+1)*quota*11/10
		if c.Usage < 800*time.Millisecond || c.ThrottledPeriods == 0 || c.Usage > most {
			t.Errorf("used %v, want at most %v: %+v", c.Usage, most, c)
		}
		if c.Usage >= least {
			break
		}
		t.Logf("used %v, want at least %v: %+v", c.Usage, least, c)
		if n == tries-1 && !testutil.InVM() { // an emulated machine may always be late
			t.Error("in every try")
		}
	}
	gives(t, probe1(t, options(sandbox.WithCPUSet("0")), "cpus"), "1")
}

// running starts a sandbox that is ended by the test.
func running(t *testing.T, opts ...sandbox.Option) *sandbox.Sandbox {
	t.Helper()
	s, err := sandbox.New(withProbe(t), sandbox.Options(opts...))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	if err := s.Start(testContext(t)); err != nil {
		t.Fatal(err)
	}
	return s
}

func stats(t *testing.T, s *sandbox.Sandbox) cgroup.Stats {
	t.Helper()
	st, err := s.Stats(testContext(t))
	if err != nil {
		t.Fatal(err)
	}
	return st
}

// usesCPU waits until the sandbox has used some.
func usesCPU(t *testing.T, s *sandbox.Sandbox) {
	t.Helper()
	before := stats(t, s).CPU.Usage
	for end := time.Now().Add(patience); stats(t, s).CPU.Usage < before+20*time.Millisecond; time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("the sandbox does not run")
		}
	}
}

// TestPause: a paused sandbox uses nothing, and ends all the same.
func TestPause(t *testing.T) {
	testutil.Unchanged(t)
	needGroups(t)
	s := running(t, sandbox.WithCPUWeight(50), sandbox.WithCommand(probePath, "spin|1h"))
	for range 3 {
		usesCPU(t, s)
		if err := s.Pause(testContext(t)); err != nil {
			t.Fatal(err)
		}
		before := time.Duration(-1)
		for now := stats(t, s).CPU.Usage; now != before; now = stats(t, s).CPU.Usage {
			before = now // the kernel is still adding up
			time.Sleep(10 * time.Millisecond)
		}
		time.Sleep(30 * time.Millisecond)
		// What was used before may be booked a moment later.
		if after := stats(t, s).CPU.Usage; after-before > time.Millisecond {
			t.Errorf("used %v while paused", after-before)
		}
		if err := s.Resume(testContext(t)); err != nil {
			t.Fatal(err)
		}
	}
	for name, end := range map[string]func(*sandbox.Sandbox) error{
		"Stop": func(s *sandbox.Sandbox) error { return s.Stop(testContext(t)) }, "Kill": (*sandbox.Sandbox).Kill, "Close": (*sandbox.Sandbox).Close,
	} {
		s := running(t, sandbox.WithCommand("sleep", "1000"))
		if err := s.Pause(testContext(t)); err != nil {
			t.Fatal(err)
		}
		if err := end(s); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if _, err := s.Wait(testContext(t)); err == nil || errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%s of a paused sandbox: %v", name, err)
		}
	}
}

// TestUpdate: limits change and are lifted while the program runs.
func TestUpdate(t *testing.T) {
	testutil.Unchanged(t)
	needGroups(t)
	s := running(t, sandbox.WithMemory(64*mib), sandbox.WithPids(30), sandbox.WithCommand("sleep", "1000"))
	if st := stats(t, s); st.Memory.Limit != 64*mib || st.Pids.Limit != 30 || st.Pids.Current != 1 || st.Memory.Current == 0 {
		t.Errorf("%+v %+v", st.Memory, st.Pids)
	}
	if err := s.Update(testContext(t), cgroup.Limits{MemoryMax: 96 * mib, Pids: 40, CPUs: 0.5}); err != nil {
		t.Fatal(err)
	}
	if st := stats(t, s); st.Memory.Limit != 96*mib || st.Pids.Limit != 40 {
		t.Errorf("%+v %+v", st.Memory, st.Pids)
	}
	if err := s.Update(testContext(t), cgroup.Limits{Pids: cgroup.Unlimited}); err != nil {
		t.Fatal(err)
	}
	if st := stats(t, s); st.Memory.Limit != 0 || st.Pids.Limit != 0 {
		t.Errorf("after lifting: %+v %+v", st.Memory, st.Pids)
	}
	if err := s.Update(testContext(t), cgroup.Limits{CPUWeight: 1 << 20}); !errors.Is(err, sandbox.ErrInvalidSpec) || !strings.Contains(err.Error(), "CPUWeight") {
		t.Errorf("a wrong weight: %v", err)
	}
}

// TestEvents tells of what happens, without a goroutine for each sandbox.
func TestEvents(t *testing.T) {
	testutil.Unchanged(t)
	needGroups(t)
	in, out, err := os.Pipe() // the program ends with the test
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	defer in.Close()
	s := running(t, sandbox.WithMemory(40*mib), sandbox.WithStdin(in), sandbox.WithCommand("sh", "-c", probePath+" 'eat|80'; read x"))
	for e, err := range s.Events(testContext(t)) {
		if err != nil {
			t.Fatal(err)
		}
		if e.Kind == sandbox.EventOOM || e.Kind == sandbox.EventOOMKill {
			return
		}
	}
	t.Error("nobody told of the missing memory")
}

// TestOOMStorm: many at once run out of memory; each says so.
func TestOOMStorm(t *testing.T) {
	testutil.Unchanged(t)
	needGroups(t)
	n := 100
	if testing.Short() {
		n = 10
	}
	var wg sync.WaitGroup
	for range n {
		wg.Go(func() {
			_, err := sandbox.Run(testContext(t), withProbe(t), sandbox.WithMemory(24*mib), sandbox.WithCommand(probePath, "eat|64"))
			if !errors.Is(err, sandbox.ErrOOMKilled) {
				t.Errorf("%v", err)
			}
		})
	}
	wg.Wait()
}

// TestConcurrentLimits: many starts with limits at once leave nothing.
func TestConcurrentLimits(t *testing.T) {
	testutil.Unchanged(t)
	needGroups(t)
	n := 200
	if testing.Short() {
		n = 30
	}
	var wg sync.WaitGroup
	for range n {
		wg.Go(func() {
			res, err := sandbox.Run(testContext(t), sandbox.WithCommand("true"), sandbox.WithMemory(64*mib), sandbox.WithCPUs(1), sandbox.WithPids(20))
			if err != nil || res.Stats.CPU.Usage == 0 {
				t.Errorf("%+v, %v", res, err)
			}
		})
	}
	wg.Wait()
}

// TestImpossibleLimit: what the host cannot give is an error that names it,
// unless it may drop.
func TestImpossibleLimit(t *testing.T) {
	testutil.Unchanged(t)
	needGroups(t)
	o := sandbox.WithLimits(cgroup.Limits{HugeTLB: map[string]int64{"3KB": 3 << 10}})
	_, err := sandbox.Run(testContext(t), sandbox.WithCommand("true"), o)
	e, ok := errors.AsType[*sandbox.Error](err)
	if !ok || e.Stage != sandbox.StageCgroup || !strings.Contains(err.Error(), "3KB") {
		t.Errorf("%v", err)
	}
	res, err := sandbox.Run(testContext(t), sandbox.WithCommand("true"), sandbox.BestEffort(o))
	if err != nil || !res.Protections.Has("cgroup") {
		t.Errorf("%v, %v", res, err)
	}
}

// TestLimitsDrop: limits that are best effort drop where there are no cgroups
// for this program, or are in force.
func TestLimitsDrop(t *testing.T) {
	testutil.Unchanged(t)
	var log bytes.Buffer
	res, err := sandbox.Run(testContext(t), sandbox.WithCommand("true"), sandbox.WithLogger(slog.New(slog.NewTextHandler(&log, nil))),
		sandbox.BestEffort(sandbox.WithMemory(64*mib), sandbox.WithPids(20)))
	if err != nil {
		t.Fatal(err)
	}
	if dropped := strings.Contains(log.String(), "memory limits"); dropped == res.Protections.Has("cgroup") {
		t.Errorf("protections %v, log %s", res.Protections, &log)
	}
}
