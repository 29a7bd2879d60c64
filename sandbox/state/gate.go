package state

import (
	"context"
	"errors"
	"os"

	"github.com/sandkit/sandkit/internal/gate"
)

// share keeps collectors out until the result is closed. Who changes names or
// makes records shares the gate.
func (s *Store) share(ctx context.Context) (*gate.Pass, error) { return s.gate().Share(ctx) }

// alone keeps everybody else out until the result is closed: who removes what
// dead processes left has the gate alone.
func (s *Store) alone(ctx context.Context) (*gate.Pass, error) { return s.gate().Alone(ctx) }

func (s *Store) gate() gate.Gate {
	return gate.Gate{Open: func() (*os.File, error) { return s.files.root.OpenFile(lockFile, os.O_RDWR|noFollow, 0) }}
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

func (s *Store) through(ctx context.Context, enter func(context.Context) (*gate.Pass, error), do func() error) error {
	g, err := enter(ctx)
	if err != nil {
		return err
	}
	defer g.Close()
	return do()
}
