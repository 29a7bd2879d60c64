package cgroup

import (
	"errors"
	"os"
	"time"

	"github.com/sandkit/sandkit/internal/sys"
)

// lookAgain is when v1 is looked at after it said that a group is out of
// memory: it says so before it kills, and does not say when it has killed.
var lookAgain = []time.Duration{time.Millisecond, 4 * time.Millisecond, 20 * time.Millisecond, 100 * time.Millisecond, time.Second}

// run is the goroutine. It ends when the notifier is closed.
func (w *watcher) run(n *sys.Notifier) {
	var deadline time.Time
	for {
		var happened []key
		err := n.Wait(deadline, func(k int, count uint64) { happened = append(happened, key{k, count}) })
		if err != nil && !errors.Is(err, os.ErrDeadlineExceeded) {
			return
		}
		var ok bool
		if deadline, ok = w.handle(n, happened, time.Now()); !ok {
			return
		}
	}
}

type key struct {
	key   int
	count uint64
}

// handle looks at the groups in which something happened or that are due. It
// gives the time when the next is due, and false when the notifier is not
// used any more.
func (w *watcher) handle(n *sys.Notifier, happened []key, now time.Time) (next time.Time, ok bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.notifier != n {
		return next, false
	}
	for _, k := range happened {
		x := w.keys[k.key]
		if x == nil || k.key < 0 && x.isGone() { // v1 writes to the eventfd also when the group goes
			continue
		}
		x.look()
		if k.key < 0 {
			x.total[nOOM] += k.count
			for s := range x.subs {
				s.notify()
			}
			x.again, x.due = lookAgain, now.Add(lookAgain[0])
		}
	}
	for _, x := range w.groups {
		if x.due.IsZero() {
			continue
		}
		if !x.due.After(now) {
			x.look()
			if x.again = x.again[1:]; len(x.again) == 0 {
				x.due = time.Time{}
				continue
			}
			x.due = now.Add(x.again[0])
		}
		if next.IsZero() || x.due.Before(next) {
			next = x.due
		}
	}
	return next, true
}

// isGone tells whether the group was removed.
func (x *watched) isGone() bool {
	_, err := os.Lstat(x.files[0].path)
	return err != nil
}
