package cgroup

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"syscall"
	"time"

	"github.com/sandkit/sandkit/internal/undo"
)

// removeTimeout bounds how long leaving a group in order may take.
const removeTimeout = 2 * time.Second

// Remove removes the group and the groups below it. It kills nothing: while
// there are processes it tries again for some milliseconds, as the kernel
// takes a moment to let go of those that have ended, and then returns an error
// that matches ErrBusy. Stats gives the last reading from then on. Removing
// again does nothing.
func (g *Group) Remove(ctx context.Context) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.removed {
		return nil
	}
	if g.reader != nil {
		_ = g.readLast() // the group is to go nevertheless
	}
	if err := g.remove(ctx); err != nil {
		return fmt.Errorf("remove cgroup %s: %w", g.name, err)
	}
	return nil
}

// Finish is Stats and Remove in one, for a group whose processes are gone: the
// last reading is taken once.
func (g *Group) Finish(ctx context.Context) (Stats, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.removed {
		return g.last.clone(), nil
	}
	var err error
	if g.reader == nil {
		g.reader, err = openReader(g)
	}
	if err == nil {
		err = g.readLast()
	}
	if err != nil {
		err = fmt.Errorf("read stats of cgroup %s: %w", g.name, err)
	}
	if rerr := g.remove(ctx); rerr != nil {
		err = errors.Join(err, fmt.Errorf("remove cgroup %s: %w", g.name, rerr))
	}
	return g.last.clone(), err
}

// readLast takes the last reading.
func (g *Group) readLast() error {
	var last Stats
	if err := g.reader.read(&last); err != nil {
		return err
	}
	last.Time = time.Now()
	g.last = last
	return nil
}

// remove is Remove for who has the lock. What could not be removed is kept.
func (g *Group) remove(ctx context.Context) error {
	g.host.watcher.look(g)
	var errs undo.Errors
	g.places = slices.DeleteFunc(g.places, func(p place) bool {
		err := g.host.removeDir(ctx, p.dir)
		errs.Add(err)
		return err == nil
	})
	if err := errs.Err(); err != nil {
		return err
	}
	g.removed = true
	g.host.watcher.forget(g)
	return errors.Join(g.reader.close(), g.filter.close())
}

// busyTime is how long a group without processes may stay busy: as long as
// those that were in it take to be gone for good.
const busyTime = 200 * time.Millisecond

// removeDir removes a directory and those below it.
func (h *Host) removeDir(ctx context.Context, dir string) error {
	ctx, cancel := context.WithTimeout(ctx, busyTime)
	defer cancel()
	var wait pause
	for {
		err := h.files.rmdir(dir)
		if err == nil {
			return nil
		}
		if !errors.Is(err, syscall.EBUSY) && !errors.Is(err, syscall.ENOTEMPTY) && !errors.Is(err, syscall.EINTR) {
			return err
		}
		var below []string
		if err := groupsBelow(dir, func(d string) error { below = append(below, d); return nil }); err != nil {
			return err
		}
		for _, d := range slices.Backward(below) {
			if d != dir {
				_ = h.files.rmdir(d) // the group above tells
			}
		}
		if len(below) > 1 && h.files.rmdir(dir) == nil {
			return nil
		}
		if wait.wait(ctx) != nil {
			if pids, listErr := processes(dir); listErr == nil && len(pids) > 0 {
				return fmt.Errorf("%w: %d, such as %d: %w", ErrBusy, len(pids), pids[0], err)
			}
			return err
		}
	}
}

// removeTree kills what is in a directory and removes it.
func (h *Host) removeTree(ctx context.Context, x *hierarchy, dir string) error {
	if err := h.kill(ctx, place{at: x, dir: dir}); err != nil {
		return fmt.Errorf("kill what is left in %s: %w", dir, err)
	}
	return h.removeDir(ctx, dir)
}
