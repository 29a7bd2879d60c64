package sandbox

import (
	"context"
	"errors"
	"os"
	"syscall"
	"time"

	"github.com/sandkit/sandkit/internal/launch"
)

// Restart ends the program as [Sandbox.Stop] does, with every other process of
// the sandbox, and starts it again in place; one that waits for its restart is
// started at once. It returns when the program executes. Restarts are counted from
// 0 again, and waits begin anew. When ctx ends before, Restart returns and the
// sandbox is still restarted. The sandbox needs a policy ([WithRestart]), for which
// [RestartNo] is enough, or the error matches [ErrNotSupported]; it matches
// [ErrNotRunning] when the sandbox is not started, has ended, or is ended
// meanwhile. What keeps the program from being executed counts as a failed run, and
// is the error.
func (s *Sandbox) Restart(ctx context.Context) error {
	if !s.spec.Restart.inPlace() {
		return s.wrap("restart", "", "", &NotSupportedError{
			Feature: "Restart of a sandbox without a restart policy", Hint: "use WithRestart, for which RestartNo() is enough",
		})
	}
	err := s.restart(ctx)
	if _, ok := errors.AsType[*Error](err); ok {
		return err
	}
	return s.wrap("restart", "", "", err)
}

func (s *Sandbox) restart(ctx context.Context) error {
	s.mu.Lock()
	r := s.running
	if r == nil || r.cycle.over || s.reason != "" || s.closing {
		s.mu.Unlock()
		return ErrNotRunning
	}
	c, answer := r.cycle, make(chan error, 1)
	c.asked, c.manual = append(c.asked, answer), false
	run, resting := c.run, c.resting
	s.mu.Unlock()
	var grace *time.Timer
	c.poke()
	if err := s.goOn(r); err != nil {
		return err
	}
	if !resting {
		if err := run.Signal(r.stop.signal()); err != nil && !errors.Is(err, os.ErrProcessDone) {
			return err
		}
		grace = time.AfterFunc(r.stop.grace(), func() { _ = run.Signal(syscall.SIGKILL) })
	}
	select {
	case err := <-answer:
		if grace != nil {
			grace.Stop()
		}
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// goOn ends a pause.
func (s *Sandbox) goOn(r *running) error {
	if !r.group.paused() {
		return nil
	}
	if err := r.group.unfreeze(func(p *pauses) { p.asked = false }); err != nil {
		return err
	}
	return s.notePaused(false)
}

// wait is [launch.Process.Wait], and tells how the last run ended.
func (r *running) wait() (launch.Status, error) {
	if r.cycle != nil {
		return r.cycle.following()
	}
	return r.process.Wait()
}

// signal sends a signal to the program. The error matches [os.ErrProcessDone] or
// ErrRestarting when it does not run.
func (r *running) signal(sig syscall.Signal) error {
	if r.cycle != nil {
		return r.cycle.signal(sig)
	}
	return r.process.Signal(sig)
}

// mainPID is the program's number inside; 0 when there is none.
func (r *running) mainPID() int {
	switch c := r.cycle; {
	case c != nil:
		c.s.mu.Lock()
		defer c.s.mu.Unlock()
		return c.run.InnerPID()
	case r.base.spec.Idle:
		return 0
	}
	return r.process.MainPID()
}

// currentRun is the program's run; nil when there is only one.
func (r *running) currentRun() *launch.Child {
	if r.cycle == nil {
		return nil
	}
	r.cycle.s.mu.Lock()
	defer r.cycle.s.mu.Unlock()
	return r.cycle.run
}

// runEnded tells whether a run of the program is over, and what ran beside it.
func (s *Sandbox) runEnded(run *launch.Child) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	r := s.running
	return run != nil && (r == nil || r.cycle.resting || r.cycle.run != run)
}

// byHand tells whether somebody has stopped the program with a signal.
// Sandbox.mu is held.
func (r *running) byHand() bool { return r.cycle != nil && r.cycle.manual }

// Status tells what the sandbox does at the moment.
func (s *Sandbox) Status() Status {
	s.mu.Lock()
	st := Status{State: StateCreated, RestartCount: s.count, Health: s.health.health()}
	r := s.running
	switch s.state {
	case stateRunning:
		st.State, st.StartedAt = StateRunning, r.started
		if c := r.cycle; c != nil && !c.next.IsZero() {
			st.State, st.NextRestartAt = StateRestarting, c.next
		}
	case stateEnded:
		st.State, st.StartedAt = StateExited, s.result.Started
	case stateClosed:
		st.State = StateExited
	}
	s.mu.Unlock()
	if st.State == StateRunning && r.group.paused() {
		st.State = StatePaused
	}
	return st
}
