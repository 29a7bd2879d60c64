package sandbox_test

import (
	"errors"
	"os"
	"strings"
	"testing"

	"github.com/sandkit/sandkit/internal/testutil"
	"github.com/sandkit/sandkit/sandbox"
	"github.com/sandkit/sandkit/sandbox/state"
)

func openStore(t *testing.T) *state.Store {
	t.Helper()
	dir := t.TempDir()
	if err := os.Chmod(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	store, err := state.Open(dir, state.NoSync())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := store.Close(); err != nil {
			t.Error(err)
		}
	})
	return store
}

// lookUp finds a sandbox in the store.
func lookUp(t *testing.T, store *state.Store, ref string) state.Summary {
	t.Helper()
	v, err := store.Lookup(ref)
	if err != nil {
		t.Fatal(err)
	}
	return v.Summary
}

// TestState: the record says what the sandbox does, from Start to Close.
func TestState(t *testing.T) {
	testutil.Unchanged(t)
	store := openStore(t)
	s := alive(t, sandbox.WithState(store), sandbox.WithName("web"), sandbox.WithLabels(map[string]string{"tier": "front"}))
	got := lookUp(t, store, "web")
	if got.Status.State != state.Running || got.Status.PID == 0 || got.Record.ID != s.ID() || got.Record.Labels["tier"] != "front" || got.Record.Command[0] != "sleep" {
		t.Errorf("%+v", got)
	}
	other, err := sandbox.New(sandbox.WithState(store), sandbox.WithName("web"), sandbox.WithCommand("true"))
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	if err := other.Start(testContext(t)); !errors.Is(err, sandbox.ErrExists) || !errors.Is(err, state.ErrNameConflict) {
		t.Errorf("a second one of that name: %v", err)
	}
	if err := s.Rename(testContext(t), "shop"); err != nil || s.Name() != "shop" {
		t.Error(s.Name(), err)
	}
	if err := s.Rename(testContext(t), "no/name"); !errors.Is(err, sandbox.ErrInvalidSpec) {
		t.Error(err)
	}
	if err := other.Start(testContext(t)); err != nil { // the name is free now
		t.Fatal(err)
	}
	if _, err := other.Wait(testContext(t)); err != nil {
		t.Fatal(err)
	}
	if got := lookUp(t, store, other.ID()[:12]); got.Status.State != state.Exited || got.Status.ExitCode != 0 || got.Record.Name != "web" {
		t.Errorf("%+v", got)
	}
	if err := other.Rename(testContext(t), "shop"); !errors.Is(err, sandbox.ErrExists) {
		t.Error(err)
	}
	if err := s.Kill(); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Wait(testContext(t)); err == nil {
		t.Error("killed, but no error")
	}
	if got := lookUp(t, store, "shop"); got.Status.State != state.Exited || got.Status.ExitCode != 137 || !got.Status.ManuallyStopped || !strings.HasPrefix(got.String(), "Exited (137)") {
		t.Errorf("%+v", got)
	}
	for _, s := range []*sandbox.Sandbox{s, other, s} {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
	if list, err := store.List(testContext(t), state.ListOptions{All: true}); err != nil || len(list) != 0 {
		t.Errorf("%v, %v", list, err)
	}
}

// TestStatePaused: a pause is recorded where there is one.
func TestStatePaused(t *testing.T) {
	testutil.Unchanged(t)
	needGroups(t)
	store := openStore(t)
	s := alive(t, sandbox.WithState(store))
	if err := s.Pause(testContext(t)); err != nil {
		t.Fatal(err)
	}
	if got := lookUp(t, store, s.Name()); got.Status.State != state.Paused || !strings.HasSuffix(got.String(), "(Paused)") {
		t.Errorf("%+v", got)
	}
	if err := s.Resume(testContext(t)); err != nil {
		t.Fatal(err)
	}
	if got := lookUp(t, store, s.ID()); got.Status.State != state.Running || s.Name() == s.ID()[:12] || got.Record.Name != s.Name() {
		t.Errorf("%+v", got)
	}
}

// TestStateFailedStart: no record stays of what did not start, and the next try
// makes another.
func TestStateFailedStart(t *testing.T) {
	testutil.Unchanged(t)
	store := openStore(t)
	s, err := sandbox.New(sandbox.WithState(store), sandbox.WithCommand("/no/such/program"))
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	for range 2 {
		if err := s.Start(testContext(t)); !errors.Is(err, sandbox.ErrNotFound) {
			t.Error(err)
		}
		if list, err := store.List(testContext(t), state.ListOptions{All: true}); err != nil || len(list) != 0 {
			t.Errorf("%v, %v", list, err)
		}
		if s.Name() != s.ID()[:12] {
			t.Error(s.Name())
		}
	}
	if _, err := sandbox.New(sandbox.WithState(nil), sandbox.WithCommand("true")); !errors.Is(err, sandbox.ErrInvalidSpec) {
		t.Error(err)
	}
}
