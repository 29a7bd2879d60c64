package sandbox

import (
	"errors"
	"os"
	"syscall"
)

// answer tells those who wait in Restart. Sandbox.mu is held.
func (c *cycle) answer(err error) {
	for _, a := range c.asked {
		a <- err
	}
	c.asked = nil
}

// noted reports what is wrong with the record.
func (c *cycle) noted(err error) {
	if err != nil {
		c.s.log.Warn("sandbox is not recorded", "id", c.s.id, "error", err)
	}
}

// poke has rest look at what somebody asked for.
func (c *cycle) poke() {
	select {
	case c.wake <- struct{}{}:
	default:
	}
}

// enter claims the right to make a further process, until execs.Done.
func (c *cycle) enter() error {
	c.s.mu.Lock()
	defer c.s.mu.Unlock()
	switch {
	case c.over:
		return ErrNotRunning
	case c.resting:
		return ErrRestarting
	}
	c.execs.Add(1)
	return nil
}

// signal sends the program a signal. One that is to end it ends the sandbox for
// good, also when no run is on.
func (c *cycle) signal(sig syscall.Signal) error {
	ends := sig == c.r.stop.signal() || sig == syscall.SIGKILL
	c.s.mu.Lock()
	c.manual = c.manual || ends
	run, resting := c.run, c.resting
	c.s.mu.Unlock()
	if !resting {
		err := run.Signal(sig)
		if ends && errors.Is(err, os.ErrProcessDone) {
			return nil
		}
		return err
	}
	c.poke()
	if ends {
		return nil
	}
	return ErrRestarting
}
