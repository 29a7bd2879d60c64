package sandbox_test

import (
	"bufio"
	"context"
	"errors"
	"io"
	"os"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/sandkit/sandkit/internal/testutil"
	"github.com/sandkit/sandkit/sandbox"
)

// started gives a running sandbox and a way to read what it writes.
func started(t *testing.T, opts ...sandbox.Option) (*sandbox.Sandbox, *bufio.Reader) {
	t.Helper()
	r, w := io.Pipe()
	s, err := sandbox.New(append(options(sandbox.WithStdout(w)), opts...)...)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Start(testContext(t)); err != nil {
		t.Fatal(err)
	}
	go func() {
		_, _ = s.Wait(context.Background())
		w.Close()
	}()
	t.Cleanup(func() {
		r.Close()
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s, bufio.NewReader(r)
}

// sh is a shell script as the command.
func sh(script string) sandbox.Option { return sandbox.WithCommand("sh", "-c", script) }

func awaitLine(t *testing.T, r *bufio.Reader, want string) {
	t.Helper()
	if line, err := r.ReadString('\n'); err != nil || strings.TrimSpace(line) != want {
		t.Fatalf("the program said %q, %v; want %q", line, err, want)
	}
}

func TestStopOfAProgramWithoutHandler(t *testing.T) {
	testutil.Unchanged(t)
	// Were the program process 1, SIGTERM would do nothing and the grace period
	// would pass: it is longer than the test may take.
	s, _ := started(t, sandbox.WithCommand("sleep", "1000"), sandbox.WithStop(syscall.SIGTERM, time.Hour))
	if err := s.Stop(testContext(t)); err != nil {
		t.Fatal(err)
	}
	res, err := s.Wait(testContext(t))
	if res == nil || res.Reason != sandbox.ReasonStopped || res.Signal != syscall.SIGTERM || err == nil {
		t.Errorf("%v, %v", res, err)
	}
	if err := s.Stop(testContext(t)); err != nil {
		t.Errorf("second Stop: %v", err)
	}
}

func TestStopWithHandler(t *testing.T) {
	testutil.Unchanged(t)
	s, r := started(t, sh("trap 'exit 7' USR1; echo ready; while :; do sleep 0.01; done"), sandbox.WithStop(syscall.SIGUSR1, time.Hour))
	awaitLine(t, r, "ready")
	if err := s.Stop(testContext(t)); err != nil {
		t.Fatal(err)
	}
	if res, _ := s.Wait(testContext(t)); res.ExitCode != 7 || res.Reason != sandbox.ReasonStopped {
		t.Errorf("%v", res)
	}
}

func TestStopKillsAfterTheGracePeriod(t *testing.T) {
	testutil.Unchanged(t)
	s, r := started(t, sh("trap '' TERM; echo ready; while :; do sleep 1; done"), sandbox.WithStop(syscall.SIGTERM, 50*time.Millisecond))
	awaitLine(t, r, "ready")
	if err := s.Stop(testContext(t)); err != nil {
		t.Fatal(err)
	}
	if res, _ := s.Wait(testContext(t)); res.Signal != syscall.SIGKILL || res.Reason != sandbox.ReasonStopped {
		t.Errorf("%v", res)
	}
}

func TestStopWithEndedContext(t *testing.T) {
	testutil.Unchanged(t)
	s, r := started(t, sh("trap '' TERM; echo ready; while :; do sleep 1; done"), sandbox.WithStop(syscall.SIGTERM, 50*time.Millisecond))
	awaitLine(t, r, "ready")
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := s.Stop(ctx); !errors.Is(err, context.Canceled) {
		t.Fatalf("Stop with an ended context: %v", err)
	}
	if res, _ := s.Wait(testContext(t)); res.Reason != sandbox.ReasonStopped {
		t.Errorf("the stop was not carried out: %v", res)
	}
}

func TestSignalReachesTheProgram(t *testing.T) {
	testutil.Unchanged(t)
	s, r := started(t, sh("trap 'echo got usr2' USR2; trap 'exit 0' HUP; echo ready; while :; do sleep 0.01; done"))
	awaitLine(t, r, "ready")
	for _, sig := range []syscall.Signal{syscall.SIGUSR2, syscall.SIGUSR2} {
		if err := s.Signal(sig); err != nil {
			t.Fatal(err)
		}
		awaitLine(t, r, "got usr2")
	}
	if err := s.Signal(syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	if res, err := s.Wait(testContext(t)); err != nil || res.Reason != sandbox.ReasonExited {
		t.Errorf("%v, %v", res, err)
	}
	if err := s.Signal(syscall.SIGHUP); !errors.Is(err, sandbox.ErrNotRunning) {
		t.Errorf("signal after the end: %v", err)
	}
}

func TestKillEndsTheWholeTree(t *testing.T) {
	testutil.Unchanged(t)
	lanes(t, func(t *testing.T, lane sandbox.Option) {
		for name, script := range map[string]string{
			"deaf":    "trap '' TERM INT HUP; (trap '' TERM; sleep 1000) & echo ready; while :; do sleep 1000; done",
			"stopped": "sleep 1000 & kill -STOP $!; echo ready; kill -STOP $$",
			"daemons": "for i in 1 2 3; do setsid sh -c 'trap \"\" HUP; sleep 1000' & done; echo ready; sleep 1000",
		} {
			s, r := started(t, lane, sh(script))
			awaitLine(t, r, "ready")
			if err := s.Kill(); err != nil {
				t.Errorf("%s: %v", name, err)
			}
			if res, _ := s.Wait(testContext(t)); res.Signal != syscall.SIGKILL || res.Reason != sandbox.ReasonKilled {
				t.Errorf("%s: %v", name, res)
			}
			if err := s.Kill(); !errors.Is(err, sandbox.ErrNotRunning) {
				t.Errorf("%s: Kill after the end: %v", name, err)
			}
		}
	})
}

// TestNothingSurvivesTheProgram: a daemon that holds standard output, in its
// own session, deaf to all signals, ends with the program.
func TestNothingSurvivesTheProgram(t *testing.T) {
	testutil.Unchanged(t)
	lanes(t, func(t *testing.T, lane sandbox.Option) {
		works(t, probe1(t, options(lane), "daemon"))
	})
}

func TestOrphansAreReaped(t *testing.T) {
	testutil.Unchanged(t)
	n := 1000
	if testing.Short() {
		n = 100
	}
	lanes(t, func(t *testing.T, lane sandbox.Option) {
		out := probe(t, options(lane), "orphans|"+itoa(n), "zombies")
		works(t, out[0])
		gives(t, out[1], "0")
	})
}

func TestTimeout(t *testing.T) {
	testutil.Unchanged(t)
	_, err := sandbox.Run(testContext(t), sandbox.WithTimeout(50*time.Millisecond), sh("trap '' TERM; while :; do sleep 1; done"))
	exit, ok := errors.AsType[*sandbox.ExitError](err)
	if !errors.Is(err, sandbox.ErrTimeout) || !ok || exit.Reason != sandbox.ReasonTimeout {
		t.Errorf("%v", err)
	}
	if _, err := sandbox.Run(testContext(t), sandbox.WithTimeout(time.Hour), sandbox.WithCommand("true")); err != nil {
		t.Errorf("a program that ends in time: %v", err)
	}
}

func TestWaitAnyTimeByAnybody(t *testing.T) {
	testutil.Unchanged(t)
	s, err := sandbox.New(sh("exit 3"))
	if err != nil {
		t.Fatal(err)
	}
	ended, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := s.Wait(ended); !errors.Is(err, context.Canceled) {
		t.Errorf("Wait before Start with an ended context: %v", err)
	}
	var wg sync.WaitGroup
	wait := func() {
		if res, err := s.Wait(testContext(t)); res == nil || res.ExitCode != 3 || err == nil {
			t.Errorf("Wait = %v, %v", res, err)
		}
	}
	for range 10 {
		wg.Go(wait)
	}
	if err := s.Start(testContext(t)); err != nil {
		t.Fatal(err)
	}
	wg.Wait()
	wait()
	if err := s.Start(testContext(t)); !errors.Is(err, sandbox.ErrRunning) {
		t.Errorf("second Start: %v", err)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	wait()
}

func TestClose(t *testing.T) {
	testutil.Unchanged(t)
	var none *sandbox.Sandbox
	if err := none.Close(); err != nil {
		t.Errorf("Close of nil: %v", err)
	}
	s, err := sandbox.New(sandbox.WithCommand("true"))
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := s.Close(); err != nil {
			t.Errorf("Close unstarted: %v", err)
		}
	}
	if err := s.Start(testContext(t)); !errors.Is(err, sandbox.ErrClosed) {
		t.Errorf("Start after Close: %v", err)
	}
	if _, err := s.Wait(testContext(t)); !errors.Is(err, sandbox.ErrClosed) {
		t.Errorf("Wait after Close: %v", err)
	}
	for name, call := range map[string]func() error{
		"Kill": s.Kill, "Signal": func() error { return s.Signal(syscall.SIGTERM) },
	} {
		if err := call(); !errors.Is(err, sandbox.ErrNotRunning) {
			t.Errorf("%s after Close: %v", name, err)
		}
	}
}

// TestCloseDuringStart: both return, and nothing is left.
func TestCloseDuringStart(t *testing.T) {
	testutil.Unchanged(t)
	for i := range 40 {
		s, err := sandbox.New(sandbox.WithCommand("sleep", "1000"))
		if err != nil {
			t.Fatal(err)
		}
		var wg sync.WaitGroup
		wg.Go(func() {
			if err := s.Start(testContext(t)); err != nil && !errors.Is(err, sandbox.ErrClosed) {
				t.Errorf("Start: %v", err)
			}
		})
		wg.Go(func() {
			time.Sleep(time.Duration(i) * 50 * time.Microsecond)
			if err := s.Close(); err != nil {
				t.Errorf("Close: %v", err)
			}
		})
		wg.Wait()
		if _, err := s.Wait(testContext(t)); err == nil {
			t.Error("sleep 1000 ended by itself")
		}
	}
}

// TestStartIsBoundByItsContext: cancelled at any moment, nothing is left, and
// Start can be called again.
func TestStartIsBoundByItsContext(t *testing.T) {
	testutil.Unchanged(t)
	s, err := sandbox.New(sandbox.WithCommand("true"))
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	for i := range 40 {
		ctx, cancel := context.WithTimeout(context.Background(), time.Duration(i)*30*time.Microsecond)
		err = s.Start(ctx)
		cancel()
		if err == nil {
			break
		}
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Fatalf("Start: %v", err)
		}
	}
	if err != nil {
		if err := s.Start(testContext(t)); err != nil {
			t.Fatalf("Start after cancelled ones: %v", err)
		}
	}
	if _, err := s.Wait(testContext(t)); err != nil {
		t.Error(err)
	}
}

func TestFreshExecutable(t *testing.T) {
	testutil.Unchanged(t)
	root := testutil.Root(t)
	var wg sync.WaitGroup
	stop := make(chan struct{})
	wg.Go(func() { // forks all the time, as a busy host program does
		for {
			select {
			case <-stop:
				return
			default:
				_, _ = sandbox.Run(context.Background(), sandbox.WithCommand("true"))
			}
		}
	})
	for range 30 {
		b, err := os.ReadFile(testutil.Probe(t))
		if err != nil {
			t.Fatal(err)
		}
		path := root + "/bin/fresh"
		if err := os.WriteFile(path, b, 0o755); err != nil {
			t.Fatal(err)
		}
		if _, err := sandbox.Run(testContext(t), sandbox.WithRootfs(root), sandbox.WithCommand("/bin/fresh", "pid")); err != nil {
			t.Error(err)
		}
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
	}
	close(stop)
	wg.Wait()
}

// TestManyAtOnce starts 200 at the same time, which all end well.
func TestManyAtOnce(t *testing.T) {
	testutil.Unchanged(t)
	n := 200
	if testing.Short() {
		n = 20
	}
	var wg sync.WaitGroup
	for range n {
		wg.Go(func() {
			out, err := sandbox.Output(testContext(t), sh("echo $$"))
			if err != nil || string(out) != "2\n" {
				t.Errorf("%q, %v", out, err)
			}
		})
	}
	wg.Wait()
}
