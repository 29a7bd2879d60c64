package sandbox

import (
	"slices"
	"sync"
)

// notices are the events that sandkit itself makes, for who listens. The zero
// value is nobody.
type notices struct {
	mu        sync.Mutex
	listeners []*listener
}

// listener is somebody who is told. Events of a kind that he has not taken yet
// are one.
type listener struct {
	mu      sync.Mutex
	waiting []Event
	wake    chan struct{} // holds a token when there are some
}

// maxWaiting bounds the events that a listener has not taken; the kinds are fewer.
const maxWaiting = 64

// listen begins to keep events for a listener.
func (n *notices) listen() *listener {
	l := &listener{wake: make(chan struct{}, 1)}
	n.mu.Lock()
	defer n.mu.Unlock()
	n.listeners = append(n.listeners, l)
	return l
}

// leave ends listen.
func (n *notices) leave(l *listener) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.listeners = slices.DeleteFunc(n.listeners, func(x *listener) bool { return x == l })
}

// tell gives everybody an event.
func (n *notices) tell(kind EventKind) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, l := range n.listeners {
		l.add(Event{Kind: kind, Count: 1})
	}
}

// add keeps an event. The order of those that differ stays.
func (l *listener) add(e Event) {
	l.mu.Lock()
	defer l.mu.Unlock()
	last := len(l.waiting) - 1
	for len(l.waiting) > maxWaiting && l.waiting[last].Kind != e.Kind && last > 0 {
		last-- // of so many, each kind is among them
	}
	if last >= 0 && l.waiting[last].Kind == e.Kind {
		l.waiting[last].Count += e.Count
	} else {
		l.waiting = append(l.waiting, e)
	}
	select {
	case l.wake <- struct{}{}:
	default:
	}
}

// take gives what has come.
func (l *listener) take() []Event {
	l.mu.Lock()
	defer l.mu.Unlock()
	all := l.waiting
	l.waiting = nil
	return all
}
