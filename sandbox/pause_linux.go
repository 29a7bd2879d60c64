package sandbox

import (
	"context"
	"errors"
	"fmt"
	"sync"
)

// pauses are the reasons why a running sandbox is paused.
type pauses struct {
	mu      sync.Mutex
	asked   bool // by Pause
	commits int  // that need it
}

// Pause stops every process of the sandbox where it is, until Resume. Stop and
// Kill work on a paused sandbox, too; its timeout goes on. The error matches
// [ErrRestarting] when the program is about to be started again.
func (s *Sandbox) Pause(ctx context.Context) error {
	if s.Status().State == StateRestarting {
		return s.wrap("pause", "", "", ErrRestarting)
	}
	if err := s.inGroup("pause", func(g *group) error { return g.freeze(ctx, func(p *pauses) { p.asked = true }) }); err != nil {
		return err
	}
	return s.wrap("pause", "", "", s.notePaused(true))
}

// Resume lets a paused sandbox go on; one that is not paused does anyway. While
// Commit copies what has changed, it takes effect afterwards.
func (s *Sandbox) Resume(context.Context) error {
	if err := s.inGroup("resume", func(g *group) error { return g.unfreeze(func(p *pauses) { p.asked = false }) }); err != nil {
		return err
	}
	return s.wrap("resume", "", "", s.notePaused(false))
}

// pauseForCommit pauses what runs, and gives what lets it go on, unless
// somebody else wants it paused.
func (s *Sandbox) pauseForCommit(ctx context.Context) (resume func() error, err error) {
	err = s.inGroup("pause", func(g *group) error { return g.freeze(ctx, func(p *pauses) { p.commits++ }) })
	if errors.Is(err, ErrNotRunning) {
		select { // until nothing changes any more
		case <-s.ended:
			return func() error { return nil }, nil
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
	if err != nil {
		return nil, fmt.Errorf("%w (CommitOptions.NoPause goes without)", err)
	}
	return func() error {
		err := s.inGroup("resume", func(g *group) error { return g.unfreeze(func(p *pauses) { p.commits-- }) })
		if errors.Is(err, ErrNotRunning) {
			return nil
		}
		return err
	}, nil
}

// freeze pauses the group and notes why.
func (g *group) freeze(ctx context.Context, note func(*pauses)) error {
	g.pauses.mu.Lock()
	defer g.pauses.mu.Unlock()
	if err := g.room.group.Freeze(ctx); err != nil {
		return err
	}
	note(&g.pauses)
	return nil
}

// unfreeze lets the group go on when no reason is left.
func (g *group) unfreeze(note func(*pauses)) error {
	g.pauses.mu.Lock()
	defer g.pauses.mu.Unlock()
	note(&g.pauses)
	if g.pauses.asked || g.pauses.commits > 0 {
		return nil
	}
	return g.room.group.Thaw()
}

// paused tells whether somebody has asked for it.
func (g *group) paused() bool {
	if g == nil {
		return false
	}
	g.pauses.mu.Lock()
	defer g.pauses.mu.Unlock()
	return g.pauses.asked
}

// thaw makes sure that a paused sandbox notices signals.
func (r *running) thaw() {
	if r.group != nil {
		_ = r.group.room.group.Thaw() // not paused, or gone
	}
}
