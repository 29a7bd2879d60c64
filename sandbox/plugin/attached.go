package plugin

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/sandkit/sandkit/sandbox"
)

// Attached is a running plugin. It has the methods of go-plugin's
// runner.AttachedRunner, and [Runner.Reattach] gives it. They are safe for
// concurrent use.
type Attached struct {
	sandbox *sandbox.Sandbox
	shared  *shared
	tcp     bool // the network is the host's

	mu      sync.Mutex
	started bool
	err     error // of Start

	once  sync.Once
	ended chan struct{} // closed when nothing is left
	left  error         // what went wrong with that
}

// ID is 64 hex digits that no other plugin has.
func (a *Attached) ID() string { return a.sandbox.ID() }

// Wait waits for the end of the plugin, or of ctx, and lets go of everything. It
// can be called any number of times. The error is a [*sandbox.ExitError] unless
// the plugin ended with exit code 0.
func (a *Attached) Wait(ctx context.Context) error {
	res, err := a.sandbox.Wait(ctx)
	if res == nil && !errors.Is(err, sandbox.ErrClosed) {
		return err // it goes on
	}
	if left := a.finish(); left != nil {
		return errors.Join(err, left)
	}
	return err
}

// Kill ends the plugin with all that it started, and returns when nothing of it
// is left, or ctx has ended. Killing again does nothing.
func (a *Attached) Kill(ctx context.Context) error {
	go func() { _ = a.finish() }() // it ends soon: nothing in a sandbox can outlive SIGKILL
	select {
	case <-a.ended:
		return a.left
	case <-ctx.Done():
		if a.done() {
			return a.left
		}
		return fmt.Errorf("kill plugin: %w", ctx.Err())
	}
}

// begin claims the right to start.
func (a *Attached) begin() error {
	a.mu.Lock()
	defer a.mu.Unlock()
	switch {
	case a.done():
		return fmt.Errorf("start plugin: %w", sandbox.ErrClosed)
	case a.started:
		return fmt.Errorf("start plugin: %w", sandbox.ErrRunning)
	}
	a.started = true
	return nil
}

func (a *Attached) isStarted() bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.started
}

// failed remembers why Start failed.
func (a *Attached) failed(err error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.err = err
}

// finish leaves nothing of a plugin that has ended or was never started.
func (a *Attached) finish() error {
	a.once.Do(func() {
		a.left = errors.Join(a.sandbox.Close(), a.shared.remove())
		close(a.ended)
	})
	return a.left
}

// done tells whether nothing is left.
func (a *Attached) done() bool {
	select {
	case <-a.ended:
		return true
	default:
		return false
	}
}
