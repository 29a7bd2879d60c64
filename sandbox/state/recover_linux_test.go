package state

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

var testTime = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

// TestRecover: after the machine was restarted, nothing runs that was running,
// and what is to be started is given, oldest first.
func TestRecover(t *testing.T) {
	s := newStore(t)
	add := func(name, policy string, states ...State) *Entry {
		t.Helper()
		e := create(t, s, Record{Name: name, Restart: Restart{Policy: policy}, Created: testTime.Add(time.Duration(len(name)) * time.Hour)})
		for _, st := range states {
			set(t, e, func(now *Status) { now.State = st })
		}
		return e
	}
	stopped := func(e *Entry) *Entry {
		t.Helper()
		set(t, e, func(now *Status) { now.ManuallyStopped = true })
		return e
	}
	for _, e := range []*Entry{
		add("always-running", RestartAlways, Running),
		stopped(add("always-stopped", RestartAlways, Running, Exited)),
		add("always-created", RestartAlways),
		add("unless", RestartUnlessStopped, Running, Paused),
		add("unless-waiting", RestartUnlessStopped, Running, Restarting),
		stopped(add("unless-stopped", RestartUnlessStopped, Running, Exited)),
		add("on-failure", RestartOnFailure, Running),
		add("no", RestartNo, Running),
	} {
		closed(t, e)
	}
	owned := add("always-owned", RestartAlways, Running, Exited)
	after := open(t, s.Dir())
	after.boot = "another"
	again, err := after.Recover(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, sum := range again {
		got = append(got, sum.Record.Name)
	}
	slices.Sort(got[1:])
	if strings.Join(got, " ") != "unless always-running always-stopped unless-waiting" {
		t.Errorf("%v", got)
	}
	for name, want := range map[string]string{"no": "137 " + lostReboot, "unless-waiting": "0 " + lostReboot, "always-stopped": "0 "} {
		v, err := after.Lookup(name)
		if got := strconv.Itoa(v.Status.ExitCode) + " " + v.Status.Error; err != nil || v.Status.State != Exited || got != want {
			t.Errorf("%s: %+v, %v", name, v.Status, err)
		}
	}
	closed(t, owned)
	consistent(t, s, 9)
}

// TestReboot: a record of an earlier boot is not believed even while somebody
// owns it.
func TestReboot(t *testing.T) {
	s := newStore(t)
	e := create(t, s, Record{Name: "web"})
	set(t, e, func(st *Status) { st.State, st.PID = Running, os.Getpid() })
	s.boot = "another"
	if v, err := s.Lookup("web"); err != nil || v.Status.State != Exited || v.Status.Error != lostReboot || !v.Owned {
		t.Errorf("%+v, %v", v, err)
	}
}

// TestOrphan: what lives on without an owner is no dead sandbox, but a process
// that got its number is.
func TestOrphan(t *testing.T) {
	s := newStore(t)
	e := create(t, s, Record{Name: "web"})
	set(t, e, func(st *Status) { st.State, st.PID = Running, os.Getpid() })
	id := e.ID()
	closed(t, e)
	if r, err := s.Collect(t.Context(), nil); err != nil || !slices.Equal(r.Orphans, []string{id}) || len(r.Exited) > 0 {
		t.Fatalf("%+v, %v", r, err)
	}
	if v, err := s.Lookup(id); err != nil || v.Status.State != Running || v.Owned {
		t.Errorf("%+v, %v", v, err)
	}
	e, err := s.Adopt(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	set(t, e, func(st *Status) { st.PIDStart = identity(s.boot, 1) })
	closed(t, e)
	if v, err := s.Lookup(id); err != nil || v.Status.State != Exited {
		t.Errorf("%+v, %v", v, err)
	}
	if r, err := s.Collect(t.Context(), nil); err != nil || !slices.Equal(r.Exited, []string{id}) {
		t.Errorf("%+v, %v", r, err)
	}
	if r, err := s.Collect(t.Context(), nil); err != nil || len(r.Exited) > 0 {
		t.Errorf("again: %+v, %v", r, err)
	}
}

// TestGiven: a creator that lets go on purpose leaves a sandbox that somebody
// else will start.
func TestGiven(t *testing.T) {
	s := newStore(t)
	given := create(t, s, Record{Name: "given", AutoRemove: true})
	dead := create(t, s, Record{Name: "dead", AutoRemove: true})
	closed(t, given)
	if err := dead.giveUp(); err != nil { // as the kernel does when a process dies
		t.Fatal(err)
	}
	r, err := s.Collect(t.Context(), nil)
	if err != nil || !slices.Equal(r.Removed, []string{dead.ID()}) {
		t.Errorf("%+v, %v", r, err)
	}
	consistent(t, s, 1)
}

// TestDamagedBox: a record without its lock, or with another spec than JSON, is
// not adopted, and can be discarded.
func TestDamagedBox(t *testing.T) {
	s := newStore(t)
	for name, harm := range map[string]func(dir string) error{
		"lock gone": func(dir string) error { return os.Remove(dir + "/" + ownerFile) },
		"lock directory": func(dir string) error {
			return errors.Join(os.Remove(dir+"/"+ownerFile), os.Mkdir(dir+"/"+ownerFile, 0o700))
		},
		"lock link": func(dir string) error {
			return errors.Join(os.Remove(dir+"/"+ownerFile), os.Symlink("/x", dir+"/"+ownerFile))
		},
		"all gone": os.RemoveAll,
		"spec":     func(dir string) error { return os.WriteFile(dir+"/"+specFile, []byte("{"), 0o600) },
	} {
		e := create(t, s, Record{Name: "web", Spec: []byte("{}")})
		closed(t, e)
		if err := harm(filepath.Dir(e.Dir())); err != nil {
			t.Fatal(err)
		}
		if _, err := s.Adopt(t.Context(), "web"); !errors.Is(err, ErrCorrupt) {
			t.Errorf("%s: adopt: %v", name, err)
		}
		if err := s.Discard(t.Context(), e.ID()); err != nil {
			t.Errorf("%s: discard: %v", name, err)
		}
		if _, err := s.Collect(t.Context(), nil); err != nil {
			t.Errorf("%s: collect: %v", name, err)
		}
		consistent(t, s, 0)
	}
}

// TestLeftovers: what a dead creator left is in nobody's way.
func TestLeftovers(t *testing.T) {
	s := newStore(t)
	id := NewID()
	err := errors.Join(os.Mkdir(filepath.Join(s.Dir(), boxPath(id, "")), 0o700), os.Symlink(NewID(), filepath.Join(s.Dir(), namePath("web"))))
	if err != nil {
		t.Fatal(err)
	}
	e := create(t, s, Record{ID: id, Name: "web"})
	err = os.Symlink(id, filepath.Join(s.Dir(), namePath("app"))) // a rename that was not finished
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Lookup("app"); !errors.Is(err, ErrNotFound) {
		t.Errorf("a name that does not count: %v", err)
	}
	if err := e.Rename(t.Context(), "app"); err != nil {
		t.Error(err)
	}
	if r, err := s.Collect(t.Context(), nil); err != nil || len(r.Names)+r.Partial > 0 {
		t.Errorf("%+v, %v", r, err)
	}
	consistent(t, s, 1)
}

// TestDamage: files that are not what they should be are named, and the others
// are as good as ever.
func TestDamage(t *testing.T) {
	s := newStore(t)
	ctx := t.Context()
	create(t, s, Record{Name: "good"})
	var bad []*Entry
	for name, content := range map[string]string{"empty": "", "half": `{"record":{"id":"`, "other": "", "huge": strings.Repeat(" ", longestRecord+1)} {
		e := create(t, s, Record{Name: name})
		path := filepath.Join(s.Dir(), recordPath(e.ID()))
		if name == "other" {
			b := must(os.ReadFile(path))(t)
			content = strings.Replace(string(b), e.ID(), NewID(), 1)
		}
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		bad = append(bad, e)
	}
	link := NewID()
	for path, make := range map[string]func(string) error{
		recordPath("foreign"):  func(p string) error { return os.WriteFile(p, nil, 0o600) },
		recordPath(link):       func(p string) error { return os.Symlink("/etc/passwd", p) },
		recordPath(NewID()):    func(p string) error { return os.Mkdir(p, 0o700) },
		boxPath("foreign", ""): func(p string) error { return os.Mkdir(p, 0o700) },
		namePath("foreign"):    func(p string) error { return os.Symlink("/etc/passwd", p) },
		namePath("file"):       func(p string) error { return os.WriteFile(p, nil, 0o600) },
	} {
		if err := make(filepath.Join(s.Dir(), path)); err != nil {
			t.Fatal(err)
		}
	}
	list, err := s.List(ctx, ListOptions{All: true})
	if !errors.Is(err, ErrCorrupt) || len(list) != 1 || list[0].Record.Name != "good" {
		t.Errorf("%v, %v", list, err)
	}
	r, err := s.Collect(ctx, nil)
	if !errors.Is(err, ErrCorrupt) || len(r.Names)+len(r.Removed)+r.Partial > 0 {
		t.Errorf("%+v, %v", r, err)
	}
	for _, name := range []string{"foreign", "file", "empty", link} {
		if _, err := s.Lookup(name); !errors.Is(err, ErrCorrupt) {
			t.Errorf("%s: %v", name, err)
		}
		if name == link {
			continue // a name that looks like an id is a name
		}
		if _, err := s.Create(ctx, Record{Name: name}); !errors.Is(err, ErrCorrupt) && !errors.Is(err, ErrNameConflict) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, e := range bad {
		if err := s.Discard(ctx, e.ID()); !errors.Is(err, ErrOwned) {
			t.Errorf("discard: %v", err)
		}
		closed(t, e)
		if err := s.Discard(ctx, e.ID()); err != nil {
			t.Error(err)
		}
	}
	good, err := s.Lookup("good")
	if err != nil || !errors.Is(s.Discard(ctx, good.Record.ID), ErrInvalid) {
		t.Errorf("good: %v", err)
	}
	if err := s.Discard(ctx, NewID()); !errors.Is(err, ErrNotFound) {
		t.Error(err)
	}
}
