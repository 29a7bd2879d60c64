package state

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/sandkit/sandkit/internal/undo"
)

// Create makes the record of a sandbox, in state created, and owns it. An empty
// ID, Name or Created is filled in. It is complete, and found by everybody, when
// Create returns; when it fails, nothing is there. The error is a
// *[NameConflictError] when another sandbox has the name, matches [ErrExists]
// when one has the id, and is an *[InvalidError] when a field makes no sense.
// The caller closes the Entry.
func (s *Store) Create(ctx context.Context, r Record) (*Entry, error) {
	e, err := s.createNamed(ctx, r.clone())
	if err != nil {
		return nil, fmt.Errorf("create record of sandbox: %w", err)
	}
	return e, nil
}

func (s *Store) createNamed(ctx context.Context, r Record) (*Entry, error) {
	if r.ID == "" {
		r.ID = NewID()
	}
	if r.Created.IsZero() {
		r.Created = time.Now()
	}
	r.Created = r.Created.UTC().Round(0)
	if r.Name != "" {
		name, err := ParseName(r.Name)
		if err != nil {
			return nil, err
		}
		r.Name = name
		return s.createOne(ctx, r)
	}
	for attempt := range attempts {
		r.Name = generateName(attempt)
		if e, err := s.createOne(ctx, r); !errors.Is(err, ErrNameConflict) {
			return e, err
		}
	}
	r.Name = ShortID(r.ID)
	return s.createOne(ctx, r)
}

func (s *Store) createOne(ctx context.Context, r Record) (e *Entry, err error) {
	if err := r.check(); err != nil {
		return nil, err
	}
	err = s.inside(ctx, func() error {
		var undone undo.Stack
		var err error
		if e, err = s.create(r, &undone); err != nil {
			return errors.Join(err, undone.Unwind())
		}
		return nil
	})
	return e, err
}

// create makes everything, the record itself last.
func (s *Store) create(r Record, undone *undo.Stack) (*Entry, error) {
	if err := s.reserve(r.Name, r.ID); err != nil {
		return nil, err
	}
	undone.Push("release name", func() error { return s.files.remove(namePath(r.Name)) })
	if err := s.makeBox(r.ID); err != nil {
		return nil, err
	}
	undone.Push("remove directory", func() error { return s.files.removeAll(boxPath(r.ID, "")) })
	lock, err := s.fillBox(&r)
	if lock != nil {
		undone.Push("close lock", lock.Close)
	}
	if err != nil {
		return nil, err
	}
	undone.Push("remove record", func() error { return s.files.remove(recordPath(r.ID)) })
	var none document
	doc := none.next(s.boot, r, Status{State: Created}, r.Created)
	if _, err := s.place(doc); err != nil {
		return nil, err
	}
	return &Entry{store: s, lock: lock, doc: doc}, nil
}

// makeBox makes the directory of a sandbox, which nobody else has.
func (s *Store) makeBox(id string) error {
	err := s.files.mkdir(boxPath(id, ""))
	if !already(err) {
		return err
	}
	if _, err := s.read(id); !isNotFound(err) {
		return fmt.Errorf("%s: %w", id, ErrExists)
	}
	return &leftover{func() error { _, err := s.discardBox(id); return err }}
}

// fillBox locks the directory's lock and makes what else is in it.
func (s *Store) fillBox(r *Record) (*os.File, error) {
	lock, err := s.files.openOrCreate(boxPath(r.ID, ownerFile))
	if err != nil {
		return nil, err
	}
	ok, err := tryLock(lock, 0)
	if err == nil && !ok {
		err = fmt.Errorf("BUG: new file %s is locked", lock.Name())
	}
	if err == nil {
		err = s.files.mkdir(boxPath(r.ID, dataDir))
	}
	if err == nil && len(r.Spec) > 0 {
		err = s.files.write(boxPath(r.ID, specFile), r.Spec)
	}
	for _, dir := range []string{boxPath(r.ID, ""), sandboxesDir, namesDir} {
		if err == nil {
			err = s.files.syncDir(dir)
		}
	}
	return lock, err
}

// discardBox puts the directory of a sandbox without a record in the trash. The
// caller is alone in the gate.
func (s *Store) discardBox(id string) (bool, error) {
	if _, err := s.read(id); !isNotFound(err) {
		return false, nil // there is a record, good or damaged
	}
	if err := s.trashBox(id); err != nil {
		return false, err
	}
	return true, nil
}

// trashBox puts the directory of a sandbox where collections remove it.
func (s *Store) trashBox(id string) error {
	err := s.files.rename(boxPath(id, ""), trashPath(id+"."+random()))
	if noEntry(err) {
		return nil
	}
	return err
}
