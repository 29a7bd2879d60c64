package state

import (
	"slices"
	"time"
)

// EventKind says what happened.
type EventKind string

// The kinds of events, with Docker's names.
const (
	EventCreate  EventKind = "create"
	EventStart   EventKind = "start"
	EventOOM     EventKind = "oom"
	EventDie     EventKind = "die"
	EventPause   EventKind = "pause"
	EventUnpause EventKind = "unpause"
	EventHealth  EventKind = "health_status"
	EventRename  EventKind = "rename"
	EventDestroy EventKind = "destroy"
)

// Event is something that happened to a sandbox.
type Event struct {
	Kind     EventKind
	Time     time.Time
	ID       string
	Name     string            // after the event
	OldName  string            // before a rename
	Image    string            //
	Labels   map[string]string //
	ExitCode int               // of EventDie
	Health   string            // of EventHealth
}

// note is an event as it is kept in a document.
type note struct {
	Sequence uint64    `json:"n"` // counts the sandbox's events
	Kind     EventKind `json:"kind"`
	Time     time.Time `json:"time"`
	Code     int       `json:"code,omitempty"`
	Text     string    `json:"text,omitempty"` // the health, or the old name
}

// keptNotes is how many events a document holds. Who watches and is slower
// than that many events of one sandbox misses the first of them.
const keptNotes = 16

// notes gives the last events of a sandbox, of which those that tell the
// difference between two documents are the end.
func (d *document) notes(next *document, now time.Time) []note {
	all := slices.Clone(d.Last)
	var count uint64
	if len(all) > 0 {
		count = all[len(all)-1].Sequence
	}
	for _, n := range differences(d, next) {
		count++
		n.Sequence, n.Time = count, now
		all = append(all, n)
	}
	return all[max(0, len(all)-keptNotes):]
}

// differences tells two versions of a document apart.
func differences(before, after *document) []note {
	var all []note
	add := func(kind EventKind, code int, text string) {
		all = append(all, note{Kind: kind, Code: code, Text: text})
	}
	old, now := &before.Status, &after.Status
	if before.Record.ID == "" {
		add(EventCreate, 0, "")
	} else if before.Record.Name != after.Record.Name {
		add(EventRename, 0, before.Record.Name)
	}
	again := !now.Started.IsZero() && !now.Started.Equal(old.Started)
	started := now.State.Runs() && !old.State.Runs() || again
	ended := old.State.Runs() && (!now.State.Runs() || again)
	die := func() {
		if now.OOMKilled && !old.OOMKilled {
			add(EventOOM, 0, "")
		}
		add(EventDie, now.ExitCode, "")
	}
	if ended {
		die()
	}
	if started {
		add(EventStart, 0, "")
	}
	switch {
	case started && !now.State.Runs(): // all of it between two versions
		die()
	case now.State == Paused && (old.State != Paused || started):
		add(EventPause, 0, "")
	case now.State == Running && old.State == Paused && !started:
		add(EventUnpause, 0, "")
	}
	if now.Health != "" && now.Health != old.Health {
		add(EventHealth, 0, now.Health)
	}
	return all
}
