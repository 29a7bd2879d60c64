package state

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/sandkit/sandkit/internal/testutil"
)

// running makes a record that says that this process runs.
func running(t *testing.T, s *Store, r Record) *Entry {
	t.Helper()
	e := create(t, s, r)
	set(t, e, func(st *Status) { st.State, st.PID = Running, os.Getpid() })
	return e
}

// delegate gives the record up.
func delegate(t *testing.T, e *Entry) *Delegation {
	t.Helper()
	d, err := e.Delegate()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(d.Close)
	return d
}

// finish does what the new owner does at the end.
func finish(t *testing.T, d *Delegation, token string) {
	t.Helper()
	content := strings.Replace(goodEnd, "0123456789abcdef", token, 1)
	if _, err := d.End.WriteAt([]byte(content+strings.Repeat("\n", endRoom-len(content))), 0); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(filepath.Join(d.Box.Name(), "end.new"), filepath.Join(d.Box.Name(), "end")); err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	if err := os.Chtimes(filepath.Join(d.Records.Name(), d.ID), now, now); err != nil {
		t.Fatal(err)
	}
	d.Close()
}

func TestDelegate(t *testing.T) {
	testutil.Unchanged(t)
	s := newStore(t)
	e := running(t, s, Record{Name: "one", AutoRemove: true})
	events := s.Watch(t.Context())
	d := delegate(t, e)
	if err := e.Update(func(*Status) error { return nil }); !errors.Is(err, ErrClosed) {
		t.Errorf("update: %v", err)
	}
	if v, err := s.Lookup("one"); err != nil || v.Status.State != Running || !v.Owned {
		t.Errorf("%+v, %v", v, err)
	}
	finish(t, d, d.Token)
	for ev, err := range events { // the touch wakes it up
		if err != nil || ev.Kind != EventDie || ev.ExitCode != 3 || ev.Time.Unix() != 1700000000 {
			t.Errorf("%+v, %v", ev, err)
		}
		break
	}
	if v, err := s.Lookup("one"); err != nil || v.Status.State != Exited || v.Status.ExitCode != 3 || v.Owned || v.Status.PID != 0 {
		t.Errorf("%+v, %v", v, err)
	}
	if list, err := s.List(t.Context(), ListOptions{}); err != nil || len(list) > 0 {
		t.Errorf("%+v, %v", list, err)
	}
	before, err := s.read(d.ID)
	if err != nil {
		t.Fatal(err)
	}
	// Collect writes down what all have read.
	if r, err := s.Collect(t.Context(), nil); err != nil || len(r.Exited)+len(r.Removed)+len(r.Orphans) > 0 {
		t.Errorf("%+v, %v", r, err)
	}
	after, err := s.read(d.ID)
	if err != nil || after.merged || after.Sequence != before.Sequence || len(after.Last) != len(before.Last) {
		t.Errorf("%+v, %v", after, err)
	}
	if _, err := os.Stat(filepath.Join(s.Dir(), boxPath(d.ID, endFile))); !errors.Is(err, os.ErrNotExist) {
		t.Error(err)
	}
	consistent(t, s, 1)
}

// TestDelegateLost: the new owner dies without a word.
func TestDelegateLost(t *testing.T) {
	testutil.Unchanged(t)
	s := newStore(t)
	e := create(t, s, Record{Name: "one"})
	set(t, e, func(st *Status) { st.State = Running })
	delegate(t, e).Close()
	if v, err := s.Lookup("one"); err != nil || v.Status.State != Exited || v.Status.ExitCode != exitLost {
		t.Errorf("%+v, %v", v, err)
	}
	if r, err := s.Collect(t.Context(), nil); err != nil || len(r.Exited) != 1 {
		t.Errorf("%+v, %v", r, err)
	}
}

// TestStaleEnd: only the end of this life counts, and a damaged one is told.
func TestStaleEnd(t *testing.T) {
	testutil.Unchanged(t)
	s := newStore(t)
	d := delegate(t, running(t, s, Record{Name: "one"}))
	lock := d.Lock
	d.Lock = nil
	finish(t, d, strings.Repeat("0", tokenLength))
	if v, err := s.Lookup("one"); err != nil || v.Status.State != Running {
		t.Errorf("%+v, %v", v, err)
	}
	path := filepath.Join(s.Dir(), boxPath(d.ID, endFile))
	if err := os.WriteFile(path, []byte("sandkit end 1\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Lookup("one"); !errors.Is(err, ErrCorrupt) {
		t.Errorf("damaged: %v", err)
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	e, err := s.Inherit(d.ID, lock)
	if err != nil {
		t.Fatal(err)
	}
	defer closed(t, e)
	set(t, e, func(st *Status) { st.State = Exited })
}

func TestDelegateUndo(t *testing.T) {
	testutil.Unchanged(t)
	s := newStore(t)
	d := delegate(t, running(t, s, Record{Name: "one", AutoRemove: true}))
	e, err := d.Undo()
	if err != nil {
		t.Fatal(err)
	}
	if !e.Record().AutoRemove || e.doc.Monitor != "" {
		t.Errorf("%+v", e.doc)
	}
	set(t, e, func(st *Status) { st.State = Exited })
	if err := e.Remove(t.Context()); err != nil {
		t.Error(err)
	}
	consistent(t, s, 0)
}
