package sandbox_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/sandkit/sandkit/internal/sys"
	"github.com/sandkit/sandkit/internal/testutil"
	"github.com/sandkit/sandkit/sandbox"
	"github.com/sandkit/sandkit/sandbox/state"
)

// counted is a script that prints numbers until a file is there, and then how far
// it has come.
const counted = `i=0; while [ ! -e /tmp/end ]; do i=$((i+1)); echo line $i; [ $((i%500)) = 0 ] && sleep 0.01; done; printf rest`

// stopCounting ends it.
func stopCounting(t *testing.T, s *sandbox.Sandbox) {
	t.Helper()
	p, err := s.Exec(testContext(t), sandbox.WithCommand("touch", "/tmp/end"))
	if err != nil {
		t.Fatal(err)
	}
	_, _ = p.Wait(testContext(t)) // the sandbox may end first
}

// checkCounted finds lines that are missing or doubled.
func checkCounted(t *testing.T, s *sandbox.Sandbox) int {
	t.Helper()
	n := 0
	for _, line := range readLogs(t, s, sandbox.LogOptions{Tail: -1}) {
		if line == "stdout:rest" {
			return n
		}
		if n++; line != fmt.Sprintf("stdout:line %d\n", n) {
			t.Fatalf("line %d is %q", n, line)
		}
	}
	t.Error("the end is missing")
	return n
}

// TestBackAndForth: ownership goes to and fro while the program prints.
func TestBackAndForth(t *testing.T) {
	testutil.Unchanged(t)
	st := openStore(t)
	s, _ := detached(t, st, counted, sandbox.WithLogs(sandbox.Logs{Driver: sandbox.LogJSONFile, Path: filepath.Join(t.TempDir(), "log"), MaxSize: 100 << 10, MaxFiles: 1000}))
	n := 20
	if testing.Short() {
		n = 4
	}
	var own *sandbox.Sandbox
	for i := range n {
		var err error
		if own, err = sandbox.Adopt(testContext(t), st, s.ID()); err != nil {
			t.Fatal(err)
		}
		defer own.Close()
		if _, err := sandbox.Open(testContext(t), st, s.ID()); !errors.Is(err, sandbox.ErrRunning) {
			t.Errorf("open an attached one: %v", err)
		}
		if i == n-1 {
			break
		}
		if err := own.Detach(testContext(t)); err != nil {
			t.Fatal(err)
		}
		if err := own.Close(); err != nil {
			t.Fatal(err)
		}
	}
	stopCounting(t, own)
	if code := exitCode(t, own); code != 0 {
		t.Errorf("exit code %d", code)
	}
	t.Logf("%d lines", checkCounted(t, own))
	if code := exitCode(t, s); code != 0 {
		t.Errorf("who was left behind: exit code %d", code)
	}
	if err := own.Close(); err != nil {
		t.Error(err)
	}
	if _, err := st.Lookup(s.ID()); !errors.Is(err, state.ErrNotFound) {
		t.Errorf("the record of an adopted one is there after Close: %v", err)
	}
}

// TestDetachLater: one that was attached, with a process of its own.
func TestDetachLater(t *testing.T) {
	testutil.Unchanged(t)
	st := openStore(t)
	s, err := sandbox.New(sandbox.WithCommand("sleep", "1000"), sandbox.WithState(st))
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if err := s.Start(testContext(t)); err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	p, err := s.Exec(testContext(t), sandbox.WithCommand("sh", "-c", "sleep 1000; echo never"), sandbox.WithStdout(&out))
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Detach(testContext(t)); err != nil {
		t.Fatal(err)
	}
	if err := s.Detach(testContext(t)); err != nil {
		t.Errorf("again: %v", err)
	}
	if err := p.Kill(); err != nil {
		t.Error(err)
	}
	if res, _ := p.Wait(testContext(t)); res == nil || res.Signal != 9 || res.Reason != sandbox.ReasonSignaled {
		t.Errorf("the process ended with %v", res)
	}
	if err := s.Rename(testContext(t), "other"); err == nil {
		t.Error("a record of another owner was renamed")
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	o := open(t, st, s)
	if err := o.Remove(testContext(t)); !errors.Is(err, sandbox.ErrRunning) {
		t.Errorf("remove: %v", err)
	}
	if err := o.Stop(testContext(t)); err != nil {
		t.Error(err)
	}
	if v := lookUp(t, st, s.ID()); v.Status.ExitCode != 143 || !v.Status.ManuallyStopped {
		t.Errorf("%+v", v.Status)
	}
}

// TestDetachNeedsFiles: what needs this program is refused.
func TestDetachNeedsFiles(t *testing.T) {
	testutil.Unchanged(t)
	st := openStore(t)
	for name, o := range map[string]sandbox.Option{
		"WithStdout":  sandbox.WithStdout(&bytes.Buffer{}),
		"WithStdin":   sandbox.WithStdin(strings.NewReader("")),
		"ring":        sandbox.WithLogs(sandbox.Logs{Driver: sandbox.LogRing}),
		"WithLogFunc": sandbox.WithLogFunc(func(sandbox.LogEntry) {}),
	} {
		_, err := sandbox.New(sandbox.WithCommand("true"), sandbox.WithState(st), sandbox.WithDetach(), o)
		if !errors.Is(err, sandbox.ErrInvalidSpec) || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: %v", name, err)
		}
		s, err := sandbox.New(sandbox.WithCommand("sleep", "1000"), sandbox.WithState(st), o)
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Start(testContext(t)); err != nil {
			t.Fatal(err)
		}
		if err := s.Detach(testContext(t)); !errors.Is(err, sandbox.ErrInvalidSpec) {
			t.Errorf("%s, later: %v", name, err)
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
	if _, err := sandbox.New(sandbox.WithCommand("true"), sandbox.WithDetach()); !errors.Is(err, sandbox.ErrInvalidSpec) {
		t.Errorf("without a store: %v", err)
	}
}

// monitorOf finds the monitor of a sandbox, which is a child of this program.
func monitorOf(t testing.TB, s *sandbox.Sandbox) int {
	t.Helper()
	for _, pid := range monitors(t) {
		links, err := filepath.Glob(fmt.Sprintf("/proc/%d/fd/*", pid))
		if err != nil {
			t.Fatal(err)
		}
		for _, l := range links {
			if to, err := os.Readlink(l); err == nil && strings.HasSuffix(to, s.ID()) {
				return pid
			}
		}
	}
	t.Fatal("no monitor")
	return 0
}

// monitors lists the monitors that this program has started.
func monitors(t testing.TB) (all []int) {
	t.Helper()
	children, err := sys.Children(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	for _, pid := range children {
		if comm, err := os.ReadFile(fmt.Sprintf("/proc/%d/comm", pid)); err == nil && string(comm) == "sandkit-monitor\n" {
			all = append(all, pid)
		}
	}
	return all
}

// TestMonitorIsKilled: the sandbox dies with it, and the record says so.
func TestMonitorIsKilled(t *testing.T) {
	testutil.NeedRoot(t) // to look at its descriptors
	testutil.Unchanged(t)
	collect(t)
	st := openStore(t)
	s, _ := detached(t, st, "sleep 1000 & sleep 1000", sandbox.WithMemory(64*mib))
	proc, err := os.FindProcess(monitorOf(t, s))
	if err != nil {
		t.Fatal(err)
	}
	if err := proc.Kill(); err != nil {
		t.Fatal(err)
	}
	_, _ = s.Wait(testContext(t)) // it has ended somehow
	if v := lookUp(t, st, s.ID()); v.Status.State != state.Exited || v.Status.ExitCode != 137 || v.Status.Error == "" || v.Owned {
		t.Errorf("%+v", v)
	}
	report, err := st.Collect(testContext(t), nil)
	if err != nil || len(report.Exited) != 1 || report.Exited[0] != s.ID() {
		t.Errorf("%+v, %v", report, err)
	}
	if err := s.Remove(testContext(t)); err != nil {
		t.Error(err)
	}
}

// TestHostDiesDetached: the program that started it is killed, and the sandbox
// goes on.
func TestHostDiesDetached(t *testing.T) {
	testutil.Unchanged(t)
	collect(t)
	dir := t.TempDir()
	if err := os.Chmod(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	play(t, "detached-all", dir)
	st, err := state.Open(filepath.Join(dir, "state"))
	if err != nil {
		t.Fatal(err)
	}
	defer st.Close()
	list, err := st.List(testContext(t), state.ListOptions{All: true})
	if err != nil || len(list) != 1 || list[0].Status.State != state.Exited || list[0].Status.ExitCode != 9 {
		t.Fatalf("%+v, %v", list, err)
	}
	o, err := sandbox.Open(testContext(t), st, "survivor")
	if err != nil {
		t.Fatal(err)
	}
	defer o.Close()
	if n := checkCounted(t, o); n == 0 {
		t.Error("nothing was logged")
	}
	// Collect makes the end a part of the record.
	if _, err := os.Stat(filepath.Join(st.Dir(), "sandboxes", o.ID(), "end")); err != nil {
		t.Error(err)
	}
	if report, err := st.Collect(testContext(t), nil); err != nil || len(report.Exited)+len(report.Removed) > 0 {
		t.Errorf("%+v, %v", report, err)
	}
	if _, err := os.Stat(filepath.Join(st.Dir(), "sandboxes", o.ID(), "end")); !errors.Is(err, os.ErrNotExist) {
		t.Error(err)
	}
	if code := exitCode(t, o); code != 9 {
		t.Errorf("exit code %d", code)
	}
	if err := o.Remove(testContext(t)); err != nil {
		t.Error(err)
	}
}

// survivorHost starts a detached sandbox and is killed.
func survivorHost(args []string) error {
	st, err := state.Open(filepath.Join(args[0], "state"))
	if err != nil {
		return err
	}
	s, err := sandbox.New(sandbox.WithCommand("sh", "-c", counted+"; exit 9"), sandbox.WithState(st), sandbox.WithDetach(), sandbox.WithName("survivor"),
		sandbox.WithLogs(sandbox.Logs{Driver: sandbox.LogJSONFile, Path: filepath.Join(args[0], "log")}))
	if err != nil {
		return err
	}
	if err := s.Start(context.Background()); err != nil {
		return err
	}
	fmt.Println("go")
	select {} // until it is killed
}

// detachedAll has a host program killed, and ends its sandbox as another program;
// then all descendants are gone.
func detachedAll(args []string) error {
	if err := sys.BecomeSubreaper(); err != nil {
		return err
	}
	if err := killWhenReady("detached", args[0]); err != nil {
		return err
	}
	st, err := state.Open(filepath.Join(args[0], "state"))
	if err != nil {
		return err
	}
	defer st.Close()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if _, err := st.Collect(ctx, nil); err != nil {
		return err
	}
	s, err := sandbox.Open(ctx, st, "survivor")
	if err != nil {
		return err
	}
	defer s.Close()
	p, err := s.Exec(ctx, sandbox.WithCommand("touch", "/tmp/end"))
	if err != nil {
		return err
	}
	_, _ = p.Wait(ctx) // the sandbox may end first
	if res, err := s.Wait(ctx); res == nil || res.ExitCode != 9 {
		return fmt.Errorf("ended with %v, %w", res, err)
	}
	return reapAll()
}
