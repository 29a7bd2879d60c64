package sandbox_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/sandkit/sandkit/internal/testutil"
	"github.com/sandkit/sandkit/sandbox"
	"github.com/sandkit/sandkit/sandbox/state"
)

// detached starts a detached sandbox that runs a script and keeps its output.
func detached(t testing.TB, st *state.Store, script string, opts ...sandbox.Option) (s *sandbox.Sandbox, log string) {
	t.Helper()
	log = filepath.Join(t.TempDir(), "log")
	s, err := sandbox.New(sandbox.WithCommand("sh", "-c", script), sandbox.WithState(st), sandbox.WithDetach(),
		sandbox.WithLogs(sandbox.Logs{Driver: sandbox.LogJSONFile, Path: log}), sandbox.Options(opts...))
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Start(testContext(t)); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		// What a test that failed has left running ends, too.
		if o, err := sandbox.Open(testContext(t), st, s.ID()); err == nil {
			_ = o.Kill()
			_, _ = o.Wait(testContext(t))
			o.Close()
		}
		s.Close()
	})
	return s, log
}

// open opens a sandbox as another program would.
func open(t testing.TB, st *state.Store, s *sandbox.Sandbox) *sandbox.Sandbox {
	t.Helper()
	o, err := sandbox.Open(testContext(t), st, s.ID())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := o.Close(); err != nil {
			t.Error(err)
		}
	})
	return o
}

// exitCode waits for the end.
func exitCode(t testing.TB, s *sandbox.Sandbox) int {
	t.Helper()
	res, err := s.Wait(testContext(t))
	if exit, ok := errors.AsType[*sandbox.ExitError](err); err != nil && !ok {
		t.Fatalf("wait: %v, %v", err, exit)
	}
	return res.ExitCode
}

func TestDetach(t *testing.T) {
	testutil.Unchanged(t)
	st := openStore(t)
	s, _ := detached(t, st, "echo out; echo err >&2; read x; exit 3", sandbox.WithName("one"))
	o := open(t, st, s)
	if o.ID() != s.ID() || o.Name() != "one" {
		t.Errorf("%s, %s", o.ID(), o.Name())
	}
	for _, x := range []*sandbox.Sandbox{s, o} {
		if code := exitCode(t, x); code != 3 {
			t.Errorf("exit code %d", code)
		}
		if got := strings.Join(readLogs(t, x, sandbox.LogOptions{Tail: -1}), ""); !strings.Contains(got, "stdout:out\n") || !strings.Contains(got, "stderr:err\n") {
			t.Errorf("log %q", got)
		}
	}
	v, err := st.Lookup("one")
	if err != nil || v.Status.State != state.Exited || v.Status.ExitCode != 3 || v.Owned {
		t.Errorf("%+v, %v", v.Status, err)
	}
	if code := exitCode(t, open(t, st, s)); code != 3 {
		t.Errorf("afterwards: exit code %d", code)
	}
	if err := s.Remove(testContext(t)); err != nil {
		t.Error(err)
	}
	if _, err := sandbox.Open(testContext(t), st, "one"); !errors.Is(err, sandbox.ErrNotFound) {
		t.Errorf("removed: %v", err)
	}
}

// TestDetachedOrders: what another program can do.
func TestDetachedOrders(t *testing.T) {
	testutil.Unchanged(t)
	st := openStore(t)
	const script = `trap 'echo got; kill $!; exit 7' USR1; sleep 1000 & wait`
	orders := map[string]struct {
		order func(o *sandbox.Sandbox) error
		code  int
		state string
	}{
		"kill": {func(o *sandbox.Sandbox) error { return o.Kill() }, -1, "asked"},
		"stop": {func(o *sandbox.Sandbox) error { return o.Stop(testContext(t)) }, -1, "asked"},
		"exec": {func(o *sandbox.Sandbox) error {
			var out strings.Builder
			p, err := o.Exec(testContext(t), sandbox.WithCommand("sh", "-c", "echo $0 $HOME; kill -9 $PPID; exit 5"), sandbox.WithStdout(&out))
			if err != nil {
				return err
			}
			if res, _ := p.Wait(testContext(t)); res == nil || res.ExitCode != 5 || out.String() != "sh /root\n" {
				return fmt.Errorf("%v, %q", res, out.String())
			}
			if _, err := o.Exec(testContext(t), sandbox.WithCommand("/nothing")); !errors.Is(err, sandbox.ErrNotFound) {
				return fmt.Errorf("nothing: %w", err)
			}
			return o.Kill()
		}, -1, "asked"},
	}
	for name, c := range orders {
		t.Run(name, func(t *testing.T) {
			s, _ := detached(t, st, script)
			o := open(t, st, s)
			if err := c.order(o); err != nil {
				t.Fatal(err)
			}
			if code := exitCode(t, o); code != c.code {
				t.Errorf("exit code %d", code)
			}
			if v, err := st.Lookup(s.ID()); err != nil || v.Status.State != state.Exited || v.Status.ManuallyStopped != (c.state == "asked") {
				t.Errorf("%+v, %v", v.Status, err)
			}
			if err := o.Signal(syscall.SIGTERM); !errors.Is(err, sandbox.ErrNotRunning) {
				t.Errorf("signal: %v", err)
			}
			if err := o.Remove(testContext(t)); err != nil {
				t.Error(err)
			}
		})
	}
	if entries, err := os.ReadDir(filepath.Join(st.Dir(), "records")); err != nil || len(entries) > 0 {
		t.Errorf("records: %v, %v", entries, err)
	}
}
