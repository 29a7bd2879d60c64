package sandbox

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/sandkit/sandkit/internal/capture"
	"github.com/sandkit/sandkit/sandbox/state"
)

// tested tells whether it is to be found out if the program works. An image's
// tests are not run where there is no program, or nobody to see what comes of it.
func (s *Sandbox) tested(r *running) bool {
	switch {
	case s.healthFunc != nil || s.spec.Healthcheck.command() != nil:
		return true
	case r.base.spec.Healthcheck.command() == nil:
		return false
	}
	return !s.private && !s.spec.Idle || slices.ContainsFunc(s.conditions, func(c Ready) bool { return c.healthy })
}

// startChecks begins to test a run, with its start. Sandbox.mu is held.
func (s *Sandbox) startChecks(r *running) {
	if s.check != nil {
		s.check(s, r)
	}
}

func (s *Sandbox) checkRun(r *running) {
	if !s.tested(r) {
		return
	}
	ctx, cancel := context.WithCancel(context.Background())
	s.health, s.endHealth = newHealthState(r.base.spec.Healthcheck, time.Now()), cancel
	go s.test(ctx, r, s.health)
}

// endChecks ends the tests of a run, with its end.
func (s *Sandbox) endChecks() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.endHealth != nil {
		s.endHealth()
		s.endHealth = nil
	}
}

// test tests until ctx ends.
func (s *Sandbox) test(ctx context.Context, r *running, h *healthState) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	<-timer.C
	s.noteHealth(HealthStarting)
	for {
		s.mu.Lock()
		timer.Reset(h.interval(time.Now()))
		s.mu.Unlock()
		select {
		case <-timer.C:
		case <-ctx.Done():
			return
		}
		if r.group.paused() {
			continue
		}
		res, err := s.testOnce(ctx, r, h.check)
		if ctx.Err() != nil {
			return
		}
		if r.group.paused() || errors.Is(err, ErrPaused) {
			continue // it says nothing
		}
		s.mu.Lock()
		changed, status := h.note(res), h.Status
		s.mu.Unlock()
		if changed {
			s.noteHealth(status)
			s.notices.tell(map[HealthStatus]EventKind{HealthHealthy: EventHealthy, HealthUnhealthy: EventUnhealthy}[status])
		}
	}
}

// noteHealth records whether the program works.
func (s *Sandbox) noteHealth(h HealthStatus) {
	err := s.note(func(st *state.Status) error {
		if !st.State.Runs() {
			return errOver
		}
		st.Health = string(h)
		return nil
	})
	if err != nil {
		s.log.Warn("sandbox is not recorded", "id", s.id, "error", err)
	}
}

// testOnce runs one test. The error is why it could not be run.
func (s *Sandbox) testOnce(ctx context.Context, r *running, h Healthcheck) (HealthResult, error) {
	within, cancel := context.WithTimeout(ctx, h.Timeout)
	defer cancel()
	res := HealthResult{Start: time.Now()}
	var err error
	if s.healthFunc != nil {
		if err := s.healthFunc(within, s); err != nil {
			res.ExitCode, res.Output = 1, err.Error()
		}
	} else {
		out := &capture.Buffer{Limit: maxHealthOutput, Full: func() {}}
		if res.ExitCode, err = s.testCommand(within, r.base.spec.Healthcheck.command(), out); err != nil {
			res.ExitCode, res.Output = -1, err.Error()
		} else {
			res.Output = string(out.Bytes())
		}
	}
	res.End = time.Now()
	if within.Err() != nil {
		res.ExitCode, res.Output = -1, fmt.Sprintf("took longer than %v", h.Timeout)
	}
	res.Output = res.Output[:min(len(res.Output), maxHealthOutput)]
	return res, err
}

// testCommand executes a Test and gives its exit code. When ctx ends before, it
// is killed.
func (s *Sandbox) testCommand(ctx context.Context, command []string, out *capture.Buffer) (int, error) {
	p, err := s.Exec(ctx, WithCommand(command[0], command[1:]...), WithStdout(out), WithStderr(out))
	if err != nil {
		return 0, err
	}
	res, err := p.Wait(ctx)
	if res == nil {
		_ = p.Kill() // or it has ended
		<-p.ended
		return 0, err
	}
	if res.Signal != 0 {
		return 128 + int(res.Signal), nil
	}
	return res.ExitCode, nil
}
