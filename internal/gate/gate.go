// Package gate lets processes use a directory together: with a lock that they
// share or have alone, in a place and with owners that can be trusted.
package gate

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"time"
)

// The bytes of the lock file. The turn is held while waiting for the gate, so
// that many who share cannot keep out one who wants it alone.
const (
	gateByte = 0
	turnByte = 1
)

// How long to sleep between two attempts. A lock that one can wait for in the
// kernel cannot be given up when a context ends.
const (
	firstWait   = 50 * time.Microsecond
	longestWait = 5 * time.Millisecond
)

// Await tries until it works or ctx ends, and sleeps in between: ever longer, at
// most so long.
func Await(ctx context.Context, longest time.Duration, try func() (bool, error)) error {
	for wait := firstWait; ; wait = min(2*wait, longest) {
		if ok, err := try(); ok || err != nil {
			return err
		}
		timer := time.NewTimer(wait)
		select {
		case <-ctx.Done():
			timer.Stop()
			return context.Cause(ctx)
		case <-timer.C:
		}
	}
}

// A Gate is a lock file.
type Gate struct {
	// Open opens it for reading and writing. Each time it must be opened anew: the
	// locks belong to the open file description, so that goroutines keep each other
	// out as processes do.
	Open func() (*os.File, error)
}

// A Pass is the right to be inside.
type Pass struct{ file *os.File }

// Share lets in with others who share. The caller closes the Pass.
func (g Gate) Share(ctx context.Context) (*Pass, error) { return g.enter(ctx, tryShare) }

// Alone lets in when nobody else is inside. The caller closes the Pass.
func (g Gate) Alone(ctx context.Context) (*Pass, error) { return g.enter(ctx, tryLock) }

func (g Gate) enter(ctx context.Context, try func(*os.File, int64) (bool, error)) (*Pass, error) {
	if err := ctx.Err(); err != nil {
		return nil, context.Cause(ctx)
	}
	f, err := g.Open()
	if err != nil {
		return nil, fmt.Errorf("lock store: %w", err)
	}
	p := &Pass{f}
	err = Await(ctx, longestWait, func() (bool, error) { return try(f, turnByte) })
	if err == nil {
		err = Await(ctx, longestWait, func() (bool, error) { return try(f, gateByte) })
	}
	if err == nil {
		err = unlock(f, turnByte)
	}
	if err != nil {
		p.Close()
		return nil, fmt.Errorf("lock store %s: %w", filepath.Dir(f.Name()), err)
	}
	return p, nil
}

// Close opens the gate. There is nothing to tell: the lock ends with the file
// whatever happens.
func (p *Pass) Close() {
	_ = unlock(p.file, gateByte)
	_ = unlock(p.file, turnByte)
	_ = p.file.Close()
}
