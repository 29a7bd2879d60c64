package sandbox_test

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/sandkit/sandkit/internal/testutil"
	"github.com/sandkit/sandkit/sandbox"
	"github.com/sandkit/sandkit/sandbox/state"
)

// TestReadyLog: Start returns when the line is there, which goes on to where it
// was to go, files too.
func TestReadyLog(t *testing.T) {
	testutil.Unchanged(t)
	path := filepath.Join(t.TempDir(), "out")
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	const script = "echo one; echo now ready >&2; read x; printf three"
	for name, c := range map[string]struct {
		ready sandbox.Ready
		more  sandbox.Option
	}{
		"text":   {sandbox.ReadyLog("ready"), nil},
		"regexp": {sandbox.ReadyLogMatch(regexp.MustCompile(`^now r.*y\n$`)), nil},
		"logs":   {sandbox.ReadyLog("ready"), sandbox.WithLogs(sandbox.Logs{Driver: sandbox.LogRing})},
		"rested": {sandbox.ReadyLog("ready"), sandbox.WithRestart(sandbox.RestartNo())},
	} {
		if err := f.Truncate(0); err != nil {
			t.Fatal(err)
		}
		if _, err := f.Seek(0, 0); err != nil {
			t.Fatal(err)
		}
		var errOut bytes.Buffer
		in, write, err := os.Pipe()
		if err != nil {
			t.Fatal(err)
		}
		s := running(t, sandbox.WithStdin(in), sandbox.WithStdout(f), sandbox.WithStderr(&errOut), sandbox.WithCommand("sh", "-c", script), sandbox.WithReady(0, c.ready), c.more)
		if err := errors.Join(in.Close(), write.Close()); err != nil {
			t.Fatal(err)
		}
		if _, err := s.Wait(testContext(t)); err != nil {
			t.Error(name, err)
		}
		if b, err := os.ReadFile(path); err != nil || string(b) != "one\nthree" || errOut.String() != "now ready\n" {
			t.Errorf("%s: %q, %q, %v", name, b, errOut.String(), err)
		}
	}
}

// TestReadyEnded: what has become ready and ended at once was started; without
// the line it was not.
func TestReadyEnded(t *testing.T) {
	testutil.Unchanged(t)
	store := openStore(t)
	for range 10 {
		res, err := sandbox.Run(testContext(t), sandbox.WithCommand("echo", "up"), sandbox.WithReady(0, sandbox.ReadyLog("up")))
		if err != nil || res.ExitCode != 0 {
			t.Fatalf("%+v, %v", res, err)
		}
	}
	for name, more := range map[string]sandbox.Option{"plain": nil, "restarted": restarting(sandbox.RestartOnFailure(2), soon)} {
		s, err := sandbox.New(more, sandbox.WithState(store), sandbox.WithCommand("sh", "-c", "echo some; echo output; exit 4"), sandbox.WithReady(0, sandbox.ReadyLog("nothing of that")))
		if err != nil {
			t.Fatal(err)
		}
		for range 2 {
			err = s.Start(testContext(t))
			e, ok := errors.AsType[*sandbox.NotReadyError](err)
			if !ok || !errors.Is(err, sandbox.ErrNotReady) || e.Result == nil || e.Result.ExitCode != 4 || !strings.HasSuffix(string(e.Output), "some\noutput\n") {
				t.Fatalf("%s: %+v", name, err)
			}
			if _, ok := errors.AsType[*sandbox.ExitError](err); !ok {
				t.Errorf("%s: %v", name, err)
			}
			if want := "ready: wait for a line with \"nothing of that\": the program ended: exit status 4: some\noutput"; name == "plain" && !strings.HasSuffix(err.Error(), want) {
				t.Error(err)
			}
			if st := s.Status(); st.State != sandbox.StateCreated || st.RestartCount != 0 || s.Name() != s.ID()[:12] {
				t.Errorf("%s: %v", name, st)
			}
			if list, err := store.List(testContext(t), state.ListOptions{All: true}); err != nil || len(list) != 0 {
				t.Errorf("%v, %v", list, err)
			}
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
}

// TestReadyTimeout: a start that takes too long is undone, whoever bounds it, and
// may be tried again.
func TestReadyTimeout(t *testing.T) {
	testutil.Unchanged(t)
	bad := errors.New("bad")
	never := []sandbox.Ready{
		sandbox.ReadyLog("x"), sandbox.ReadyListening(1),
		sandbox.ReadyFunc(func(context.Context, *sandbox.Sandbox) error { return bad }),
	}
	for i, r := range never {
		s, err := sandbox.New(sandbox.WithCommand("sleep", "1000"), sandbox.WithReady(20*time.Millisecond, r))
		if err != nil {
			t.Fatal(err)
		}
		err = s.Start(testContext(t))
		if e, ok := errors.AsType[*sandbox.NotReadyError](err); !ok || !errors.Is(err, context.DeadlineExceeded) || e.Result != nil || (i == 2) != errors.Is(err, bad) {
			t.Error(err)
		}
		ctx, cancel := context.WithCancel(testContext(t))
		time.AfterFunc(10*time.Millisecond, cancel)
		if err := s.Start(ctx); !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
}

// TestReadyListening: a socket that listens is seen from outside, in any of the
// families, and nothing of another sandbox's.
func TestReadyListening(t *testing.T) {
	testutil.Unchanged(t)
	lanes(t, func(t *testing.T, lane sandbox.Option) {
		s := running(t, lane, sandbox.WithCommand(probePath, "serve|tcp|127.0.0.1:8080"), sandbox.WithReady(0, sandbox.ReadyListening(8080)))
		ctx := testContext(t)
		if err := sandbox.HealthListening(8080)(ctx, s); err != nil {
			t.Error(err)
		}
		if err := sandbox.HealthListening(8081)(ctx, s); err == nil {
			t.Error("port 8081 is none")
		}
		other := alive(t, lane)
		if err := sandbox.HealthListening(8080)(ctx, other); err == nil {
			t.Error("port 8080 is another sandbox's")
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
		if err := sandbox.HealthListening(8080)(ctx, s); !errors.Is(err, sandbox.ErrNotRunning) {
			t.Error(err)
		}
	})
}

// TestReadyFunc: functions may use the sandbox, in every kind of one.
func TestReadyFunc(t *testing.T) {
	testutil.Unchanged(t)
	calls := 0
	f := sandbox.ReadyFunc(func(ctx context.Context, s *sandbox.Sandbox) error {
		calls++
		p, err := s.Exec(ctx, sandbox.WithCommand("test", "-e", "/tmp/f"))
		if err == nil {
			_, err = p.Wait(ctx)
		}
		return err
	})
	for name, o := range map[string]sandbox.Option{
		"plain":     sandbox.WithCommand("sh", "-c", "touch /tmp/f; exec sleep 1000"),
		"restarted": sandbox.Options(restarting(sandbox.RestartAlways(), soon), sandbox.WithCommand("sh", "-c", "test -e /tmp/f || { touch /tmp/f; exit; }; exec sleep 1000")),
	} {
		s := running(t, o, sandbox.WithReady(0, f))
		if st := s.Status(); st.State == sandbox.StateExited || calls == 0 {
			t.Error(name, st, calls)
		}
		calls = 0
	}
	running(t, sandbox.WithIdle(), sandbox.WithReady(time.Hour, sandbox.ReadyFunc(func(context.Context, *sandbox.Sandbox) error { return nil })))
}

// TestReadyHealthy: a health check decides.
func TestReadyHealthy(t *testing.T) {
	testutil.Unchanged(t)
	s := running(t, sandbox.WithCommand("sh", "-c", "touch /tmp/f; exec sleep 1000"), sandbox.WithReady(0, sandbox.ReadyHealthy()),
		sandbox.WithHealthcheck(sandbox.Healthcheck{Test: []string{"CMD-SHELL", "test -e /tmp/f"}, Interval: 1, Retries: 1000}))
	if st := s.Status(); st.Health.Status != sandbox.HealthHealthy {
		t.Error(st)
	}
}

// TestReadyStopped: whoever ends a sandbox that is not ready yet, Start fails and
// everybody returns.
func TestReadyStopped(t *testing.T) {
	testutil.Unchanged(t)
	for name, end := range map[string]func(*sandbox.Sandbox) error{
		"stop":   func(s *sandbox.Sandbox) error { return s.Stop(testContext(t)) },
		"kill":   (*sandbox.Sandbox).Kill,
		"close":  (*sandbox.Sandbox).Close,
		"signal": func(s *sandbox.Sandbox) error { return s.Signal(syscall.SIGTERM) },
	} {
		called := make(chan struct{})
		var once sync.Once
		s, err := sandbox.New(sandbox.WithCommand("sleep", "1000"), sandbox.WithReady(0, sandbox.ReadyFunc(func(ctx context.Context, _ *sandbox.Sandbox) error {
			once.Do(func() { close(called) })
			<-ctx.Done()
			return ctx.Err()
		})))
		if err != nil {
			t.Fatal(err)
		}
		var ended sync.WaitGroup
		ended.Go(func() {
			<-called
			if err := end(s); err != nil {
				t.Error(name, err)
			}
		})
		if err := s.Start(testContext(t)); err == nil || !errors.Is(err, sandbox.ErrNotReady) && !errors.Is(err, sandbox.ErrClosed) {
			t.Error(name, err)
		}
		ended.Wait()
		if err := s.Close(); err != nil {
			t.Error(name, err)
		}
		if _, err := s.Wait(testContext(t)); !errors.Is(err, sandbox.ErrClosed) {
			t.Error(name, err)
		}
	}
}
