package sandbox

import (
	"context"
	"fmt"
)

// WaitFor waits for a condition, or the end of ctx. It can be called at any time,
// any number of times. The result is that of the run that ended, the last one, or
// nil if there was none; errors are as those of [Sandbox.Wait]. A sandbox that has
// ended for good has no next exit: its last one is given.
func (s *Sandbox) WaitFor(ctx context.Context, cond WaitCondition) (*Result, error) {
	switch cond {
	case WaitNotRunning:
		return s.Wait(ctx)
	case WaitRemoved:
		select {
		case <-s.removed:
			return s.Wait(ctx)
		case <-ctx.Done():
			return nil, s.wrap("wait", "", "", ctx.Err())
		}
	case WaitNextExit:
		return s.waitNextExit(ctx)
	}
	return nil, s.wrap("wait", "", "", fmt.Errorf("%w: condition %q is none of not-running, next-exit and removed", ErrInvalidSpec, cond))
}

func (s *Sandbox) waitNextExit(ctx context.Context) (*Result, error) {
	s.mu.Lock()
	e := s.exit
	s.mu.Unlock()
	select {
	case <-s.ended:
		return s.Wait(ctx)
	case <-e.done:
	case <-ctx.Done():
		return nil, s.wrap("wait", "", "", ctx.Err())
	}
	s.mu.Lock()
	last := s.result == e.res
	s.mu.Unlock()
	if last {
		return s.Wait(ctx)
	}
	res := *e.res
	if res.ExitCode != 0 {
		return &res, &ExitError{Result: &res}
	}
	return &res, nil
}
