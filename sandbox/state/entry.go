package state

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"
)

// An Entry is a record that this process owns. Its lock is free when the Entry
// is closed and when the process ends in whatever way, because the kernel drops
// it with the open file. All methods are safe for concurrent use.
type Entry struct {
	store *Store
	mu    sync.Mutex
	lock  *os.File // nil when closed
	doc   *document
}

// ID is the sandbox's id.
func (e *Entry) ID() string { return e.Record().ID }

// Record is a copy of the record.
func (e *Entry) Record() Record {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.doc.Record.clone()
}

// Status is a copy of the status.
func (e *Entry) Status() Status {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.doc.Status.clone()
}

// Dir is the absolute path of a directory for what belongs to the sandbox, such
// as its logs. It goes with the record.
func (e *Entry) Dir() string { return e.store.data(e.ID()) }

func (s *Store) data(id string) string { return filepath.Join(s.dir, sandboxesDir, id, dataDir) }

// change replaces the record by what f makes of it.
func (e *Entry) change(f func(*Record, *Status) error) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.lock == nil {
		return ErrClosed
	}
	record, status := e.doc.Record.clone(), e.doc.Status.clone()
	if err := f(&record, &status); err != nil {
		return err
	}
	next := e.doc.next(e.store.boot, record, status, time.Now().UTC())
	placed, err := e.store.place(next)
	if placed {
		e.doc = next
	}
	return err
}

// Update replaces the status by what f makes of it, for all to see at once;
// nothing is changed when f fails. PIDStart is found out, and Started and
// Finished are set when f changes the state and leaves them alone. The error is
// an *[InvalidError] when a field makes no sense, and matches [ErrClosed] when
// the Entry is closed. f must not call methods of e.
func (e *Entry) Update(f func(*Status) error) error {
	err := e.change(func(_ *Record, now *Status) error {
		before := now.clone()
		if err := f(now); err != nil {
			return err
		}
		if err := now.complete(&before, e.store.boot, time.Now().UTC()); err != nil {
			return err
		}
		return now.check()
	})
	if err != nil {
		return fmt.Errorf("update status of sandbox %s: %w", ShortID(e.ID()), err)
	}
	return nil
}

// Rename gives the sandbox another name. The error is a *[NameConflictError]
// when another sandbox has it; it has the old name then.
func (e *Entry) Rename(ctx context.Context, to string) error {
	name, err := ParseName(to)
	if err == nil {
		err = e.store.inside(ctx, func() error { return e.rename(name) })
	}
	if err != nil {
		return fmt.Errorf("rename sandbox %s: %w", ShortID(e.ID()), err)
	}
	return nil
}

// rename takes the new name, says so in the record, and drops the old name: a
// name counts only when the record agrees.
func (e *Entry) rename(name string) error {
	s, id := e.store, e.ID()
	var old string
	err := e.change(func(r *Record, _ *Status) error {
		if old = r.Name; name == old {
			return nil
		}
		r.Name = name
		if err := s.reserve(name, id); err != nil {
			return err
		}
		return s.files.syncDir(namesDir)
	})
	now := e.Record().Name
	switch {
	case now == name && old != name && old != "":
		err = errors.Join(err, s.files.remove(namePath(old)))
	case now != name && err != nil:
		err = errors.Join(err, s.dropName(name, id))
	}
	return err
}

// dropName removes a name that was reserved for an id in vain.
func (s *Store) dropName(name, id string) error {
	if holder, err := s.files.root.Readlink(namePath(name)); err != nil || holder != id {
		return nil //nolint:nilerr // then it is not there, or another's
	}
	return s.files.remove(namePath(name))
}

// Remove removes the record, its name, its directory and all that is in it, and
// closes the Entry. Whoever mounted something in the directory unmounts it
// before. When it fails, the Entry is still open unless the record is gone; what
// is left of it then is for the next [Store.Collect].
func (e *Entry) Remove(ctx context.Context) error {
	id := e.ID()
	if err := e.remove(ctx, id); err != nil {
		return fmt.Errorf("remove sandbox %s: %w", ShortID(id), err)
	}
	return nil
}

func (e *Entry) remove(ctx context.Context, id string) error {
	s, trash := e.store, trashPath(id+"."+random())
	err := s.through(ctx, s.share, func() error {
		e.mu.Lock() // after the gate, as Rename does
		defer e.mu.Unlock()
		if e.lock == nil {
			return ErrClosed
		}
		if err := s.files.remove(recordPath(id)); err != nil {
			return err
		}
		// From here on nobody finds it, and all that is left can only be removed.
		lock := e.lock
		e.lock = nil
		return errors.Join(s.files.remove(namePath(e.doc.Record.Name)), s.files.rename(boxPath(id, ""), trash),
			s.files.syncDir(recordsDir), unlock(lock, 0), lock.Close())
	})
	if err != nil {
		return err
	}
	return s.files.removeAll(trash)
}

// Close gives the record up: it stays as it is, and another process may adopt
// it. Closing again does nothing; it is safe on nil.
func (e *Entry) Close() error {
	if e == nil {
		return nil
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.lock == nil {
		return nil
	}
	lock := e.lock
	e.lock = nil
	var err error
	if e.doc.Record.AutoRemove && e.doc.Status.State == Created {
		// So that a collection tells it from one whose creator died.
		given := *e.doc
		given.Sequence, given.Given = given.Sequence+1, true
		_, err = e.store.place(&given)
	}
	if err := errors.Join(err, unlock(lock, 0), lock.Close()); err != nil {
		return fmt.Errorf("close sandbox %s: %w", ShortID(e.doc.Record.ID), err)
	}
	return nil
}

// Detach closes the Entry without giving the record up: the lock goes on for as
// long as any process has the file, which the caller passes to another process
// and closes. That one calls [Store.Inherit].
func (e *Entry) Detach() (*os.File, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.lock == nil {
		return nil, fmt.Errorf("detach sandbox %s: %w", ShortID(e.doc.Record.ID), ErrClosed)
	}
	lock := e.lock
	e.lock = nil
	return lock, nil
}
