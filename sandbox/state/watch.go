package state

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"time"
)

// watcher is a watched directory.
type watcher interface {
	Read() ([]watchChange, error)
	Close() error
}

// Watch gives what happens to the sandboxes of the store from the call on, in
// any process, by inotify. The sequence is used once. It ends with ctx, or with
// an error that the directory cannot be watched any more; other errors name
// records that cannot be trusted, and it goes on. Who leaves it early need not
// end ctx; who never begins it has to.
//
// The last sixteen events of a sandbox are kept with its record, so that who is
// slow, or loses what the kernel tells, misses only what came before those. Of a
// sandbox that was removed before it was looked at, EventDestroy may be all that
// is told, with no more than its ID. The end of what a dead process owned is told
// when it is collected.
func (s *Store) Watch(ctx context.Context) iter.Seq2[Event, error] {
	f, err := s.follow()
	if err != nil {
		return func(yield func(Event, error) bool) { yield(Event{}, fmt.Errorf("watch sandboxes: %w", err)) }
	}
	stop := context.AfterFunc(ctx, func() { _ = f.watch.Close() })
	return func(yield func(Event, error) bool) {
		defer func() {
			if stop() {
				_ = f.watch.Close()
			}
		}()
		for {
			changes, err := f.watch.Read()
			if ctx.Err() != nil {
				return
			}
			for _, c := range changes {
				if !f.tell(c, yield) {
					return
				}
			}
			if err != nil {
				yield(Event{}, fmt.Errorf("watch sandboxes: %w", err))
				return
			}
		}
	}
}

// follower knows what was told already.
type follower struct {
	store *Store
	watch watcher
	known map[string]told
}

// told is what is known of a sandbox: what its end is told with, and how many
// of its events were.
type told struct {
	last  uint64
	event Event // without kind and time
}

// follow begins with the records as they are.
func (s *Store) follow() (*follower, error) {
	dir, err := s.records.Open(".")
	if err != nil {
		return nil, err
	}
	defer dir.Close()
	w, err := watchDir(dir)
	if err != nil {
		return nil, err
	}
	f := &follower{store: s, watch: w, known: make(map[string]told)}
	// What changes from here on is looked at twice, and told once.
	if err := f.rescan(func(Event, error) bool { return true }); err != nil {
		return nil, errors.Join(err, w.Close())
	}
	return f, nil
}

var errStopped = errors.New("nobody listens any more")

// rescan looks at all records.
func (f *follower) rescan(yield func(Event, error) bool) error {
	ids, err := f.store.ids()
	if err != nil && !errors.Is(err, ErrCorrupt) {
		return err
	}
	for _, id := range ids {
		if !f.appeared(id, yield) {
			return errStopped
		}
	}
	for id := range f.known {
		if !slices.Contains(ids, id) && !f.gone(id, yield) {
			return errStopped
		}
	}
	return nil
}

// tell gives the events of one change.
func (f *follower) tell(c watchChange, yield func(Event, error) bool) bool {
	switch {
	case c.Overflow:
		err := f.rescan(yield)
		if err != nil && !errors.Is(err, errStopped) {
			yield(Event{}, fmt.Errorf("watch sandboxes: %w", err))
		}
		return err == nil
	case c.Gone:
		return f.gone(c.Name, yield)
	default:
		return f.appeared(c.Name, yield)
	}
}

func (f *follower) gone(id string, yield func(Event, error) bool) bool {
	if !isID(id) {
		return true
	}
	e := f.known[id].event // empty but for the id when it was there too shortly
	delete(f.known, id)
	e.ID, e.Kind, e.Time = id, EventDestroy, time.Now().UTC()
	return yield(e, nil)
}

func (f *follower) appeared(id string, yield func(Event, error) bool) bool {
	if !isID(id) {
		return yield(Event{}, &CorruptError{Path: recordPath(id), Err: errors.New("its name is no id")})
	}
	doc, err := f.store.read(id)
	if isNotFound(err) {
		return true // and that it is gone is about to be told
	}
	if err != nil {
		return yield(Event{}, fmt.Errorf("watch sandboxes: %w", err))
	}
	k := f.known[id]
	k.event = Event{ID: id, Name: doc.Record.Name, Image: doc.Record.Image, Labels: doc.Record.Labels}
	var news []Event
	for _, n := range doc.Last {
		if n.Sequence > k.last {
			k.last = n.Sequence
			news = append(news, n.event(k.event))
		}
	}
	f.known[id] = k
	for _, e := range news {
		if !yield(e, nil) {
			return false
		}
	}
	return true
}

// event completes a note.
func (n note) event(e Event) Event {
	e.Kind, e.Time = n.Kind, n.Time
	switch n.Kind {
	case EventDie:
		e.ExitCode = n.Code
	case EventRename:
		e.OldName = n.Text
	case EventHealth:
		e.Health = n.Text
	}
	return e
}
