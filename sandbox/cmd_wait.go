package sandbox

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"sync/atomic"
	"time"
)

// Run starts the command and waits for it.
func (c *Cmd) Run() error {
	if err := c.Start(); err != nil {
		return err
	}
	return c.Wait()
}

// Wait waits until the command has ended, and with it all that it started, and
// until what goes through pipes is copied. It closes the pipes that
// [Cmd.StdinPipe], [Cmd.StdoutPipe] and [Cmd.StderrPipe] gave. For any end but
// exit code 0 the error is an [*ExitError]; when the context ended the command,
// it matches that and the context's error. It can be called once.
func (c *Cmd) Wait() error {
	if c.Process == nil {
		return misuse("not started", ErrNotRunning)
	}
	if atomic.SwapInt32(&c.waited, 1) != 0 {
		return misuse("Wait was already called", nil)
	}
	res, err := c.sandbox.Wait(context.Background())
	c.ProcessState = newCmdState(c.sandbox, res)
	var w watched
	if c.watched != nil {
		w = <-c.watched
	}
	_, failed := errors.AsType[*ExitError](err)
	switch {
	case failed && w.ended:
		err = fmt.Errorf("%w: %w", c.ctx.Err(), err)
	case err == nil:
		err = w.err
	}
	if ferr := c.awaitFeed(w.limit); err == nil {
		err = ferr
	}
	// That a pipe was closed already, or is of no use any more, is nothing to tell.
	_ = closeFiles(&c.ours)
	if cerr := c.sandbox.Close(); cerr != nil {
		err = errors.Join(err, cerr)
	}
	return err
}

// watched is what came of watching the context.
type watched struct {
	ended bool      // the context has ended the command
	err   error     // what is wrong if the command succeeded all the same
	limit time.Time // when WaitDelay is over; zero: it has not begun
}

// watch ends the command when the context ends first.
func (c *Cmd) watch() {
	var w watched
	defer func() { c.watched <- w }()
	select {
	case <-c.sandbox.ended:
		return
	case <-c.ctx.Done():
	}
	if c.Process.done() { // it was first, or who can tell
		return
	}
	if c.Cancel != nil {
		switch err := c.Cancel(); {
		case err == nil:
			w.ended, w.err = true, c.ctx.Err()
		case !errors.Is(err, os.ErrProcessDone):
			w.err = fmt.Errorf("sandbox: cancel command: %w", err)
		}
	}
	if c.WaitDelay == 0 {
		return
	}
	w.limit = time.Now().Add(c.WaitDelay)
	timer := time.NewTimer(c.WaitDelay)
	defer timer.Stop()
	select {
	case <-c.sandbox.ended:
	case <-timer.C:
		switch err := c.Process.end(ReasonCancelled); {
		case err == nil:
			w.ended = true
		case !errors.Is(err, os.ErrProcessDone):
			w.err = fmt.Errorf("sandbox: kill command: %w", err)
		}
	}
}

// awaitFeed waits until Stdin is copied, or the delay, which may have begun
// already, is over.
func (c *Cmd) awaitFeed(limit time.Time) error {
	switch {
	case c.fed == nil:
		return nil
	case c.WaitDelay == 0:
		return <-c.fed
	case limit.IsZero():
		limit = time.Now().Add(c.WaitDelay)
	}
	select { // also when the delay is over
	case err := <-c.fed:
		return err
	default:
	}
	timer := time.NewTimer(time.Until(limit))
	defer timer.Stop()
	select {
	case err := <-c.fed:
		return err
	case <-timer.C:
		return exec.ErrWaitDelay
	}
}
