package sandbox

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"syscall"
	"time"

	"github.com/sandkit/sandkit/internal/undo"
)

// pending is a start that waits until the sandbox is ready.
type pending struct {
	log   *watchedLog // nil: the output is not looked at
	waits []*logWait  // of the conditions for the output, in order

	ended chan struct{} // closed when the sandbox has ended meanwhile
	// These are set before.
	res   *Result
	err   error
	usage *syscall.Rusage
}

// newPending is nil when there is nothing to wait for.
func (s *Sandbox) newPending() *pending {
	if len(s.conditions) == 0 {
		return nil
	}
	p := &pending{ended: make(chan struct{}), log: watchLog(s.conditions, s.logFunc != nil || s.spec.Logs.Driver != "")}
	if p.log != nil {
		p.waits = slices.Clone(p.log.waits)
	}
	return p
}

// over takes down how the sandbox ended. Sandbox.mu is held.
func (s *Sandbox) over(res *Result, err error, usage *syscall.Rusage) {
	s.running, s.usage = nil, usage
	s.ends(res)
	if p := s.pending; p != nil { // whether it has ever been started is not decided yet
		s.state = stateStarting
		p.res, p.err, p.usage = res, err, usage
		close(p.ended)
		return
	}
	s.state, s.result, s.err = stateEnded, res, err
	close(s.ended)
}

// early is closed when the sandbox ends before it is ready; nil when it has been.
// Sandbox.mu is held.
func (s *Sandbox) early() <-chan struct{} {
	if s.pending == nil {
		return nil
	}
	return s.pending.ended
}

// becomeReady waits until the sandbox is, or undoes its start.
func (s *Sandbox) becomeReady(ctx context.Context, r *running) error {
	s.mu.Lock()
	p := s.pending
	s.mu.Unlock()
	if p == nil {
		return nil
	}
	within, cancel := context.WithCancel(ctx)
	defer cancel()
	if s.readyTimeout > 0 {
		within, cancel = context.WithTimeout(ctx, s.readyTimeout)
		defer cancel()
	}
	go func() {
		select {
		case <-p.ended:
			cancel()
		case <-within.Done():
		}
	}()
	what, err := s.awaitConditions(within, p)
	if err == nil {
		p.log.end()
		s.isReady(p)
		return nil
	}
	return s.notReady(ctx, r, p, what, err)
}

// isReady ends the start. The program may have ended in the meantime.
func (s *Sandbox) isReady(p *pending) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.pending = nil
	if s.running == nil {
		s.state, s.result, s.err = stateEnded, p.res, p.err
		close(s.ended)
	}
}

// notReady undoes the start.
func (s *Sandbox) notReady(ctx context.Context, r *running, p *pending, what string, err error) error {
	e := &NotReadyError{Condition: what, Err: err}
	select {
	case <-p.ended: // by itself, or by somebody else
		e.Result, e.Err = p.res, p.err
	default:
		_ = r.process.Kill() // it has ended, or it ends
		r.thaw()
		<-p.ended
	}
	e.Output = p.log.end()
	var undone undo.Errors
	undone.Add(s.letGo())
	if entry := s.entry.Load(); entry != nil {
		s.name.Store(entry.given)
	}
	undone.Add(s.forget())
	s.mu.Lock()
	defer s.mu.Unlock()
	closing := s.closing
	s.pending, s.count, s.lost, s.health, s.kept = nil, 0, nil, nil, kept{}
	err = errors.Join(s.wrap("start", StageReady, "", e), undone.Err())
	if err = s.startFailed(ctx, err); closing {
		err = s.wrap("start", "", "", ErrClosed)
	}
	return err
}

// awaitConditions gives what did not come to hold, and what was found last.
func (s *Sandbox) awaitConditions(ctx context.Context, p *pending) (what string, err error) {
	waits := p.waits
	for _, c := range s.conditions {
		switch {
		case c.match != nil:
			err = p.awaitLog(ctx, waits[0])
			waits = waits[1:]
		case c.healthy:
			err = s.awaitHealthy(ctx)
		default:
			err = s.awaitTest(ctx, c.test)
		}
		if err != nil {
			return c.what, err
		}
	}
	return "", nil
}

// awaitLog waits for a line. All that the program has printed is looked at, also
// when it has ended.
func (p *pending) awaitLog(ctx context.Context, w *logWait) error {
	select {
	case <-w.holds:
		return nil
	case <-ctx.Done():
	}
	select {
	case <-w.holds:
		return nil
	default:
		return ctx.Err()
	}
}

// awaitHealthy waits for the health check.
func (s *Sandbox) awaitHealthy(ctx context.Context) error {
	l := s.notices.listen()
	defer s.notices.leave(l)
	for {
		switch h := s.Status().Health; h.Status {
		case HealthHealthy:
			return nil
		case HealthUnhealthy:
			return fmt.Errorf("it is unhealthy: %s", h.Log[len(h.Log)-1])
		case HealthNone:
			return errors.New("there is no health check")
		}
		select {
		case <-l.wake:
			l.take()
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// The waits between two calls of a condition's test grow.
const firstReadyWait, lastReadyWait = 2 * time.Millisecond, 100 * time.Millisecond

// awaitTest calls a test until it succeeds.
func (s *Sandbox) awaitTest(ctx context.Context, test HealthFunc) error {
	for wait := firstReadyWait; ; wait = min(2*wait, lastReadyWait) {
		last := test(ctx, s)
		if last == nil {
			return nil
		}
		timer := time.NewTimer(wait)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			if errors.Is(last, ctx.Err()) {
				return ctx.Err()
			}
			return fmt.Errorf("%w: %w", ctx.Err(), last)
		}
	}
}
