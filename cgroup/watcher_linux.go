package cgroup

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"syscall"
	"time"

	"github.com/sandkit/sandkit/internal/sys"
	"github.com/sandkit/sandkit/internal/undo"
)

// Events tells what happens in the group from its creation on, as long as the
// loop runs, ctx lasts and the group is there. The kernel wakes one goroutine
// for all groups of a Host; nothing is polled. Events of one kind that come
// faster than the loop runs are counted together, so none is lost and nothing
// waits for the loop. An error is the last thing that it yields.
func (g *Group) Events(ctx context.Context) iter.Seq2[Event, error] {
	return func(yield func(Event, error) bool) {
		s, err := g.host.watcher.subscribe(g)
		if err != nil {
			yield(Event{}, fmt.Errorf("watch cgroup %s: %w", g.name, err))
			return
		}
		defer g.host.watcher.unsubscribe(s)
		for {
			events, open := g.host.watcher.next(s)
			for _, e := range events {
				if !yield(e, nil) {
					return
				}
			}
			if len(events) > 0 {
				continue
			}
			if !open {
				return
			}
			select {
			case <-ctx.Done():
				return
			case <-s.wake:
			}
		}
	}
}

// kinds are in the order in which they are told.
var kinds = [...]EventKind{OOM, OOMKill, MemoryLimit, PidsLimit, Populated, Empty}

const (
	nOOM = iota
	nOOMKill
	nMemoryLimit
	nPidsLimit
	nPopulated
	nEmpty
)

// counts is how often each kind happened.
type counts [len(kinds)]uint64

// watcher looks after all groups of a host. The zero value is ready.
type watcher struct {
	mu       sync.Mutex
	notifier *sys.Notifier // nil while there is no group
	groups   map[*Group]*watched
	keys     map[int]*watched
}

// watched is a group that somebody wants to hear of.
type watched struct {
	files     []watchedFile
	keys      []int
	oom       *sys.FD // v1
	total     counts
	populated bool
	again     []time.Duration // v1: when to look once more
	due       time.Time
	subs      map[*subscription]bool
}

type watchedFile struct {
	path string
	read func(b []byte, w *watched)
}

// subscription is one loop over Events.
type subscription struct {
	group *Group
	at    *watched // nil when the group is gone
	seen  counts
	last  counts // the totals when the group went
	wake  chan struct{}
}

// look reads the files of a group now, if it is watched.
func (w *watcher) look(g *Group) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if x := w.groups[g]; x != nil {
		x.look()
	}
}

// look reads the files and wakes who waits for what they say.
func (x *watched) look() {
	before := x.total
	for _, f := range x.files {
		if b, err := os.ReadFile(f.path); err == nil { // otherwise the group is gone
			f.read(b, x)
		}
	}
	if x.total == before {
		return
	}
	for s := range x.subs {
		s.notify()
	}
}

func (s *subscription) notify() {
	select {
	case s.wake <- struct{}{}:
	default: // it is awake already
	}
}

// next gives what a subscription has not heard of, and whether more can come.
func (w *watcher) next(s *subscription) (events []Event, open bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	total := s.last
	if s.at != nil {
		total = s.at.total
	}
	order := [len(kinds)]int{nOOM, nOOMKill, nMemoryLimit, nPidsLimit, nPopulated, nEmpty}
	if total[nPopulated] > total[nEmpty] { // what holds now comes last
		order[nPopulated], order[nEmpty] = nEmpty, nPopulated
	}
	for _, i := range order {
		if n := total[i] - s.seen[i]; n != 0 {
			events = append(events, Event{kinds[i], n})
		}
	}
	s.seen = total
	return events, s.at != nil
}

func (w *watcher) subscribe(g *Group) (*subscription, error) {
	g.mu.Lock() // so that it is not removed meanwhile
	defer g.mu.Unlock()
	if g.removed {
		return nil, ErrRemoved
	}
	// It tells who comes and goes, where the host has it.
	if err := g.join(Core); err != nil && !errors.Is(err, ErrNotSupported) {
		return nil, err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	x := w.groups[g]
	if x == nil {
		var err error
		if x, err = w.watch(g); err != nil {
			return nil, errors.Join(err, w.stop(nil))
		}
		x.look()
	}
	s := &subscription{group: g, at: x, wake: make(chan struct{}, 1)}
	x.subs[s] = true
	return s, nil
}

func (w *watcher) unsubscribe(s *subscription) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if s.at == nil {
		return
	}
	delete(s.at.subs, s)
	if len(s.at.subs) == 0 {
		delete(w.groups, s.group)
		_ = w.stop(s.at) // nobody is left to tell
	}
}

// forget ends all loops over a group's events.
func (w *watcher) forget(g *Group) {
	w.mu.Lock()
	defer w.mu.Unlock()
	x := w.groups[g]
	if x == nil {
		return
	}
	for s := range x.subs {
		s.last, s.at = x.total, nil
		s.notify()
	}
	delete(w.groups, g)
	_ = w.stop(x) // nobody is left to tell
}

// watch starts watching a group, for which the first starts the goroutine.
func (w *watcher) watch(g *Group) (*watched, error) {
	if w.notifier == nil {
		n, err := sys.NewNotifier()
		if err != nil {
			return nil, err
		}
		w.notifier, w.groups, w.keys = n, make(map[*Group]*watched), make(map[int]*watched)
		go w.run(n)
	}
	x := &watched{subs: make(map[*subscription]bool)}
	if err := w.watchFiles(g, x); err != nil {
		return nil, errors.Join(err, w.stop(x))
	}
	w.groups[g] = x
	return x, nil
}

func (w *watcher) watchFiles(g *Group, x *watched) error {
	for _, f := range []struct {
		controller Controller
		version    int
		name       string
		read       func([]byte, *watched)
	}{
		{Memory, 2, "memory.events", readMemoryEvents},
		{Memory, 1, "memory.oom_control", readMemoryEvents},
		{Pids, 0, "pids.events", readPidsEvents},
		{Core, 2, "cgroup.events", readGroupEvents},
	} {
		p, ok := g.of(f.controller)
		if !ok || f.version != 0 && f.version != p.at.version {
			continue
		}
		path := filepath.Join(p.dir, f.name)
		var key int
		var err error
		if f.name == "memory.oom_control" {
			key, err = w.watchOOM(x, p.dir)
		} else {
			key, err = w.notifier.WatchFile(path)
		}
		if errors.Is(err, os.ErrNotExist) {
			continue // this kernel has it not
		}
		if err != nil {
			return err
		}
		x.files = append(x.files, watchedFile{path, f.read})
		x.keys = append(x.keys, key)
		w.keys[key] = x
	}
	return nil
}

// watchOOM asks v1 to write to an eventfd when the group is out of memory.
func (w *watcher) watchOOM(x *watched, dir string) (key int, err error) {
	control, err := retry(func() (int, error) {
		return syscall.Open(filepath.Join(dir, "memory.oom_control"), syscall.O_RDONLY|syscall.O_CLOEXEC, 0)
	})
	if err != nil {
		return 0, &os.PathError{Op: "open", Path: dir + "/memory.oom_control", Err: err}
	}
	file := sys.NewFD(control)
	defer file.Close()
	fd, key, err := w.notifier.EventFD()
	if err != nil {
		return 0, err
	}
	x.oom = fd
	var plain files // a limit does not depend on it, so that tests need not break it
	return key, plain.write(filepath.Join(dir, "cgroup.event_control"), strconv.Itoa(fd.Int())+" "+strconv.Itoa(control))
}

// stop gives back what a group took; the last one ends the goroutine.
func (w *watcher) stop(x *watched) error {
	var errs undo.Errors
	if x != nil {
		for _, key := range x.keys {
			delete(w.keys, key)
			if key > 0 {
				w.notifier.UnwatchFile(key)
			}
		}
		errs.Add(w.notifier.CloseEventFD(x.oom))
		x.oom = nil
	}
	if len(w.groups) == 0 && w.notifier != nil {
		errs.Add(w.notifier.Close())
		w.notifier = nil
	}
	return errs.Err()
}

func readMemoryEvents(b []byte, x *watched) {
	for len(b) > 0 {
		var line []byte
		line, b = firstLine(b)
		key, value := firstField(line)
		switch string(key) {
		case "oom":
			x.total[nOOM] = parseNumber(value)
		case "oom_kill":
			x.total[nOOMKill] = parseNumber(value)
		case "max":
			x.total[nMemoryLimit] = parseNumber(value)
		}
	}
}

func readPidsEvents(b []byte, x *watched) {
	var s Stats
	parsePidsEvents(b, &s)
	x.total[nPidsLimit] = s.Pids.LimitHits
}

func readGroupEvents(b []byte, x *watched) {
	for len(b) > 0 {
		var line []byte
		line, b = firstLine(b)
		key, value := firstField(line)
		if now := parseNumber(value) == 1; string(key) == "populated" && now != x.populated {
			x.populated = now
			if now {
				x.total[nPopulated]++
			} else {
				x.total[nEmpty]++
			}
		}
	}
}
