package store

import (
	"context"
	"os"

	"github.com/sandkit/sandkit/internal/gate"
)

// share keeps collectors out until the result is closed: who adds shares the gate,
// so that nothing is collected between the moment when content is there and the
// moment when something keeps it.
func (s *Store) share(ctx context.Context) (*gate.Pass, error) { return s.gate().Share(ctx) }

// alone keeps everybody else out until the result is closed. Who removes, or
// changes the table of images, has the gate alone.
func (s *Store) alone(ctx context.Context) (*gate.Pass, error) { return s.gate().Alone(ctx) }

func (s *Store) gate() gate.Gate {
	return gate.Gate{Open: func() (*os.File, error) { return os.OpenFile(s.path("lock"), os.O_RDWR|noFollow, 0) }}
}
