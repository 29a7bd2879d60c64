package sandbox_test

import (
	"context"
	"errors"
	"os"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/sandkit/sandkit/internal/launch"
	"github.com/sandkit/sandkit/internal/program"
	"github.com/sandkit/sandkit/internal/testutil"
	"github.com/sandkit/sandkit/sandbox"
	"github.com/sandkit/sandkit/sandbox/seccomp"
)

// TestCancelAtEveryStep: the set-up hangs before each step in turn. When the
// context ends, Start returns, and nothing is left.
func TestCancelAtEveryStep(t *testing.T) {
	testutil.Unchanged(t)
	opts := options(sandbox.WithCommand("/bin/true"))
	every := 1
	if testing.Short() {
		every = 11
	}
	var wg sync.WaitGroup
	tokens := make(chan struct{}, 8)
	for n := 0; n < steps(t, opts...); n += every {
		wg.Go(func() {
			tokens <- struct{}{}
			defer func() { <-tokens }()
			s, err := sandbox.New(opts...)
			if err != nil {
				t.Error(err)
				return
			}
			sandbox.Tamper(s, func(p *program.Program) { p.Stall(n, patience) })
			// Long enough to come to the step; shorter is no harm.
			ctx, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
			defer cancel()
			if err := s.Start(ctx); !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("step %d: %v", n, err)
			}
			if err := s.Close(); err != nil {
				t.Errorf("step %d: close: %v", n, err)
			}
		})
	}
	wg.Wait()
}

// killChildren ends every child of this program.
func killChildren(t *testing.T) {
	t.Helper()
	for child := range strings.FieldsSeq(childrenOf("self")) {
		pid, err := strconv.Atoi(child)
		if err != nil {
			t.Error(err)
			return
		}
		if !testutil.IsRoot() && !isProcessOne(child) {
			continue // only what it forks can be killed without a trace
		}
		if err := syscall.Kill(pid, syscall.SIGKILL); err != nil && !errors.Is(err, syscall.ESRCH) {
			t.Error(err)
		}
	}
}

// isProcessOne tells whether a process has a PID namespace of its own.
func isProcessOne(pid string) bool {
	b, err := os.ReadFile("/proc/" + pid + "/status")
	_, rest, _ := strings.Cut(string(b), "NSpid:")
	line, _, _ := strings.Cut(rest, "\n")
	return err == nil && len(strings.Fields(line)) > 1
}

// TestLauncherIsKilled: somebody, such as the kernel when memory is short, ends
// process 1 while it sets the sandbox up. Start fails, nothing is left, and the
// next start works.
func TestLauncherIsKilled(t *testing.T) {
	testutil.Unchanged(t)
	opts := options(sandbox.WithCommand("/bin/true"))
	total := steps(t, opts...)
	for n := 0; n < total; n += max(1, total/12) {
		launch.Trim() // of parked launchers there are none to be hit
		s, err := sandbox.New(opts...)
		if err != nil {
			t.Fatal(err)
		}
		stop, killed := make(chan struct{}), make(chan struct{})
		sandbox.Tamper(s, func(p *program.Program) {
			if !testutil.IsRoot() {
				n = max(n, p.Find("SPAWN")) // process 1 is there by then
			}
			p.Stall(n, patience)
			go func() {
				defer close(killed)
				for {
					select {
					case <-stop:
						return
					default:
						killChildren(t)
					}
				}
			}()
		})
		err = s.Start(testContext(t))
		close(stop)
		<-killed
		e, ok := errors.AsType[*sandbox.Error](err)
		if !ok || e.Stage != sandbox.StageLaunch {
			t.Errorf("step %d: %v", n, err)
		}
		sandbox.Tamper(s, func(*program.Program) {})
		if err := s.Start(testContext(t)); err != nil {
			t.Errorf("step %d: start again: %v", n, err)
		}
		if _, err := s.Wait(testContext(t)); err != nil {
			t.Errorf("step %d: %v", n, err)
		}
	}
}

// TestKilledFromOutside: somebody ends process 1, or the program, of a running
// sandbox. All of it is gone then, and the result says so.
func TestKilledFromOutside(t *testing.T) {
	testutil.Unchanged(t)
	for name, victim := range map[string]func(init, main string) string{
		"process 1": func(init, _ string) string { return init },
		"program":   func(_, main string) string { return main },
	} {
		s, r := started(t, sh("sleep 1000 & echo ready; wait"))
		awaitLine(t, r, "ready")
		main := childOf(t)
		init := ""
		for p := range strings.FieldsSeq(childrenOf("self")) {
			if strings.Contains(" "+childrenOf(p)+" ", " "+main+" ") {
				init = p
			}
		}
		pid, err := strconv.Atoi(victim(init, main))
		if err != nil {
			t.Fatal(err)
		}
		if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
		res, err := s.Wait(testContext(t))
		if _, ok := errors.AsType[*sandbox.ExitError](err); !ok || res.Signal != syscall.SIGKILL || res.ExitCode != -1 || res.Reason != sandbox.ReasonSignaled {
			t.Errorf("%s: %v, %v", name, res, err)
		}
		if err := s.Kill(); !errors.Is(err, sandbox.ErrNotRunning) {
			t.Errorf("%s: Kill after the end: %v", name, err)
		}
	}
}

// TestDescriptorsOfTheHostProgram: a running sandbox holds few of them.
func TestDescriptorsOfTheHostProgram(t *testing.T) {
	testutil.Unchanged(t)
	count := func() int {
		launch.Trim()
		d, err := os.ReadDir("/proc/self/fd")
		if err != nil {
			t.Fatal(err)
		}
		return len(d)
	}
	// All sandboxes together hold the host program's part of the cgroups.
	first, err := sandbox.New(sandbox.WithCommand("sleep", "1000"))
	if err != nil {
		t.Fatal(err)
	}
	if err := first.Start(testContext(t)); err != nil {
		t.Fatal(err)
	}
	defer first.Close()
	before := count()
	// The control socket, process 1, and the root directory; as an ordinary user
	// also the launcher that forked process 1.
	n, most := 20, 3
	if !testutil.IsRoot() {
		most = 4
	}
	for range n {
		s, err := sandbox.New(sandbox.WithCommand("sleep", "1000"))
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Start(testContext(t)); err != nil {
			t.Fatal(err)
		}
		defer s.Close()
	}
	each := 0.0
	for range 100 { // launchers are being parked at first, which count as nobody's
		if each = float64(count()-before) / float64(n); each <= float64(most) {
			return
		}
		time.Sleep(20 * time.Millisecond)
	}
	t.Errorf("%v descriptors for each sandbox, want at most %d", each, most)
}

// TestTracedByProcessOne: a program may ask its parent, which is process 1, to
// trace it. That stops it for each signal; it goes on all the same, and its exit
// status is its own.
func TestTracedByProcessOne(t *testing.T) {
	testutil.Unchanged(t)
	opts := options(sandbox.WithSeccomp(seccomp.Unconfined()))
	out := probe(t, opts, "traceme", "traceme")
	gives(t, out[0], "alive")
	gives(t, out[1], "alive") // it was let go and could ask again
	_, _, err := tryProbe(t, opts, "traceme", "exit|7")
	if exit, ok := errors.AsType[*sandbox.ExitError](err); !ok || exit.ExitCode != 7 {
		t.Errorf("%v", err)
	}
}
