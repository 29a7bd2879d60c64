package sandbox_test

import (
	"encoding/json"
	"errors"
	"os"
	"strings"
	"syscall"
	"testing"

	"github.com/sandkit/sandkit/internal/testutil"
	"github.com/sandkit/sandkit/sandbox"
)

// TestIdle: a sandbox without a program runs others, also in an empty root, and
// process 1 is the only one that stays.
func TestIdle(t *testing.T) {
	testutil.Unchanged(t)
	lanes(t, func(t *testing.T, lane sandbox.Option) {
		s := running(t, lane, sandbox.WithIdle(), sandbox.WithRootfs(t.TempDir()))
		if p, err := s.Exec(testContext(t), sandbox.WithCommand("/none")); !errors.Is(err, sandbox.ErrNotFound) {
			t.Errorf("%v, %v", p, err)
		}
		s = running(t, lane, sandbox.WithIdle(), sandbox.WithEnv("A=1"), sandbox.WithDir("/tmp"))
		for range 3 {
			out, res, err := execOutput(t, s, sandbox.WithCommand("sh", "-c", "echo $A; pwd; set -- /proc/[0-9]*; echo $#"))
			// Process 1 and the shell.
			if err != nil || res.ExitCode != 0 || out != "1\n/tmp\n2\n" {
				t.Errorf("%q, %v, %v", out, res, err)
			}
		}
		if err := s.Stop(testContext(t)); err != nil {
			t.Error(err)
		}
		res, err := s.Wait(testContext(t))
		if res == nil || res.Reason != sandbox.ReasonStopped || res.Signal != syscall.SIGTERM {
			t.Errorf("%+v, %v", res, err)
		}
	})
}

// TestIdleSignals: what ends programs by default ends it, other signals do not,
// and no process inside can.
func TestIdleSignals(t *testing.T) {
	testutil.Unchanged(t)
	s := running(t, sandbox.WithIdle())
	for _, sig := range []os.Signal{syscall.SIGCHLD, syscall.SIGCONT, syscall.SIGTSTP, syscall.SIGWINCH} {
		if err := s.Signal(sig); err != nil {
			t.Error(err)
		}
	}
	if out, res, err := execOutput(t, s, sandbox.WithCommand("sh", "-c", "kill -KILL -1; kill -KILL 1; echo alive")); err != nil || !strings.HasSuffix(out, "alive\n") {
		t.Errorf("%q, %+v, %v", out, res, err)
	}
	if err := s.Signal(syscall.SIGUSR1); err != nil {
		t.Error(err)
	}
	res, err := s.Wait(testContext(t))
	if res == nil || res.Reason != sandbox.ReasonSignaled || res.Signal != syscall.SIGUSR1 {
		t.Errorf("%+v, %v", res, err)
	}
}

// TestLast: a process tells whether it has left others behind, wherever these
// have gone.
func TestLast(t *testing.T) {
	testutil.Unchanged(t)
	s := running(t, sandbox.WithIdle())
	for _, c := range []struct {
		script string
		last   bool
	}{
		{"true", true},
		{"true & wait", true},
		{"sleep 1000 &", false},
		{"true", false},
		{"kill -KILL -1", false},
	} {
		p, err := s.Exec(testContext(t), sandbox.WithCommand("sh", "-c", c.script))
		if err != nil {
			t.Fatal(err)
		}
		_, err = p.Wait(testContext(t))
		if err != nil || p.Last() != c.last && c.script != "kill -KILL -1" {
			t.Errorf("%s: %v, %v", c.script, p.Last(), err)
		}
	}
	s = alive(t)
	p, err := s.Exec(testContext(t), sandbox.WithCommand("setsid", "sh", "-c", "sleep 1000 & exit 0"))
	if err == nil {
		_, err = p.Wait(testContext(t))
	}
	if err != nil || p.Last() {
		t.Errorf("%v", err)
	}
}

// TestIdleMounts: who may mount does, for itself.
func TestIdleMounts(t *testing.T) {
	testutil.Unchanged(t)
	s := running(t, sandbox.WithIdle(), sandbox.WithCapabilities("SYS_ADMIN"))
	script := "mount -t tmpfs none /mnt || mount -t tmpfs none /tmp && grep -c ' tmpfs ' /proc/self/mounts"
	first, _, err := execOutput(t, s, sandbox.WithCommand("sh", "-c", script))
	if err != nil {
		t.Fatalf("%v: %s", err, first)
	}
	if second, _, err := execOutput(t, s, sandbox.WithCommand("sh", "-c", script)); err != nil || second != first {
		t.Errorf("%q, then %q, %v", first, second, err)
	}
}

// TestIdleErrors: what an idle sandbox cannot have is named before anything is
// touched, and a directory that is not there at the start.
func TestIdleErrors(t *testing.T) {
	testutil.Unchanged(t)
	for _, c := range []struct {
		name   string
		option sandbox.Option
		want   []string
	}{
		{"command", sandbox.WithCommand("true"), []string{"WithIdle", "WithCommand"}},
		{"logs", sandbox.WithLogs(sandbox.Logs{Driver: sandbox.LogRing}), []string{"WithIdle", "WithLogs"}},
		{"stdout", sandbox.WithStdout(os.Stdout), []string{"WithIdle", "WithStdout"}},
		{"user", sandbox.WithUser("-"), []string{"WithUser"}},
	} {
		_, err := sandbox.New(sandbox.WithIdle(), c.option)
		for _, want := range c.want {
			if !errors.Is(err, sandbox.ErrInvalidSpec) || !strings.Contains(err.Error(), want) {
				t.Errorf("%s: %v", c.name, err)
			}
		}
	}
	s, err := sandbox.New(sandbox.WithIdle(), sandbox.WithDir("/none"))
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if e, ok := errors.AsType[*sandbox.Error](s.Start(testContext(t))); !ok || e.Stage != sandbox.StageDir {
		t.Errorf("%v", e)
	}
}

// TestIdleSpec: a Spec in JSON says it, and WithoutTimeout takes a timeout back.
func TestIdleSpec(t *testing.T) {
	s, err := sandbox.New(sandbox.WithIdle(), sandbox.WithTimeout(1), sandbox.WithoutTimeout())
	if err != nil {
		t.Fatal(err)
	}
	var read sandbox.Spec
	if err := json.Unmarshal([]byte(s.Spec().String()), &read); err != nil {
		t.Fatal(err)
	}
	if !read.Idle || read.Timeout != 0 || read.Validate() != nil {
		t.Error(read)
	}
	if _, err := sandbox.NewFromSpec(read, sandbox.WithCommand("true")); !errors.Is(err, sandbox.ErrInvalidSpec) {
		t.Error(err)
	}
}
