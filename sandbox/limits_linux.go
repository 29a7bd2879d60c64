package sandbox

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"os"
	"slices"

	"github.com/sandkit/sandkit/cgroup"
	"github.com/sandkit/sandkit/internal/launch"
	"github.com/sandkit/sandkit/internal/program"
)

// joinGroup plans that the launcher joins the groups of cgroup v1 by itself,
// before anything else; into v2 it is born. The descriptors come first.
func (b *builder) joinGroup(q *program.Sequence) {
	for i := range b.groupFiles {
		q.Stage(program.Stage(StageCgroup), "")
		q.Write(b.prog.Pass(fmt.Sprintf("cgroup%d tasks", i)), "0")
	}
}

// ownProcesses is how many processes of the group are not the program's:
// process 1.
const ownProcesses = 1

// settle limits the group that the sandbox turns out to be in. A launcher that
// forks process 1 is one process more, until the start is over.
func (b *builder) settle(ctx context.Context, r *room) error {
	own := int64(ownProcesses)
	if b.prog.Forks() {
		own++
	}
	if err := r.group.Apply(ctx, b.spec.groupLimits(b.spec.Limits, own)); err != nil {
		return &groupError{err}
	}
	b.group = &group{room: r}
	return nil
}

// tighten takes back what only the start needed.
func (b *builder) tighten(ctx context.Context) error {
	if b.group == nil || !b.prog.Forks() {
		return nil
	}
	if err := b.group.room.group.Apply(ctx, b.spec.groupLimits(b.spec.Limits, ownProcesses)); err != nil {
		return &groupError{err}
	}
	return nil
}

// protectGroup says what the group limits, once it does.
func (b *builder) protectGroup() {
	if b.group == nil {
		b.plan.Dropped = append(b.plan.Dropped, b.noGroup...)
		return
	}
	l := b.group.room.group.Limits()
	l.Pids = max(l.Pids-ownProcesses, 0)
	devices := l.Devices != nil
	for _, d := range b.group.room.group.Dropped() {
		if slices.Contains(limitFields[DropPids], d.Field) {
			l.Pids = 0
		}
		if slices.Contains(limitFields[DropDevices], d.Field) {
			devices = false
		}
		if b.spec.limited() {
			b.plan.Dropped = append(b.plan.Dropped, Dropped{droppedLimit(d.Field), d.Err})
		}
	}
	b.protect("cgroup", l.String())
	if devices {
		b.protect("devices", fmt.Sprintf("standard and %d rules", len(l.Devices)))
	}
}

// groupError is what went wrong with the sandbox's cgroup.
type groupError struct{ error }

func (e *groupError) Unwrap() error { return e.error }

// group is the cgroup of a running sandbox.
type group struct {
	room   *room
	pauses pauses
}

// stats reads them, without the processes that are not the program's.
func (g *group) stats() (cgroup.Stats, error) {
	s, err := g.room.group.Stats()
	discount(&s)
	return s, err
}

func discount(s *cgroup.Stats) {
	for _, n := range []*uint64{&s.Pids.Current, &s.Pids.Peak, &s.Pids.Limit} {
		*n -= min(*n, ownProcesses)
	}
}

// end takes the last reading and removes the group.
func (g *group) end() (cgroup.Stats, error) {
	s, err := g.room.group.Finish(context.Background())
	discount(&s)
	return s, errors.Join(err, g.discard())
}

func (g *group) discard() error {
	if g == nil {
		return nil
	}
	return g.room.Discard()
}

// inGroup calls f for the group of the running sandbox.
func (s *Sandbox) inGroup(op string, f func(*group) error) error {
	s.mu.Lock()
	r := s.running
	s.mu.Unlock()
	if r == nil {
		return s.wrap(op, "", "", ErrNotRunning)
	}
	if r.group == nil {
		return s.wrap(op, StageCgroup, "", &NotSupportedError{
			Feature: "cgroups for this program", Hint: "run as root, or in a delegated group of cgroup v2",
		})
	}
	err := f(r.group)
	if errors.Is(err, cgroup.ErrRemoved) || err != nil && s.ending(r) {
		err = ErrNotRunning
	}
	return s.wrap(op, StageCgroup, "", err)
}

// ending tells whether the sandbox was killed or its program has ended, so that
// its cgroup may be gone at any moment.
func (s *Sandbox) ending(r *running) bool {
	s.mu.Lock()
	killed := s.closing || s.reason != "" && s.reason != ReasonStopped
	s.mu.Unlock()
	return killed || errors.Is(r.process.Signal(0), os.ErrProcessDone)
}

// Update replaces the limits of the running sandbox: those that l has not are
// lifted, but Pids of 0 is [DefaultPids], and Devices of nil is what it is in
// [Spec]. On error the limits are as before.
func (s *Sandbox) Update(ctx context.Context, l cgroup.Limits) error {
	if err := invalid(prefixed("Update", checkLimits(l))); err != nil {
		return s.wrap("update", "", "", err)
	}
	return s.inGroup("update", func(g *group) error {
		return g.room.group.Apply(ctx, s.spec.groupLimits(l, ownProcesses))
	})
}

// Stats reads what the sandbox has used so far; after its end, all that it has
// used. Its own process 1 counts for memory and CPU time, not for Pids. A
// sandbox without limits has Pids only where controllers are v1, and the CPU
// time of the main process at the end: each controller would cost a start some
// 0.1 ms more.
func (s *Sandbox) Stats(context.Context) (cgroup.Stats, error) {
	s.mu.Lock()
	result := s.result
	s.mu.Unlock()
	if result != nil {
		return result.Stats, nil
	}
	var stats cgroup.Stats
	err := s.inGroup("stats", func(g *group) (err error) {
		stats, err = g.stats()
		return err
	})
	return stats, err
}

// Events tells what happens to the running sandbox, until its end or that of
// ctx. Many events of a kind that come faster than the loop runs are one, with
// their count. With a restart policy or a health check it also tells what sandkit
// itself does and finds. An error is the last thing that is yielded.
func (s *Sandbox) Events(ctx context.Context) iter.Seq2[Event, error] {
	return func(yield func(Event, error) bool) {
		if s.tells() {
			if err := s.allEvents(ctx, yield); err != nil {
				yield(Event{}, s.wrap("events", StageCgroup, "", err))
			}
			return
		}
		err := s.inGroup("events", func(g *group) error {
			for e, err := range g.room.group.Events(ctx) {
				if err != nil {
					return err
				}
				if !yield(Event(e), nil) {
					return nil
				}
			}
			return nil
		})
		if err != nil {
			yield(Event{}, err)
		}
	}
}

// dropLimits lets go of all limits, for a host that gives this program no
// cgroups, if all of them are best effort.
func (b *builder) dropLimits(reason error) bool {
	if b.spec.CgroupParent != "" {
		return false
	}
	var dropped []Dropped
	for _, d := range b.spec.asksFor() {
		if !b.spec.mayDrop(d) {
			return false
		}
		dropped = append(dropped, Dropped{d, reason})
	}
	b.noGroup = dropped
	return true
}

// useRooms has the sandbox started in a cgroup.
func (s *Sandbox) useRooms(ctx context.Context, b *builder) (*launch.Rooms, error) {
	kind := newRoomKind(b.spec)
	if s.detach { // what the hand-over needs is there from the beginning: to join it takes some ms
		kind.later = slices.DeleteFunc(kind.later, func(c cgroup.Controller) bool { return c == cgroup.Core })
	}
	rooms, err := kind.rooms(ctx)
	if errors.Is(err, ErrNotSupported) && b.dropLimits(err) {
		return nil, nil
	}
	if rooms == nil || err != nil {
		return nil, err
	}
	rooms.Settle = func(r launch.Room) error {
		own, ok := r.(*room)
		if !ok {
			return fmt.Errorf("BUG: settled in a %T", r)
		}
		return b.settle(ctx, own)
	}
	b.groupFiles = rooms.Files
	return rooms, nil
}
