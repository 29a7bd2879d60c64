package sandbox

import (
	"context"
	"errors"

	"github.com/sandkit/sandkit/cgroup"
)

// allEvents gives the events of the cgroup and those of sandkit's own.
func (s *Sandbox) allEvents(ctx context.Context, yield func(Event, error) bool) error {
	s.mu.Lock()
	r, early := s.running, s.early()
	s.mu.Unlock()
	if r == nil {
		return ErrNotRunning
	}
	ctx, cancel := context.WithCancel(ctx)
	l := s.notices.listen()
	defer s.notices.leave(l)
	ended := make(chan struct{})
	var err error
	go func() {
		defer close(ended)
		if r.group == nil {
			select {
			case <-s.ended:
			case <-early:
			case <-ctx.Done():
			}
			return
		}
		for e, eventErr := range r.group.room.group.Events(ctx) {
			if err = eventErr; err != nil {
				return
			}
			l.add(Event(e))
		}
	}()
	defer func() {
		cancel()
		<-ended
	}()
	for over := false; !over; {
		select {
		case <-l.wake:
		case <-ended:
			over = true
		}
		for _, e := range l.take() {
			if !yield(e, nil) {
				return nil
			}
		}
	}
	if errors.Is(err, cgroup.ErrRemoved) || s.ending(r) {
		return nil
	}
	return err
}
