package state

import (
	"context"
	"errors"
	"fmt"
	"slices"
)

// Recover is for the start of a machine, or of a program that starts sandboxes
// again: it collects, see [Store.Collect], and gives the sandboxes that are to be
// started, oldest first. Those are, as when Docker's daemon starts, what has
// been started before, is owned by nobody, and has the policy always, or
// unless-stopped and was not stopped by somebody. Who starts one adopts it. The
// list is good also when there is an error.
func (s *Store) Recover(ctx context.Context, remove func(Record, Status) error) ([]Summary, error) {
	_, err := s.Collect(ctx, remove)
	if ctx.Err() != nil {
		return nil, err
	}
	all, listErr := s.list(ctx, ListOptions{Filters: []Filter{{"status", string(Exited)}}})
	if listErr != nil && !errors.Is(listErr, ErrCorrupt) { // which Collect has told
		return nil, errors.Join(err, fmt.Errorf("recover sandboxes: %w", listErr))
	}
	var again []Summary
	for _, sum := range slices.Backward(all) {
		if !sum.startsAtBoot() {
			continue
		}
		if sum.Owned, listErr = s.owned(sum.Record.ID); listErr != nil {
			err = errors.Join(err, fmt.Errorf("recover sandbox %s: %w", ShortID(sum.Record.ID), listErr))
		} else if !sum.Owned {
			again = append(again, sum)
		}
	}
	return again, err
}

func (s *Summary) startsAtBoot() bool {
	if s.Status.Started.IsZero() {
		return false
	}
	switch s.Record.Restart.Policy {
	case RestartAlways:
		return true
	case RestartUnlessStopped:
		return !s.Status.ManuallyStopped
	}
	return false
}
