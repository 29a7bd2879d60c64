package state

import (
	"context"
	"errors"
	"fmt"
)

// Discard removes a damaged record, by its full id, with its directory and its
// names. A good one is an *[InvalidError]: it is removed by Adopt and Remove.
// The error is an *[OwnedError] when it has an owner.
func (s *Store) Discard(ctx context.Context, id string) error {
	err := s.through(ctx, s.alone, func() error { return s.discard(id) })
	if err != nil {
		return fmt.Errorf("discard sandbox %s: %w", clip(id, idLength), err)
	}
	return nil
}

func (s *Store) discard(id string) error {
	if err := s.whole(id); err == nil {
		return &InvalidError{"ID", id, "the record can be read"}
	} else if !errors.Is(err, ErrCorrupt) {
		return err
	}
	if alive, err := s.owned(id); err != nil && !errors.Is(err, ErrCorrupt) {
		return err
	} else if alive {
		return &OwnedError{ID: id, Name: "damaged"}
	}
	if err := s.files.removeAll(recordPath(id)); err != nil {
		return err
	}
	if err := s.trashBox(id); err != nil {
		return err
	}
	names, err := s.files.list(namesDir)
	for _, name := range names {
		if err == nil {
			err = s.dropName(name, id)
		}
	}
	return err
}

// whole tells what is damaged of a record.
func (s *Store) whole(id string) error {
	if _, err := s.read(id); err != nil {
		return err
	}
	if _, err := s.readSpec(id); err != nil && !noEntry(err) {
		return err
	}
	lock, err := s.openOwner(id)
	if err != nil {
		return err
	}
	return lock.Close()
}
