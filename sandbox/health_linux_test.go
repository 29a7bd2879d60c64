package sandbox_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/sandkit/sandkit/internal/testutil"
	"github.com/sandkit/sandkit/sandbox"
	"github.com/sandkit/sandkit/sandbox/state"
)

// follow gives the kinds of the sandbox's own events.
func follow(t *testing.T, s *sandbox.Sandbox) <-chan sandbox.EventKind {
	t.Helper()
	kinds := make(chan sandbox.EventKind, 100)
	ctx := testContext(t)
	go func() {
		defer close(kinds)
		for e, err := range s.Events(ctx) {
			if err != nil {
				t.Error(err)
				return
			}
			switch e.Kind {
			case sandbox.EventDie, sandbox.EventStart, sandbox.EventHealthy, sandbox.EventUnhealthy:
				kinds <- e.Kind
			}
		}
	}()
	return kinds
}

// often is a health check that no test waits for.
var often = sandbox.Healthcheck{Interval: 1, Retries: 2}

// verdicts is a HealthFunc that a test decides.
type verdicts chan error

func (v verdicts) check(ctx context.Context, _ *sandbox.Sandbox) error {
	select {
	case err := <-v:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// TestHealth: tests change the status, which events and the record tell, and
// begin anew with a restart.
func TestHealth(t *testing.T) {
	testutil.Unchanged(t)
	bad, v, store := errors.New("bad"), make(verdicts), openStore(t)
	s := alive(t, sandbox.WithState(store), sandbox.WithRestart(sandbox.RestartNo()), sandbox.WithHealthcheck(often), sandbox.WithHealthFunc(v.check))
	kinds := follow(t, s)
	if h := s.Status().Health; h.Status != sandbox.HealthStarting || h.FailingStreak != 0 || len(h.Log) != 0 {
		t.Errorf("%+v", h)
	}
	for len(kinds) == 0 { // from when on events are told, nobody knows
		v <- nil
		v <- bad
		v <- bad
		v <- bad
	}
	v <- nil
	v <- nil // the one before is noted
	if h := s.Status().Health; h.Status != sandbox.HealthHealthy || h.FailingStreak != 0 || len(h.Log) < 5 {
		t.Errorf("%+v", h)
	}
	v <- bad
	v <- bad
	v <- bad
	h := s.Status().Health
	if h.Status != sandbox.HealthUnhealthy || h.FailingStreak < 2 || len(h.Log) != 5 || h.Log[4].ExitCode != 1 || h.Log[4].Output != "bad" {
		t.Errorf("%+v", h)
	}
	if got := s.Status().String(); got != "running, unhealthy" {
		t.Error(got)
	}
	if got := lookUp(t, store, s.ID()).Status.Health; got != state.HealthUnhealthy {
		t.Error(got)
	}
	if err := s.Restart(testContext(t)); err != nil {
		t.Fatal(err)
	}
	if h := s.Status().Health; h.Status != sandbox.HealthStarting || len(h.Log) != 0 {
		t.Errorf("%+v", h)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	var all []string
	for k := range kinds {
		all = append(all, string(k))
	}
	if got := strings.Join(all, " "); !strings.HasSuffix(got, "healthy unhealthy die start") {
		t.Error(got)
	}
}

// TestHealthCommand: what Tests do and print, as the sandbox's user.
func TestHealthCommand(t *testing.T) {
	testutil.Unchanged(t)
	lanes(t, func(t *testing.T, lane sandbox.Option) {
		for _, c := range []struct {
			test   []string
			status sandbox.HealthStatus
			code   int
			output string
		}{
			{[]string{"CMD", "echo", "fine"}, sandbox.HealthHealthy, 0, "fine\n"},
			{[]string{"CMD-SHELL", "echo a | tr a b; echo $V; exit 3"}, sandbox.HealthUnhealthy, 3, "b\nv\n"},
			{[]string{"CMD-SHELL", "kill -KILL $$"}, sandbox.HealthUnhealthy, 137, ""},
			{[]string{"CMD", "/no/such"}, sandbox.HealthUnhealthy, -1, "not found"},
			{[]string{"CMD-SHELL", "head -c 10000 /dev/zero | tr '\\0' x"}, sandbox.HealthHealthy, 0, strings.Repeat("x", 4096)},
			{[]string{"CMD-SHELL", "sleep 1000 & exit 1"}, sandbox.HealthUnhealthy, 1, ""},
		} {
			s := alive(t, lane, sandbox.WithEnv("V=v"), sandbox.WithHealthcheck(sandbox.Healthcheck{Test: c.test, Interval: 1, Retries: 1}))
			become(t, s, func(st sandbox.Status) bool { return st.Health.Status != sandbox.HealthStarting })
			h := s.Status().Health
			last := h.Log[len(h.Log)-1]
			if h.Status != c.status || last.ExitCode != c.code || !strings.Contains(last.Output, c.output) || len(last.Output) > 4096 || last.End.Before(last.Start) {
				t.Errorf("%q: %+v", c.test, h)
			}
			if err := s.Close(); err != nil {
				t.Error(err)
			}
		}
	})
}

// TestHealthTimeout: a test that takes too long is killed and has failed.
func TestHealthTimeout(t *testing.T) {
	testutil.Unchanged(t)
	for _, o := range []sandbox.Option{
		sandbox.WithHealthcheck(sandbox.Healthcheck{Test: []string{"CMD", "sleep", "1000"}, Interval: 1, Timeout: time.Millisecond, Retries: 1}),
		sandbox.Options(sandbox.WithHealthFunc(make(verdicts).check), sandbox.WithHealthcheck(sandbox.Healthcheck{Interval: 1, Timeout: time.Millisecond, Retries: 1})),
	} {
		s, err := sandbox.New(sandbox.WithCommand("sleep", "1000"), o, sandbox.WithReady(0, sandbox.ReadyHealthy()))
		if err != nil {
			t.Fatal(err)
		}
		err = s.Start(testContext(t))
		if !errors.Is(err, sandbox.ErrNotReady) || !strings.Contains(err.Error(), "unhealthy: exit code -1") {
			t.Error(err)
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
}

// TestHealthNone: what is not tested has no health, and NONE means that.
func TestHealthNone(t *testing.T) {
	for _, o := range []sandbox.Option{sandbox.Options(), sandbox.WithHealthcheck(sandbox.Healthcheck{Test: []string{"NONE"}, Interval: 1})} {
		s := alive(t, o)
		if h := s.Status().Health; h.Status != sandbox.HealthNone {
			t.Errorf("%+v", h)
		}
	}
}

// TestHealthPaused: nothing is tested in a pause.
func TestHealthPaused(t *testing.T) {
	testutil.Unchanged(t)
	needGroups(t)
	v := make(verdicts)
	s := alive(t, sandbox.WithHealthcheck(often), sandbox.WithHealthFunc(v.check))
	v <- nil
	if err := s.Pause(testContext(t)); err != nil {
		t.Fatal(err)
	}
	select { // the one that was on its way, at most
	case v <- errors.New("bad"):
	case <-time.After(time.Millisecond):
	}
	if err := s.Resume(testContext(t)); err != nil {
		t.Fatal(err)
	}
	v <- nil
	v <- nil
	if h := s.Status().Health; h.Status != sandbox.HealthHealthy {
		t.Errorf("%+v", h)
	}
}
