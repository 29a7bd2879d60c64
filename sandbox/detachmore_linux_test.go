package sandbox_test

import (
	"context"
	"errors"
	"fmt"
	iofs "io/fs"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/sandkit/sandkit/internal/sys"
	"github.com/sandkit/sandkit/internal/testutil"
	"github.com/sandkit/sandkit/sandbox"
	"github.com/sandkit/sandkit/sandbox/state"
)

// TestDetachedLimits: what another program sees of the cgroup, and that the
// record tells of a process that took too much memory.
func TestDetachedLimits(t *testing.T) {
	testutil.NeedRoot(t)
	testutil.Unchanged(t)
	st := openStore(t)
	s, _ := detached(t, st, "while [ ! -e /tmp/go ]; do sleep 0.02; done; exec "+probePath+" 'eat|80'", withProbe(t), sandbox.WithMemory(40*mib), sandbox.WithPids(50))
	o := open(t, st, s)
	for _, x := range []*sandbox.Sandbox{s, o} {
		if err := x.Pause(testContext(t)); err != nil {
			t.Error(err)
		}
		if _, err := x.Exec(testContext(t), sandbox.WithCommand("true")); !errors.Is(err, sandbox.ErrPaused) {
			t.Errorf("exec: %v", err)
		}
		if stats, err := x.Stats(testContext(t)); err != nil || stats.Pids.Limit != 50 {
			t.Errorf("%+v, %v", stats.Pids, err)
		}
		if err := x.Resume(testContext(t)); err != nil {
			t.Error(err)
		}
	}
	if _, err := o.Exec(testContext(t), sandbox.WithCommand("touch", "/tmp/go")); err != nil {
		t.Fatal(err)
	}
	if res, _ := o.Wait(testContext(t)); res == nil || res.Signal != 9 {
		t.Errorf("%v", res)
	}
	if v := lookUp(t, st, s.ID()); !v.Status.OOMKilled || v.Status.State != state.Exited {
		t.Errorf("%+v", v.Status)
	}
}

// TestDetachedTimeout: the monitor minds it, and an adopter after it.
func TestDetachedTimeout(t *testing.T) {
	testutil.Unchanged(t)
	st := openStore(t)
	s, _ := detached(t, st, "sleep 1000", sandbox.WithTimeout(300*time.Millisecond))
	_, _ = s.Wait(testContext(t))
	if v := lookUp(t, st, s.ID()); v.Status.Error != state.TimedOut || v.Status.ExitCode != 137 {
		t.Errorf("%+v", v.Status)
	}
	if _, err := open(t, st, s).Wait(testContext(t)); !errors.Is(err, sandbox.ErrTimeout) {
		t.Errorf("wait: %v", err)
	}
	s, _ = detached(t, st, "sleep 1000", sandbox.WithTimeout(3*time.Second))
	own, err := sandbox.Adopt(testContext(t), st, s.ID())
	if err != nil {
		t.Fatal(err)
	}
	defer own.Close()
	if _, err := own.Wait(testContext(t)); !errors.Is(err, sandbox.ErrTimeout) {
		t.Errorf("wait: %v", err)
	}
}

// TestDetachedFiles: another program reads and writes the sandbox's files.
func TestDetachedFiles(t *testing.T) {
	testutil.Unchanged(t)
	st := openStore(t)
	s, _ := detached(t, st, "sleep 1000")
	o := open(t, st, s)
	if err := o.CopyTo(testContext(t), "/tmp", os.DirFS(testutil.Root(t, "file note hello"))); err != nil {
		t.Fatal(err)
	}
	if b, err := iofs.ReadFile(o.FS(), "tmp/note"); err != nil || string(b) != "hello" {
		t.Errorf("%q, %v", b, err)
	}
	if err := o.Kill(); err != nil {
		t.Error(err)
	}
	_, _ = o.Wait(testContext(t))
}

// TestAdopterDies: what was adopted ends with its new owner.
func TestAdopterDies(t *testing.T) {
	testutil.Unchanged(t)
	collect(t)
	st := openStore(t)
	s, _ := detached(t, st, "sleep 1000")
	play(t, "adopter-all", st.Dir(), s.ID())
	res, _ := s.Wait(testContext(t))
	if res == nil || res.Signal != 9 {
		t.Errorf("%v", res)
	}
	if v := lookUp(t, st, s.ID()); v.Status.State != state.Exited || v.Status.ExitCode != 137 || v.Status.Error == "" {
		t.Errorf("%+v", v.Status)
	}
	if err := s.Remove(testContext(t)); err != nil {
		t.Error(err)
	}
}

func adopterAll(args []string) error {
	if err := sys.BecomeSubreaper(); err != nil {
		return err
	}
	if err := killWhenReady("adopter", args[0], args[1]); err != nil {
		return err
	}
	return reapAll()
}

func adopterHost(args []string) error {
	st, err := state.Open(args[0])
	if err != nil {
		return err
	}
	if _, err := sandbox.Adopt(context.Background(), st, args[1]); err != nil {
		return err
	}
	fmt.Println("go")
	select {} // until it is killed
}

// TestOpenErrors: what is not there, has not been started, or is another's.
func TestOpenErrors(t *testing.T) {
	testutil.Unchanged(t)
	st := openStore(t)
	type opener = func(context.Context, *state.Store, string, ...sandbox.Option) (*sandbox.Sandbox, error)
	for name, open := range map[string]opener{"open": sandbox.Open, "adopt": sandbox.Adopt} {
		if _, err := open(testContext(t), st, "nothing"); !errors.Is(err, sandbox.ErrNotFound) {
			t.Errorf("%s nothing: %v", name, err)
		}
		if _, err := open(testContext(t), nil, "nothing"); !errors.Is(err, sandbox.ErrInvalidSpec) {
			t.Errorf("%s without a store: %v", name, err)
		}
	}
	s, err := sandbox.New(sandbox.WithCommand("sleep", "1000"), sandbox.WithState(st), sandbox.WithName("attached"))
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if err := s.Detach(testContext(t)); !errors.Is(err, sandbox.ErrNotRunning) {
		t.Errorf("detach: %v", err)
	}
	if err := s.Start(testContext(t)); err != nil {
		t.Fatal(err)
	}
	for name, open := range map[string]opener{"open": sandbox.Open, "adopt": sandbox.Adopt} {
		if _, err := open(testContext(t), st, "attached"); !errors.Is(err, sandbox.ErrRunning) {
			t.Errorf("%s an attached one: %v", name, err)
		}
	}
	d, _ := detached(t, st, "exit 4")
	if code := exitCode(t, d); code != 4 {
		t.Errorf("exit code %d", code)
	}
	if _, err := sandbox.Adopt(testContext(t), st, d.ID()); !errors.Is(err, sandbox.ErrNotRunning) {
		t.Errorf("adopt what has ended: %v", err)
	}
}

// TestDetachFails: the start of what cannot be handed over leaves nothing.
func TestDetachFails(t *testing.T) {
	testutil.Unchanged(t)
	st := openStore(t)
	log := filepath.Join(t.TempDir(), fmt.Sprintf("%0241d", 0)) // longer than a monitor takes
	s, err := sandbox.New(sandbox.WithCommand("sleep", "1000"), sandbox.WithState(st), sandbox.WithDetach(),
		sandbox.WithLogs(sandbox.Logs{Driver: sandbox.LogJSONFile, Path: log}))
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Start(testContext(t)); !errors.Is(err, os.ErrInvalid) {
		t.Errorf("start: %v", err)
	}
	if list, err := st.List(testContext(t), state.ListOptions{All: true}); err != nil || len(list) > 0 {
		t.Errorf("%v, %v", list, err)
	}
	// Attached, it goes on as it was.
	s, err = sandbox.New(sandbox.WithCommand("sh", "-c", "echo begun; sleep 1000"), sandbox.WithState(st),
		sandbox.WithLogs(sandbox.Logs{Driver: sandbox.LogJSONFile, Path: log}))
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Start(testContext(t)); err != nil {
		t.Fatal(err)
	}
	for len(readLogs(t, s, sandbox.LogOptions{Tail: -1})) == 0 {
		time.Sleep(time.Millisecond)
	}
	if err := s.Detach(testContext(t)); !errors.Is(err, os.ErrInvalid) {
		t.Errorf("detach: %v", err)
	}
	if err := s.Stop(testContext(t)); err != nil {
		t.Error(err)
	}
	if got := readLogs(t, s, sandbox.LogOptions{Tail: -1}); len(got) != 1 || got[0] != "stdout:begun\n" {
		t.Errorf("%q", got)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	if list, err := st.List(testContext(t), state.ListOptions{All: true}); err != nil || len(list) > 0 {
		t.Errorf("%v, %v", list, err)
	}
}
