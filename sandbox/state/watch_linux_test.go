package state

import (
	"context"
	"errors"
	"os"
	"strings"
	"testing"

	"github.com/sandkit/sandkit/internal/testutil"
)

// TestWatch: all that another process does is told, in order, once.
func TestWatch(t *testing.T) {
	testutil.Unchanged(t)
	s := newStore(t)
	before := create(t, s, Record{Name: "before"})
	events := s.Watch(t.Context())
	cmd := helper(t, "life", s.Dir())
	in, err := cmd.StdinPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for e, err := range events {
		if err != nil {
			t.Fatal(err)
		}
		if e.ID == before.ID() || e.Image != "busybox" || e.Labels["a"] != "b" || e.Time.IsZero() {
			t.Errorf("%+v", e)
		}
		text := string(e.Kind)
		switch e.Kind {
		case EventHealth:
			text += ":" + e.Health
		case EventDie:
			if e.ExitCode != 9 {
				t.Errorf("%+v", e)
			}
		case EventRename:
			if e.OldName != "life" || e.Name != "death" {
				t.Errorf("%+v", e)
			}
			if err := in.Close(); err != nil {
				t.Error(err)
			}
		}
		if got = append(got, text); e.Kind == EventDestroy {
			break
		}
	}
	const want = "create start health_status:starting pause unpause health_status:healthy oom die rename destroy"
	if strings.Join(got, " ") != want {
		t.Errorf("%v, should be %s", got, want)
	}
	if err := cmd.Wait(); err != nil {
		t.Error(err)
	}
}

// TestWatchEnds: a watch ends with its context, begun or not.
func TestWatchEnds(t *testing.T) {
	testutil.Unchanged(t)
	s := newStore(t)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	_ = s.Watch(ctx)
	events := s.Watch(ctx)
	e := create(t, s, Record{Name: "web"})
	for got, err := range events {
		if err != nil || got.ID != e.ID() || got.Kind != EventCreate {
			t.Errorf("%+v, %v", got, err)
		}
		cancel()
	}
}

// TestWatchErrors: what cannot be read is told, and the watch goes on.
func TestWatchErrors(t *testing.T) {
	testutil.Unchanged(t)
	s := newStore(t)
	events := s.Watch(t.Context())
	if err := os.WriteFile(s.Dir()+"/"+recordPath(NewID()), []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	create(t, s, Record{Name: "web"})
	damaged := false
	for e, err := range events {
		if err == nil && e.Kind == EventCreate && e.Name == "web" {
			break
		}
		if damaged = true; !errors.Is(err, ErrCorrupt) {
			t.Errorf("%+v, %v", e, err)
		}
	}
	if !damaged {
		t.Error("the damaged record was not told")
	}
}

// TestWatchOverflow: when the kernel drops what it had to tell, everything is
// looked at.
func TestWatchOverflow(t *testing.T) {
	s := newStore(t)
	gone := create(t, s, Record{Name: "gone"})
	f, err := s.follow()
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.watch.Close() }()
	if err := gone.Remove(t.Context()); err != nil {
		t.Fatal(err)
	}
	e := create(t, s, Record{Name: "web"})
	set(t, e, func(st *Status) { st.State = Running })
	var got []string
	tell := func(limit int) bool {
		return f.tell(watchChange{Overflow: true}, func(e Event, err error) bool {
			if err != nil {
				t.Error(err)
			}
			got = append(got, string(e.Kind)+" "+e.Name)
			return len(got) != limit
		})
	}
	if tell(1) || !tell(-1) || !tell(-1) {
		t.Error("it ended at the wrong time")
	}
	if text := strings.Join(got, ", "); text != "create web, destroy gone" && text != "create web, start web, destroy gone" {
		t.Error(text)
	}
}

// TestDifferences: what happened between two versions.
func TestDifferences(t *testing.T) {
	rec := Record{ID: "x", Name: "a"}
	began := tableOf(testTime)[0].Status.Started
	for _, c := range []struct {
		before, after Status
		want          string
	}{
		{Status{State: Created}, Status{State: Created, ExitCode: 127}, ""},
		{Status{State: Created}, Status{State: Running, Started: began}, "start"},
		{Status{State: Created}, Status{State: Exited, Started: began, Finished: began}, "start die"},
		{Status{State: Running, Started: began}, Status{State: Running, Started: testTime}, "die start"},
		{Status{State: Running, Started: began}, Status{State: Restarting, Started: began}, "die"},
		{Status{State: Restarting, Started: began}, Status{State: Running, Started: testTime}, "start"},
		{Status{State: Restarting, Started: began}, Status{State: Exited, Started: began}, ""},
		{Status{State: Paused, Started: began}, Status{State: Exited, Started: began, OOMKilled: true}, "oom die"},
		{Status{State: Created}, Status{State: Paused, Started: began}, "start pause"},
		{Status{State: Exited, Started: began}, Status{State: Removing, Started: began}, ""},
	} {
		var got []string
		for _, n := range differences(&document{Record: rec, Status: c.before}, &document{Record: rec, Status: c.after}) {
			got = append(got, string(n.Kind))
		}
		if strings.Join(got, " ") != c.want {
			t.Errorf("%+v to %+v: %v, should be %s", c.before, c.after, got, c.want)
		}
	}
}
