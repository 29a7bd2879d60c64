package state

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
)

// ListOptions choose what List gives. The zero value chooses what runs, pauses
// or is about to be restarted.
type ListOptions struct {
	All     bool     // those as well that do not run
	Filters []Filter // see Filter
	Limit   int      // at most so many, the newest, whether they run or not; 0: no limit
	Latest  bool     // the newest only: a Limit of one
}

// List gives the sandboxes, newest first. Records that cannot be trusted are
// left out, and the error, which matches [ErrCorrupt], names them; the list is
// good all the same. A filter that makes no sense is an *[InvalidError].
func (s *Store) List(ctx context.Context, o ListOptions) ([]Summary, error) {
	list, err := s.list(ctx, o)
	if err != nil {
		return list, fmt.Errorf("list sandboxes: %w", err)
	}
	return list, nil
}

func (s *Store) list(ctx context.Context, o ListOptions) ([]Summary, error) {
	m, err := s.compile(o.Filters)
	if err != nil {
		return nil, err
	}
	limit := o.Limit
	if o.Latest {
		limit = 1
	}
	all := o.All || limit > 0 || m.all
	ids, damage := s.ids()
	if damage != nil && !errors.Is(damage, ErrCorrupt) {
		return nil, damage
	}
	list := make([]Summary, 0, len(ids))
	for _, id := range ids {
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		sum, err := s.summary(id)
		switch {
		case isNotFound(err): // removed meanwhile
		case errors.Is(err, ErrCorrupt):
			damage = errors.Join(damage, err)
		case err != nil:
			return nil, err
		case (all || sum.Status.State.live()) && m.match(&sum):
			list = append(list, sum)
		}
	}
	slices.SortFunc(list, newestFirst)
	if limit > 0 {
		list = list[:min(limit, len(list))]
	}
	return list, damage
}

func (s *Store) summary(id string) (Summary, error) {
	doc, err := s.read(id)
	if err != nil {
		return Summary{}, err
	}
	return s.summarize(doc)
}

// newestFirst orders by creation.
func newestFirst(a, b Summary) int {
	return cmp.Or(b.Record.Created.Compare(a.Record.Created), cmp.Compare(a.Record.ID, b.Record.ID))
}
