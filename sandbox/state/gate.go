package state

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"
)

// The bytes of the lock file. Who changes names or makes records shares the
// gate; who removes what dead processes left has it alone. The turn is held
// while waiting for the gate, so that many who share cannot keep out one who
// wants it alone.
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

// await tries until it works or ctx ends.
func await(ctx context.Context, try func() (bool, error)) error {
	for wait := firstWait; ; wait = min(2*wait, longestWait) {
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

// share keeps collectors out until the result is closed.
func (s *Store) share(ctx context.Context) (*gate, error) { return s.enter(ctx, tryShare) }

// alone keeps everybody else out until the result is closed.
func (s *Store) alone(ctx context.Context) (*gate, error) { return s.enter(ctx, tryLock) }

// gate is the lock file, opened anew each time: the locks belong to the open
// file description, so that goroutines keep each other out as processes do.
type gate struct{ file *os.File }

func (s *Store) enter(ctx context.Context, try func(*os.File, int64) (bool, error)) (*gate, error) {
	if err := ctx.Err(); err != nil {
		return nil, context.Cause(ctx)
	}
	f, err := s.files.root.OpenFile(lockFile, os.O_RDWR|noFollow, 0)
	if err != nil {
		return nil, fmt.Errorf("lock store: %w", err)
	}
	g := &gate{f}
	err = await(ctx, func() (bool, error) { return try(f, turnByte) })
	if err == nil {
		err = await(ctx, func() (bool, error) { return try(f, gateByte) })
	}
	if err == nil {
		err = unlock(f, turnByte)
	}
	if err != nil {
		g.close()
		return nil, fmt.Errorf("lock store %s: %w", s.dir, err)
	}
	return g, nil
}

// close opens the gate. There is nothing to tell: the lock ends with the file
// whatever happens.
func (g *gate) close() {
	_ = unlock(g.file, gateByte)
	_ = unlock(g.file, turnByte)
	_ = g.file.Close()
}

// A leftover is what a dead process may have left in the way. It is cleaned by
// who is alone in the gate.
type leftover struct{ clean func() error }

// Error is not seen outside of this package.
func (*leftover) Error() string { return "something was left in the way" }

// inside does something inside of the gate, again when what was in the way is
// cleaned.
func (s *Store) inside(ctx context.Context, do func() error) error {
	for {
		err := s.through(ctx, s.share, do)
		left, ok := errors.AsType[*leftover](err)
		if !ok {
			return err
		}
		if err := s.through(ctx, s.alone, left.clean); err != nil {
			return err
		}
	}
}

func (s *Store) through(ctx context.Context, enter func(context.Context) (*gate, error), do func() error) error {
	g, err := enter(ctx)
	if err != nil {
		return err
	}
	defer g.close()
	return do()
}
