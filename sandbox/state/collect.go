package state

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/sandkit/sandkit/internal/undo"
)

// Report is what a collection did. Sandboxes are named by their ids.
type Report struct {
	Exited  []string // their owners are dead; they count as exited now
	Removed []string // the same, but they were to be removed at their end, or removed already
	Orphans []string // their owners are dead, but their main processes live; Adopt them
	Names   []string // released: no record has them
	Volumes []string // anonymous ones that would have gone with their sandboxes
	Partial int      // what processes left that died while they made or removed a record
}

// Collect puts right what dead owners left. What ran counts as exited with code
// 137 and says so in Status.Error; what was to be removed is removed, after a
// call of remove, which gives back what else the sandbox has, such as mounts in
// its directory; nil is none. A record of which remove fails stays, in state
// removing, for the next collection. It is safe to call Collect at any time, in
// any number of processes. The error joins all that went wrong; files that
// cannot be trusted are left alone and named (*[CorruptError]).
func (s *Store) Collect(ctx context.Context, remove func(Record, Status) error) (Report, error) {
	c := collection{store: s, remove: remove}
	c.run(ctx)
	if err := c.errs.Err(); err != nil {
		return c.report, fmt.Errorf("collect sandboxes: %w", err)
	}
	return c.report, nil
}

type collection struct {
	store  *Store
	remove func(Record, Status) error
	report Report
	errs   undo.Errors
	doomed []string // ids to remove
	trash  []string
}

func (c *collection) run(ctx context.Context) {
	s := c.store
	err := s.through(ctx, s.alone, func() error {
		c.add(c.endLost(ctx))
		c.add(c.releaseNames(ctx))
		c.add(c.discardPartial(ctx))
		var err error
		c.trash, err = s.files.list(trashDir)
		return err
	})
	c.add(err)
	// What takes long is done when the others may go on.
	for _, id := range c.doomed {
		if ctx.Err() != nil {
			c.add(context.Cause(ctx))
			return
		}
		if removed, err := c.finish(ctx, id); err != nil {
			c.add(err)
		} else if removed {
			c.report.Removed = append(c.report.Removed, id)
		}
	}
	for _, name := range c.trash {
		c.add(s.files.removeAll(trashPath(name)))
	}
	c.add(c.collectVolumes(ctx))
}

func (c *collection) add(err error) { c.errs.Add(err) }

// endLost finds the records whose owners are dead.
func (c *collection) endLost(ctx context.Context) error {
	ids, err := c.store.ids()
	if err != nil && !errors.Is(err, ErrCorrupt) {
		return err
	}
	c.add(err)
	for _, id := range ids {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		doc, err := c.store.read(id)
		if err == nil && (doc.unfinished() || doc.merged) {
			err = c.end(id)
		}
		if err != nil && !isNotFound(err) && !errors.Is(err, ErrOwned) {
			c.add(fmt.Errorf("sandbox %s: %w", ShortID(id), err))
		}
	}
	return nil
}

// unfinished tells whether a record needs an owner.
func (d *document) unfinished() bool {
	switch st := d.Status.State; {
	case st.live() || st == Removing:
		return true
	case st == Created:
		return d.Record.AutoRemove && !d.Given
	default:
		return d.Record.AutoRemove && st == Exited
	}
}

// end writes down the end of what nobody owns.
func (c *collection) end(id string) error {
	e, err := c.store.take(id)
	if err != nil {
		return err
	}
	doc := e.doc
	lives, err := doc.Status.processLives(c.store.boot)
	switch {
	case err != nil || !doc.unfinished():
	case lives && doc.Status.State.Runs():
		c.report.Orphans = append(c.report.Orphans, id)
	case doc.Record.AutoRemove || doc.Status.State == Removing:
		c.doomed = append(c.doomed, id)
	default:
		if err = e.lose(); err == nil {
			c.report.Exited = append(c.report.Exited, id)
		}
	}
	return errors.Join(err, e.giveUp())
}

// giveUp closes an entry and changes nothing.
func (e *Entry) giveUp() error {
	lock, err := e.Detach()
	if err != nil {
		return err
	}
	return errors.Join(unlock(lock, 0), lock.Close())
}

// lose replaces the status by that of a sandbox whose end nobody saw.
func (e *Entry) lose() error {
	sameBoot := e.doc.Boot == e.store.boot
	return e.change(func(_ *Record, st *Status) error {
		st.lose(sameBoot, time.Now().UTC())
		return nil
	})
}

// finish removes a sandbox that was to be removed at its end, unless somebody
// has adopted it meanwhile.
func (c *collection) finish(ctx context.Context, id string) (bool, error) {
	e, err := c.store.Adopt(ctx, id)
	if isNotFound(err) || errors.Is(err, ErrOwned) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	if !e.doc.unfinished() {
		return false, e.giveUp()
	}
	if e.doc.Status.State.live() {
		err = e.lose()
	}
	record, status := e.Record(), e.Status()
	if err == nil && status.State != Removing {
		err = e.change(func(_ *Record, st *Status) error { st.State = Removing; return nil })
	}
	if err == nil && c.remove != nil {
		err = c.remove(record, status)
	}
	if err == nil {
		err = e.Remove(ctx)
	}
	if err != nil {
		return false, errors.Join(fmt.Errorf("remove sandbox %s: %w", ShortID(id), err), e.Close())
	}
	return true, nil
}

// releaseNames frees the names that no record has.
func (c *collection) releaseNames(ctx context.Context) error {
	names, err := c.store.files.list(namesDir)
	if err != nil {
		return err
	}
	for _, name := range names {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		stale, err := c.store.releaseStale(name)
		c.add(err)
		if stale && err == nil {
			c.report.Names = append(c.report.Names, name)
		}
	}
	return nil
}

// discardPartial puts what has no record in the trash.
func (c *collection) discardPartial(ctx context.Context) error {
	names, err := c.store.files.list(sandboxesDir)
	if err != nil {
		return err
	}
	for _, id := range names {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if !isID(id) {
			c.add(&CorruptError{Path: boxPath(id, ""), Err: errors.New("its name is no id")})
			continue
		}
		gone, err := c.store.discardBox(id)
		c.add(err)
		if gone {
			c.report.Partial++
		}
	}
	return c.sweepTemp()
}

// sweepTemp removes what was left by a process that died when it made the store.
func (c *collection) sweepTemp() error {
	names, err := c.store.files.list(".")
	if err != nil {
		return err
	}
	for _, name := range names {
		if strings.HasPrefix(name, tempPrefix) {
			c.add(c.store.files.remove(name))
		}
	}
	return nil
}
