package sandbox_test

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/sandkit/sandkit/internal/testutil"
	"github.com/sandkit/sandkit/sandbox"
)

// soon is a policy's back-off that no test waits for.
var soon = sandbox.Backoff{Min: 1, Max: 1}

// never is one that is not over before the test is.
var never = sandbox.Backoff{Min: time.Hour, Max: time.Hour}

func restarting(p sandbox.RestartPolicy, b sandbox.Backoff) sandbox.Option {
	p.Backoff = b
	return sandbox.WithRestart(p)
}

// become looks at the status until it is as wanted.
func become(t *testing.T, s *sandbox.Sandbox, wanted func(sandbox.Status) bool) {
	t.Helper()
	ctx := testContext(t)
	for !wanted(s.Status()) {
		select {
		case <-time.After(time.Millisecond):
		case <-ctx.Done():
			t.Fatal(s.Status())
		}
	}
}

// TestRestartOnFailure: a program that fails is started as often again as the
// policy says, and not when it does not fail.
func TestRestartOnFailure(t *testing.T) {
	testutil.Unchanged(t)
	lanes(t, func(t *testing.T, lane sandbox.Option) {
		for _, c := range []struct {
			script string
			runs   int
			code   int
		}{
			{"echo run; exit 7", 4, 7},
			{"echo run; exit 0", 1, 0},
			{"echo run >> /tmp/runs; echo run; test $(wc -l < /tmp/runs) -eq 3", 3, 0},
			{"echo run; kill -KILL $$", 4, -1},
		} {
			var out bytes.Buffer
			res, err := sandbox.Run(testContext(t), lane, restarting(sandbox.RestartOnFailure(3), soon), sandbox.WithStdout(&out), sandbox.WithCommand("sh", "-c", c.script))
			if res == nil || res.ExitCode != c.code || res.RestartCount != c.runs-1 || (err == nil) != (c.code == 0) {
				t.Errorf("%s: %+v, %v", c.script, res, err)
			}
			if got := strings.Count(out.String(), "run\n"); got != c.runs {
				t.Errorf("%s: %d runs, want %d", c.script, got, c.runs)
			}
		}
	})
}

// TestRestartStop: always goes on until somebody stops it, whichever way.
func TestRestartStop(t *testing.T) {
	testutil.Unchanged(t)
	for name, end := range map[string]struct {
		stop   func(s *sandbox.Sandbox) error
		reason sandbox.Reason
	}{
		"stop":   {func(s *sandbox.Sandbox) error { return s.Stop(testContext(t)) }, sandbox.ReasonStopped},
		"kill":   {(*sandbox.Sandbox).Kill, sandbox.ReasonKilled},
		"signal": {func(s *sandbox.Sandbox) error { return s.Signal(syscall.SIGTERM) }, sandbox.ReasonSignaled},
		"close":  {(*sandbox.Sandbox).Close, sandbox.ReasonKilled},
	} {
		for _, p := range []sandbox.RestartPolicy{sandbox.RestartAlways(), sandbox.RestartUnlessStopped()} {
			s := running(t, restarting(p, soon), sandbox.WithCommand("sh", "-c", "echo >> /tmp/runs; test $(wc -l < /tmp/runs) -le 3 || exec sleep 1000"))
			become(t, s, func(st sandbox.Status) bool { return st.RestartCount == 3 && st.State == sandbox.StateRunning })
			if err := end.stop(s); err != nil {
				t.Error(name, err)
			}
			res, err := s.Wait(testContext(t))
			if res == nil || res.Reason != end.reason || res.Signal == 0 || res.RestartCount != 3 {
				t.Errorf("%s: %+v, %v", name, res, err)
			}
			if st := s.Status(); st.State != sandbox.StateExited || !st.NextRestartAt.IsZero() {
				t.Errorf("%s: %v", name, st)
			}
		}
	}
}

// TestRestartBackoff: what can be done while the program waits for its restart.
func TestRestartBackoff(t *testing.T) {
	testutil.Unchanged(t)
	resting := func(t *testing.T, opts ...sandbox.Option) *sandbox.Sandbox {
		s := running(t, restarting(sandbox.RestartAlways(), never), sandbox.WithStdin(nil), sandbox.WithCommand("sh", "-c", "exit 3"), sandbox.Options(opts...))
		become(t, s, func(st sandbox.Status) bool { return st.State == sandbox.StateRestarting })
		return s
	}
	for name, end := range map[string]struct {
		stop   func(s *sandbox.Sandbox) error
		code   int
		reason sandbox.Reason
	}{
		"stop":   {func(s *sandbox.Sandbox) error { return s.Stop(testContext(t)) }, 3, sandbox.ReasonStopped},
		"signal": {func(s *sandbox.Sandbox) error { return s.Signal(syscall.SIGTERM) }, 3, sandbox.ReasonExited},
		"kill":   {(*sandbox.Sandbox).Kill, -1, sandbox.ReasonKilled},
		"close":  {(*sandbox.Sandbox).Close, -1, sandbox.ReasonKilled},
	} {
		s := resting(t)
		if st := s.Status(); st.RestartCount != 1 || st.NextRestartAt.IsZero() || !strings.HasPrefix(st.String(), "restarting at ") {
			t.Errorf("%s: %v", name, st)
		}
		if _, err := s.Exec(testContext(t), sandbox.WithCommand("true")); !errors.Is(err, sandbox.ErrRestarting) || !errors.Is(err, sandbox.ErrNotRunning) {
			t.Errorf("%s: %v", name, err)
		}
		if err := s.Signal(syscall.SIGHUP); !errors.Is(err, sandbox.ErrRestarting) {
			t.Errorf("%s: %v", name, err)
		}
		if err := s.Pause(testContext(t)); !errors.Is(err, sandbox.ErrRestarting) {
			t.Errorf("%s: %v", name, err)
		}
		if err := end.stop(s); err != nil {
			t.Error(name, err)
		}
		if res, err := s.Wait(testContext(t)); res == nil || res.ExitCode != end.code || res.Reason != end.reason {
			t.Errorf("%s: %+v, %v", name, res, err)
		}
		if err := s.Restart(testContext(t)); !errors.Is(err, sandbox.ErrNotRunning) {
			t.Errorf("%s: %v", name, err)
		}
	}
	s := resting(t)
	if err := s.Restart(testContext(t)); err != nil {
		t.Error(err)
	}
	if st := s.Status(); st.RestartCount > 1 {
		t.Error(st)
	}
	s = resting(t, sandbox.WithTimeout(500*time.Millisecond))
	if res, err := s.Wait(testContext(t)); !errors.Is(err, sandbox.ErrTimeout) {
		t.Errorf("%+v, %v", res, err)
	}
}

// TestRestartPlan: a sandbox whose program can be started again is set up as an
// idle one.
func TestRestartPlan(t *testing.T) {
	f, err := sandbox.Probe(testContext(t))
	if err != nil {
		t.Fatal(err)
	}
	restarted := sandbox.Spec{Process: sandbox.ProcessSpec{Command: []string{"true"}, User: "1"}, Restart: sandbox.RestartNo()}
	idle := sandbox.Spec{Process: sandbox.ProcessSpec{User: "1"}, Idle: true}
	got, err := restarted.Plan(f)
	if err != nil {
		t.Fatal(err)
	}
	if want, err := idle.Plan(f); err != nil || got.String() != want.String() {
		t.Errorf("%v\nwant %v, %v", got, want, err)
	}
}

// TestRestartTimeout: time that is over is the end, whatever the policy.
func TestRestartTimeout(t *testing.T) {
	testutil.Unchanged(t)
	for _, script := range []string{"sleep 1000", "exit 1", "exit 0"} {
		_, err := sandbox.Run(testContext(t), restarting(sandbox.RestartAlways(), soon), sandbox.WithTimeout(100*time.Millisecond), sandbox.WithCommand("sh", "-c", script))
		if !errors.Is(err, sandbox.ErrTimeout) {
			t.Errorf("%s: %v", script, err)
		}
	}
	ctx, cancel := context.WithCancel(testContext(t))
	out, err := sandbox.Output(ctx, restarting(sandbox.RestartAlways(), never), sandbox.WithLogFunc(func(sandbox.LogEntry) { cancel() }), sandbox.WithCommand("echo", "once"))
	if string(out) != "once\n" || !errors.Is(err, context.Canceled) {
		t.Errorf("%q, %v", out, err)
	}
}
