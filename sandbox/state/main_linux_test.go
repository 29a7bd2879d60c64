package state

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
)

// helperEnv makes the test binary one of the programs below.
const helperEnv = "SANDKIT_STATE_HELPER"

func TestMain(m *testing.M) {
	if name := os.Getenv(helperEnv); name != "" {
		if err := helpers[name](context.Background(), os.Args[1:]); err != nil {
			fmt.Fprintln(os.Stderr, name+":", err)
			os.Exit(3)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

var helpers = map[string]func(ctx context.Context, args []string) error{
	"die": helperDie, "churn": helperChurn, "own": helperOwn, "inherit": helperInherit, "life": helperLife,
}

// helper is the test binary as one of the programs.
func helper(t testing.TB, name string, args ...string) *exec.Cmd {
	t.Helper()
	cmd := exec.Command(os.Args[0], args...)
	cmd.Env = append(os.Environ(), helperEnv+"="+name)
	cmd.Stderr = os.Stderr
	return cmd
}

// open opens a store for a test.
func open(t testing.TB, dir string, opts ...Option) *Store {
	t.Helper()
	s, err := Open(dir, append(opts, NoSync())...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func newStore(t testing.TB) *Store {
	t.Helper()
	return open(t, filepath.Join(t.TempDir(), "state"))
}

// create makes a record that is closed at the end of the test.
func create(t testing.TB, s *Store, r Record) *Entry {
	t.Helper()
	e, err := s.Create(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := e.Close(); err != nil {
			t.Error(err)
		}
	})
	return e
}

// set updates a status.
func set(t testing.TB, e *Entry, f func(*Status)) {
	t.Helper()
	if err := e.Update(func(st *Status) error { f(st); return nil }); err != nil {
		t.Fatal(err)
	}
}

func closed(t testing.TB, e *Entry) {
	t.Helper()
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
}

// names lists the names of sandboxes, sorted.
func names(t testing.TB, s *Store, o ListOptions) []string {
	t.Helper()
	list, err := s.List(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for _, sum := range list {
		all = append(all, sum.Record.Name)
	}
	slices.Sort(all)
	return all
}

// consistent fails unless every file of a store belongs to a record, and no
// name is held twice.
func consistent(t testing.TB, s *Store, want int) {
	t.Helper()
	list, err := s.List(t.Context(), ListOptions{All: true})
	if err != nil {
		t.Fatal(err)
	}
	held := make(map[string]string)
	for _, sum := range list {
		r := sum.Record
		if other, twice := held[r.Name]; twice {
			t.Errorf("name %s is held by %s and %s", r.Name, other, r.ID)
		}
		held[r.Name] = r.ID
		if v, err := s.Lookup(r.Name); err != nil || v.Record.ID != r.ID {
			t.Errorf("name %s: %v, %v", r.Name, v.Record.ID, err)
		}
		if _, err := os.Stat(s.data(r.ID)); err != nil {
			t.Error(err)
		}
	}
	for dir, n := range map[string]int{recordsDir: len(list), namesDir: len(list), sandboxesDir: len(list), trashDir: 0, ".": 6} {
		if got, err := s.files.list(dir); err != nil || len(got) != n {
			t.Errorf("%s has %d entries, should have %d: %v, %v", dir, len(got), n, got, err)
		}
	}
	if want >= 0 && len(list) != want {
		t.Errorf("there are %d records, should be %d", len(list), want)
	}
}
