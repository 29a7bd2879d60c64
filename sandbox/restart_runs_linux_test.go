package sandbox_test

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/sandkit/sandkit/fs"
	"github.com/sandkit/sandkit/internal/testutil"
	"github.com/sandkit/sandkit/sandbox"
	"github.com/sandkit/sandkit/sandbox/state"
)

// TestRestartAlone: what a run left behind is dead before the next begins,
// wherever it has gone; files, also in memory, stay.
func TestRestartAlone(t *testing.T) {
	testutil.Unchanged(t)
	lanes(t, func(t *testing.T, lane sandbox.Option) {
		var out bytes.Buffer
		const script = `echo x >> /dev/shm/runs; set -- /proc/[0-9]*; echo $# $(wc -l < /dev/shm/runs)
			setsid sh -c 'trap "" TERM HUP; sleep 1000 & sleep 1000' & exit 1`
		_, err := sandbox.Run(testContext(t), lane, restarting(sandbox.RestartOnFailure(3), soon), sandbox.WithStdout(&out), sandbox.WithCommand("sh", "-c", script))
		// Process 1 and the shell.
		if got := out.String(); got != "2 1\n2 2\n2 3\n2 4\n" {
			t.Errorf("%q, %v", got, err)
		}
	})
}

// TestRestartStreams: all runs print to the same places, also into files that the
// caller has closed, are logged together, and read on where the last one stopped.
func TestRestartStreams(t *testing.T) {
	testutil.Unchanged(t)
	path := filepath.Join(t.TempDir(), "out")
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	s := running(t, restarting(sandbox.RestartOnFailure(0), soon), sandbox.WithStdout(f), sandbox.WithStdin(strings.NewReader("a\nb\nc\n")),
		sandbox.WithCommand("sh", "-c", `read x; echo got $x; test "$x" = c`))
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	if res, err := s.Wait(testContext(t)); err != nil || res.RestartCount != 2 {
		t.Errorf("%+v, %v", res, err)
	}
	if b, err := os.ReadFile(path); err != nil || string(b) != "got a\ngot b\ngot c\n" {
		t.Errorf("%q, %v", b, err)
	}
	s = running(t, restarting(sandbox.RestartOnFailure(2), soon), sandbox.WithLogs(sandbox.Logs{Driver: sandbox.LogRing}), sandbox.WithCommand("sh", "-c", "echo out; echo err >&2; exit 1"))
	if res, err := s.Wait(testContext(t)); err == nil || res == nil || res.RestartCount != 2 {
		t.Errorf("%+v, %v", res, err)
	}
	got := strings.Join(readLogs(t, s, sandbox.LogOptions{Tail: -1}), "")
	if strings.Count(got, "stdout:out\n") != 3 || strings.Count(got, "stderr:err\n") != 3 {
		t.Errorf("%q", got)
	}
}

// TestRestartByHand: Restart starts the program again, whatever the policy, and
// counts from 0.
func TestRestartByHand(t *testing.T) {
	testutil.Unchanged(t)
	lanes(t, func(t *testing.T, lane sandbox.Option) {
		for _, p := range []sandbox.RestartPolicy{sandbox.RestartNo(), sandbox.RestartAlways(), sandbox.RestartOnFailure(1)} {
			var out bytes.Buffer
			s := running(t, lane, restarting(p, soon), sandbox.WithStdout(&out), sandbox.WithReady(0, sandbox.ReadyLog("up")),
				sandbox.WithCommand("sh", "-c", `trap 'echo bye; exit 3' TERM; echo up; while :; do sleep 1000 & wait; done`))
			for range 3 {
				began := s.Status().StartedAt
				beside, err := s.Exec(testContext(t), sandbox.WithCommand("sleep", "1000"))
				if err != nil {
					t.Fatal(err)
				}
				if err := s.Restart(testContext(t)); err != nil {
					t.Fatal(p, err)
				}
				if st := s.Status(); st.State != sandbox.StateRunning || st.RestartCount != 0 || !st.StartedAt.After(began) {
					t.Error(p, st)
				}
				if res, err := beside.Wait(testContext(t)); res == nil || res.Reason != sandbox.ReasonKilled {
					t.Errorf("%+v, %v", res, err)
				}
			}
			if got, _, err := execOutput(t, s, sandbox.WithCommand("sh", "-c", "echo hello")); err != nil || got != "hello\n" {
				t.Errorf("%v: %q, %v", p, got, err)
			}
			if err := s.Stop(testContext(t)); err != nil {
				t.Error(err)
			}
			if res, _ := s.Wait(testContext(t)); res.Reason != sandbox.ReasonStopped || res.RestartCount != 0 {
				t.Errorf("%v: %+v", p, res)
			}
		}
	})
	s := alive(t)
	if err := s.Restart(testContext(t)); !errors.Is(err, sandbox.ErrNotSupported) || !strings.Contains(err.Error(), "WithRestart") {
		t.Error(err)
	}
	s, err := sandbox.New(sandbox.WithCommand("true"), sandbox.WithRestart(sandbox.RestartNo()))
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if err := s.Restart(testContext(t)); !errors.Is(err, sandbox.ErrNotRunning) {
		t.Error(err)
	}
	if got := s.Status().String(); got != "created" {
		t.Error(got)
	}
}

// TestRestartGrace: a program that ignores the stop signal is killed for a restart.
func TestRestartGrace(t *testing.T) {
	testutil.Unchanged(t)
	s := running(t, sandbox.WithRestart(sandbox.RestartNo()), sandbox.WithStop(syscall.SIGTERM, time.Millisecond), sandbox.WithReady(0, sandbox.ReadyLog("up")),
		sandbox.WithCommand("sh", "-c", `trap "" TERM; echo up; while :; do sleep 1000; done`))
	if err := s.Restart(testContext(t)); err != nil {
		t.Error(err)
	}
}

// TestRestartStart: the first start fails as ever, and leaves nothing; so does a
// Plan show what is done.
func TestRestartStart(t *testing.T) {
	testutil.Unchanged(t)
	lanes(t, func(t *testing.T, lane sandbox.Option) {
		for command, want := range map[string]error{"/no/such": sandbox.ErrNotFound, "/etc/passwd": os.ErrPermission} {
			s, err := sandbox.New(lane, sandbox.WithCommand(command), sandbox.WithRestart(sandbox.RestartAlways()))
			if err != nil {
				t.Fatal(err)
			}
			for range 2 {
				err = s.Start(testContext(t))
				if e, ok := errors.AsType[*sandbox.Error](err); !ok || e.Stage != sandbox.StageExec || e.Op != "start" || !errors.Is(err, want) {
					t.Errorf("%v", err)
				}
			}
			if err := s.Close(); err != nil {
				t.Error(err)
			}
		}
	})
}

// TestRestartGone: a program that cannot be executed any more has failed, with an
// error that says why.
func TestRestartGone(t *testing.T) {
	testutil.Unchanged(t)
	dir := t.TempDir()
	program := filepath.Join(dir, "run")
	m := fs.BindRO(dir, "/work")
	m.HostOwners = true
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	for i, p := range []sandbox.RestartPolicy{sandbox.RestartNo(), sandbox.RestartOnFailure(2), sandbox.RestartAlways()} {
		if err := os.WriteFile(program, []byte("#!/bin/sh\nexec sleep 1000\n"), 0o755); err != nil {
			t.Fatal(err)
		}
		s := running(t, sandbox.WithMount(m), sandbox.WithCommand("/work/run"), restarting(p, soon))
		if err := os.Remove(program); err != nil {
			t.Fatal(err)
		}
		err := s.Restart(testContext(t))
		if e, ok := errors.AsType[*sandbox.Error](err); !ok || e.Op != "restart" || !errors.Is(err, sandbox.ErrNotFound) {
			t.Errorf("%v: %v", p, err)
		}
		if i == 2 { // it is tried for ever
			if err := s.Kill(); err != nil {
				t.Error(err)
			}
			if res, err := s.Wait(testContext(t)); res == nil || errors.Is(err, sandbox.ErrNotFound) || res.Reason != sandbox.ReasonKilled {
				t.Errorf("%+v, %v", res, err)
			}
			continue
		}
		if res, err := s.Wait(testContext(t)); res == nil || !errors.Is(err, sandbox.ErrNotFound) || res.RestartCount != p.MaxRetries {
			t.Errorf("%v: %+v, %v", p, res, err)
		}
	}
}

// TestRestartProcess1: when process 1 is killed, that is the end.
func TestRestartProcess1(t *testing.T) {
	testutil.Unchanged(t)
	s := alive(t, restarting(sandbox.RestartAlways(), soon))
	all, err := s.Top(testContext(t))
	if err != nil {
		t.Skip("the kernel does not tell children:", err)
	}
	if err := syscall.Kill(all[0].PID, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	if res, err := s.Wait(testContext(t)); res == nil || res.Signal != syscall.SIGKILL || res.Reason != sandbox.ReasonSignaled || res.RestartCount != 0 {
		t.Errorf("%+v, %v", res, err)
	}
}

// TestRestartMemory: running out of memory is a failure, and of each run its own.
func TestRestartMemory(t *testing.T) {
	testutil.Unchanged(t)
	needGroups(t)
	const script = `echo >> /tmp/runs; if test $(wc -l < /tmp/runs) -le 2; then exec /run/probe 'eat|80'; fi; exit 5`
	s := running(t, restarting(sandbox.RestartOnFailure(2), soon), sandbox.WithMemory(40*mib), sandbox.WithCommand("sh", "-c", script))
	if res, err := s.Wait(testContext(t)); res == nil || res.RestartCount != 2 || res.Reason != sandbox.ReasonExited || res.ExitCode != 5 {
		t.Errorf("%+v, %v", res, err)
	}
	s = running(t, restarting(sandbox.RestartOnFailure(1), soon), sandbox.WithMemory(40*mib), sandbox.WithCommand(probePath, "eat|80"))
	if res, err := s.Wait(testContext(t)); !errors.Is(err, sandbox.ErrOOMKilled) || res.RestartCount != 1 {
		t.Errorf("%+v, %v", res, err)
	}
}

// TestRestartPaused: a restart by hand ends a pause, and so does the end.
func TestRestartPaused(t *testing.T) {
	testutil.Unchanged(t)
	needGroups(t)
	s := alive(t, sandbox.WithRestart(sandbox.RestartNo()))
	for range 2 {
		if err := s.Pause(testContext(t)); err != nil {
			t.Fatal(err)
		}
		if st := s.Status(); st.State != sandbox.StatePaused {
			t.Error(st)
		}
		if err := s.Restart(testContext(t)); err != nil {
			t.Error(err)
		}
		if st := s.Status(); st.State != sandbox.StateRunning {
			t.Error(st)
		}
	}
	if err := errors.Join(s.Pause(testContext(t)), s.Stop(testContext(t))); err != nil {
		t.Error(err)
	}
}

// TestRestartMounts: a further process sees what the present run has mounted, and
// no run what another has.
func TestRestartMounts(t *testing.T) {
	testutil.Unchanged(t)
	s := running(t, sandbox.WithRestart(sandbox.RestartNo()), sandbox.WithCapabilities("SYS_ADMIN"), sandbox.WithMount(fs.Tmpfs("/work", 0)),
		sandbox.WithReady(0, sandbox.ReadyLog("up")), sandbox.WithCommand("sh", "-c", "test ! -e /work/f && mount -t tmpfs none /work && touch /work/f && echo up && exec sleep 1000"))
	for range 2 {
		if out, _, err := execOutput(t, s, sandbox.WithCommand("sh", "-c", "while ! test -e /work/f; do :; done; echo yes")); err != nil || out != "yes\n" {
			t.Errorf("%q, %v", out, err)
		}
		if err := s.Restart(testContext(t)); err != nil {
			t.Fatal(err)
		}
	}
}

// TestRestartRecord: the record says what the sandbox does between two runs.
func TestRestartRecord(t *testing.T) {
	testutil.Unchanged(t)
	store := openStore(t)
	s := running(t, sandbox.WithState(store), restarting(sandbox.RestartOnFailure(5), never), sandbox.WithCommand("sh", "-c", "kill -TERM $$"))
	become(t, s, func(sandbox.Status) bool { return lookUp(t, store, s.ID()).Status.State == state.Restarting })
	got := lookUp(t, store, s.ID())
	if r := got.Record; r.AutoRemove || r.Restart.Policy != "on-failure" || r.Restart.MaxRetries != 5 {
		t.Errorf("%+v", r)
	}
	if st := got.Status; st.ExitCode != 143 || st.RestartCount != 1 || st.NextRestartAt.IsZero() || st.PID != 0 || st.ManuallyStopped {
		t.Errorf("%+v", st)
	}
	if err := s.Stop(testContext(t)); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Wait(testContext(t)); err == nil {
		t.Error("no error")
	}
	if st := lookUp(t, store, s.ID()).Status; st.State != state.Exited || !st.ManuallyStopped || st.ExitCode != 143 {
		t.Errorf("%+v", st)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if list, err := store.List(testContext(t), state.ListOptions{All: true}); err != nil || len(list) != 0 {
		t.Errorf("%v, %v", list, err)
	}
}

// TestRestartConcurrent: whatever happens at once, each call gives one of its
// errors, and everything ends.
func TestRestartConcurrent(t *testing.T) {
	testutil.Unchanged(t)
	for i := range 6 {
		s := running(t, restarting(sandbox.RestartAlways(), soon), sandbox.WithCommand("sh", "-c", "sleep 0.0$$ || sleep 1; exit 1"))
		var calls sync.WaitGroup
		for range 3 {
			calls.Go(func() {
				for range 5 {
					if err := s.Restart(testContext(t)); err != nil && !errors.Is(err, sandbox.ErrNotRunning) {
						t.Error(err)
					}
				}
			})
			calls.Go(func() {
				for range 5 {
					p, err := s.Exec(testContext(t), sandbox.WithCommand("true"))
					if err != nil && !errors.Is(err, sandbox.ErrNotRunning) {
						t.Error(err)
					}
					if p != nil {
						_, _ = p.Wait(testContext(t))
					}
				}
			})
			calls.Go(func() {
				for range 20 {
					_ = s.Status().String()
					if err := s.Signal(syscall.SIGCONT); err != nil && !errors.Is(err, sandbox.ErrNotRunning) {
						t.Error(err)
					}
				}
			})
		}
		if i%2 == 0 {
			calls.Wait()
		}
		calls.Go(func() {
			if err := s.Stop(testContext(t)); err != nil {
				t.Error(err)
			}
		})
		if i%3 == 0 {
			calls.Go(func() {
				if err := s.Close(); err != nil {
					t.Error(err)
				}
			})
		}
		calls.Wait()
		if res, err := s.Wait(testContext(t)); res == nil {
			t.Error(err)
		}
	}
}
