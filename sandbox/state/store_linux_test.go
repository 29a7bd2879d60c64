package state

import (
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/sandkit/sandkit/internal/testutil"
)

func TestLife(t *testing.T) {
	testutil.Unchanged(t)
	s := newStore(t)
	ctx := t.Context()
	e := create(t, s, Record{Name: "/web", Command: []string{"sleep", "1"}, Spec: json.RawMessage(`{"a":1}`), Labels: map[string]string{"a": "b"}})
	id := e.ID()
	if err := os.WriteFile(filepath.Join(e.Dir(), "log"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, ref := range []string{id, "web", "/web", id[:7], ShortID(id)} {
		v, err := s.Lookup(ref)
		if err != nil || v.Record.ID != id || string(v.Record.Spec) != `{"a":1}` || !v.Owned || v.Dir != e.Dir() || v.String() != "Created" {
			t.Fatalf("%s: %+v, %v", ref, v, err)
		}
	}
	set(t, e, func(st *Status) { st.State, st.PID = Running, os.Getpid() })
	if st := e.Status(); st.PIDStart == "" || st.Started.IsZero() {
		t.Errorf("%+v", st)
	}
	if _, err := s.Adopt(ctx, "web"); !errors.Is(err, ErrOwned) {
		t.Errorf("adopt: %v", err)
	}
	if err := e.Rename(ctx, "app"); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Lookup("web"); !errors.Is(err, ErrNotFound) {
		t.Errorf("old name: %v", err)
	}
	set(t, e, func(st *Status) { st.State, st.ExitCode = Exited, 3 })
	if st := e.Status(); st.PID != 0 || st.Finished.IsZero() {
		t.Errorf("%+v", st)
	}
	closed(t, e)
	if err := e.Update(func(*Status) error { return nil }); !errors.Is(err, ErrClosed) {
		t.Errorf("update of what is closed: %v", err)
	}
	e, err := s.Adopt(ctx, "app")
	if err != nil {
		t.Fatal(err)
	}
	if r := e.Record(); string(r.Spec) != `{"a":1}` || r.Labels["a"] != "b" || e.Status().ExitCode != 3 {
		t.Errorf("adopted: %+v %+v", r, e.Status())
	}
	checkModes(t, s.Dir())
	consistent(t, s, 1)
	if err := e.Remove(ctx); err != nil {
		t.Fatal(err)
	}
	if err := e.Remove(ctx); !errors.Is(err, ErrClosed) {
		t.Errorf("removed twice: %v", err)
	}
	consistent(t, s, 0)
}

// TestRemoveLocked: directories that forbid it to their owner go as well.
func TestRemoveLocked(t *testing.T) {
	s := newStore(t)
	e := create(t, s, Record{Name: "web"})
	inner := filepath.Join(e.Dir(), "a", "b")
	if err := errors.Join(os.MkdirAll(inner, 0o700), os.WriteFile(inner+"/f", nil, 0), os.Chmod(inner, 0), os.Chmod(filepath.Dir(inner), 0o500)); err != nil {
		t.Fatal(err)
	}
	if err := e.Remove(t.Context()); err != nil {
		t.Fatal(err)
	}
	consistent(t, s, 0)
}

// TestUpdateFails: what f refuses, or the disk, changes nothing.
func TestUpdateFails(t *testing.T) {
	s := newStore(t)
	e := create(t, s, Record{Name: "web"})
	refused := errors.New("refused")
	err := e.Update(func(st *Status) error { st.State = Running; return refused })
	if !errors.Is(err, refused) || e.Status().State != Created {
		t.Errorf("refused: %v", err)
	}
	for step := range 4 { // create, write, sync, rename
		failAt(step, false, syscall.ENOSPC)(s)
		err := e.Update(func(st *Status) error { st.State = Running; return nil })
		s.files.fault = nil
		v, lookErr := s.Lookup("web")
		if !errors.Is(err, syscall.ENOSPC) || e.Status().State != Created || lookErr != nil || v.Status.State != Created {
			t.Errorf("step %d: %v, %+v, %v", step, err, v.Status, lookErr)
		}
	}
	set(t, e, func(st *Status) { st.State = Running })
}

// TestGateEnds: who waits for the gate gives up with the context.
func TestGateEnds(t *testing.T) {
	s := newStore(t)
	g, err := s.alone(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer g.Close()
	ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
	defer cancel()
	if _, err := s.Create(ctx, Record{}); !errors.Is(err, context.DeadlineExceeded) {
		t.Error(err)
	}
}

// checkModes: everything is for its owner alone.
func checkModes(t *testing.T, dir string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.Type() == fs.ModeSymlink {
			return err
		}
		info, err := d.Info()
		if err == nil && info.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s has mode %v", path, info.Mode())
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
}

func TestLookup(t *testing.T) {
	s := newStore(t)
	id := func(prefix string) string { return prefix + strings.Repeat("a", idLength-len(prefix)) }
	create(t, s, Record{ID: id("12b"), Name: "one"})
	create(t, s, Record{ID: id("12c"), Name: "12b"})
	create(t, s, Record{ID: id("3"), Name: id("12b")}) // a full id wins over a name
	for ref, want := range map[string]string{"12b": id("12c"), "12ba": id("12b"), "12c": id("12c"), "3a": id("3"), id("12b"): id("12b")} {
		if v, err := s.Lookup(ref); err != nil || v.Record.ID != want {
			t.Errorf("%s: %s, %v", ref, v.Record.ID, err)
		}
	}
	_, err := s.Lookup("12")
	if a, ok := errors.AsType[*AmbiguousError](err); !ok || !errors.Is(err, ErrAmbiguous) || len(a.IDs) != 2 || a.IDs[0] != id("12b") {
		t.Errorf("12: %v", err)
	}
	for _, ref := range []string{"", "/", ".", "..", "../x", "4", "none", id("4"), id("12b") + "a", "A", "/12"} {
		if _, err := s.Lookup(ref); !errors.Is(err, ErrNotFound) {
			t.Errorf("%q: %v", ref, err)
		}
	}
}

func TestCreateRefuses(t *testing.T) {
	s := newStore(t)
	ctx := t.Context()
	first := create(t, s, Record{Name: "web"})
	_, err := s.Create(ctx, Record{Name: "web"})
	if c, ok := errors.AsType[*NameConflictError](err); !ok || c.ID != first.ID() || !errors.Is(err, ErrNameConflict) {
		t.Errorf("name: %v", err)
	}
	if _, err := s.Create(ctx, Record{ID: first.ID()}); !errors.Is(err, ErrExists) {
		t.Errorf("id: %v", err)
	}
	second := create(t, s, Record{Name: "db"})
	if err := second.Rename(ctx, "web"); !errors.Is(err, ErrNameConflict) || second.Record().Name != "db" {
		t.Errorf("rename: %v", err)
	}
	if err := second.Rename(ctx, "db"); err != nil {
		t.Errorf("rename to itself: %v", err)
	}
	for name, r := range map[string]Record{
		"name": {Name: "x"}, "id": {ID: "12"}, "upper": {ID: strings.Repeat("A", 64)}, "policy": {Restart: Restart{Policy: "often"}},
		"retries": {Restart: Restart{Policy: "always", MaxRetries: 1}}, "negative": {Restart: Restart{Policy: "on-failure", MaxRetries: -1}},
		"both": {AutoRemove: true, Restart: Restart{Policy: "always"}}, "spec": {Spec: json.RawMessage("{")},
		"port": {Ports: []Port{{Port: 0, Protocol: "tcp"}}}, "label": {Labels: map[string]string{"": "x"}},
		"large": {Command: []string{strings.Repeat("x", longestRecord)}},
	} {
		if _, err := s.Create(ctx, r); !errors.Is(err, ErrInvalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := first.Update(func(st *Status) error { st.State = "lost"; return nil }); !errors.Is(err, ErrInvalid) || first.Status().State != Created {
		t.Errorf("state: %v", err)
	}
	consistent(t, s, 2)
}

func TestOpenRefuses(t *testing.T) {
	dir := t.TempDir()
	write := func(name, file, content string) string {
		path := filepath.Join(dir, name)
		if err := errors.Join(os.MkdirAll(path, 0o700), os.WriteFile(filepath.Join(path, file), []byte(content), 0o600)); err != nil {
			t.Fatal(err)
		}
		return path
	}
	if _, err := Open(write("foreign", "photo", "x")); !errors.Is(err, ErrNotStore) {
		t.Errorf("foreign: %v", err)
	}
	_, err := Open(write("newer", versionFile, "2\n"))
	if v, ok := errors.AsType[*VersionError](err); !ok || v.Got != "2" || !errors.Is(err, ErrVersion) {
		t.Errorf("newer: %v", err)
	}
	if _, err := Open(filepath.Join(write("file", "f", ""), "f")); !errors.Is(err, ErrNotStore) {
		t.Errorf("file: %v", err)
	}
	open := filepath.Join(dir, "open")
	if err := errors.Join(os.Mkdir(open, 0o700), os.Chmod(open, 0o777)); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(open); !errors.Is(err, fs.ErrPermission) {
		t.Errorf("writable by others: %v", err)
	}
}

func TestDefaultDir(t *testing.T) {
	dir, err := DefaultDir()
	if err != nil || !filepath.IsAbs(dir) || filepath.Base(dir) != "state" {
		t.Errorf("%s, %v", dir, err)
	}
	if !testutil.IsRoot() {
		t.Setenv("XDG_DATA_HOME", "/x")
		if dir, err := DefaultDir(); dir != "/x/sandkit/state" || err != nil {
			t.Errorf("%s, %v", dir, err)
		}
	}
}
