package state

import (
	"context"
	"errors"
	"fmt"
	"os"
)

// Adopt owns a record whose owner is dead or gave it up; what the record says is
// left as it is. The error is an *[OwnedError] when the owner is alive, and
// otherwise that of [Store.Lookup]. The caller closes the Entry.
func (s *Store) Adopt(ctx context.Context, ref string) (e *Entry, err error) {
	err = s.inside(ctx, func() error {
		id, err := s.find(ref)
		if err == nil {
			e, err = s.take(id)
		}
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("adopt sandbox %s: %w", ref, err)
	}
	return e, nil
}

// take locks a record. The caller is inside of the gate.
func (s *Store) take(id string) (*Entry, error) {
	lock, err := s.openOwner(id)
	if err != nil {
		return nil, err
	}
	e, err := s.own(id, lock)
	if err != nil {
		return nil, errors.Join(err, lock.Close())
	}
	return e, nil
}

// openOwner opens the file that the owner locks.
func (s *Store) openOwner(id string) (*os.File, error) {
	lock, err := s.files.root.OpenFile(boxPath(id, ownerFile), os.O_RDWR|noFollow, 0)
	if err == nil {
		return lock, nil
	}
	if _, readErr := s.read(id); readErr != nil {
		return nil, readErr // it is being removed, or there is none
	}
	path := boxPath(id, ownerFile)
	if err = explain(s.files.root, path, err); noEntry(err) || errors.Is(err, ErrCorrupt) {
		err = &CorruptError{Path: path, Err: err}
	}
	return nil, err
}

// own makes an Entry of a record whose lock is free, or is this file's already.
func (s *Store) own(id string, lock *os.File) (*Entry, error) {
	doc, err := s.read(id)
	if err != nil {
		return nil, err
	}
	if ok, err := tryLock(lock, 0); err != nil {
		return nil, err
	} else if !ok {
		return nil, &OwnedError{ID: id, Name: doc.Record.Name}
	}
	// Only now nobody changes it any more.
	if doc, err = s.read(id); err == nil {
		doc.Record.Spec, err = s.readSpec(id)
		if noEntry(err) {
			err = nil // it was created without
		}
	}
	if err == nil {
		err = s.settle(doc)
	}
	if err != nil {
		return nil, errors.Join(err, unlock(lock, 0))
	}
	return &Entry{store: s, lock: lock, doc: doc}, nil
}

// Inherit makes an Entry of what [Entry.Detach] gave another process. The lock
// is the Entry's from then on, unless there is an error.
func (s *Store) Inherit(id string, lock *os.File) (*Entry, error) {
	e, err := s.inherit(id, lock)
	if err != nil {
		return nil, fmt.Errorf("inherit sandbox %s: %w", id, err)
	}
	return e, nil
}

func (s *Store) inherit(id string, lock *os.File) (*Entry, error) {
	if !isID(id) {
		return nil, &NotFoundError{id}
	}
	info, err := lock.Stat()
	if err != nil {
		return nil, err
	}
	there, err := s.files.root.Lstat(boxPath(id, ownerFile))
	if noEntry(err) {
		return nil, &NotFoundError{id}
	}
	if err == nil && !os.SameFile(info, there) {
		err = &InvalidError{"lock", lock.Name(), "it is not that of this sandbox"}
	}
	if err != nil {
		return nil, err
	}
	return s.own(id, lock)
}

// owned tells whether a living process has the record.
func (s *Store) owned(id string) (bool, error) {
	lock, err := s.files.root.OpenFile(boxPath(id, ownerFile), os.O_RDONLY|noFollow, 0)
	if noEntry(err) {
		return false, nil
	}
	if err != nil {
		return false, explain(s.files.root, boxPath(id, ownerFile), err)
	}
	defer lock.Close()
	return locked(lock, 0)
}
