package volume

import (
	"context"
	"errors"
	"fmt"
	"path"
	"strings"

	"github.com/sandkit/sandkit/internal/undo"
)

// Report is what was removed.
type Report struct {
	Volumes []string // names
	Bytes   int64    // that their contents took
}

// PruneOptions say what is removed beside what Collect removes.
type PruneOptions struct {
	All    bool     // volumes with a name as well
	Labels []string // only those that have all of these: KEY or KEY=VALUE
}

// Prune removes the volumes that nobody uses: anonymous ones, or all of them.
func (s *Store) Prune(ctx context.Context, o PruneOptions) (Report, error) {
	var filters []Filter
	for _, l := range o.Labels {
		filters = append(filters, Filter{"label", l})
	}
	r, err := s.sweep(ctx, func(v *Volume, _ bool) (bool, error) {
		if !v.Anonymous && !o.All {
			return false, nil
		}
		return s.fits(v, filters)
	})
	if err != nil {
		return r, fmt.Errorf("prune volumes: %w", err)
	}
	return r, nil
}

// Collect removes what killed programs left: anonymous volumes that would have
// gone with their users, and what was half made or half removed. It is safe to
// call at any time, in any number of processes.
func (s *Store) Collect(ctx context.Context) (Report, error) {
	r, err := s.sweep(ctx, func(v *Volume, left bool) (bool, error) { return v.Anonymous && left, nil })
	if err != nil {
		return r, fmt.Errorf("collect volumes: %w", err)
	}
	return r, nil
}

// sweep removes the volumes nobody uses that are doomed, and leftovers. Left
// tells of an anonymous volume that its last user, who was killed, would have
// removed.
func (s *Store) sweep(ctx context.Context, doomed func(v *Volume, left bool) (bool, error)) (Report, error) {
	var r Report
	var errs undo.Errors
	err := s.alone(ctx, func() error {
		names, err := s.files.list(volumesDir)
		if err != nil {
			return err
		}
		for _, name := range names {
			if ctx.Err() != nil {
				return context.Cause(ctx)
			}
			gone, err := s.sweepOne(name, doomed)
			errs.Add(err)
			if gone {
				r.Volumes = append(r.Volumes, name)
			}
		}
		errs.Add(s.sweepNew())
		return nil
	})
	errs.Add(err)
	trash, err := s.files.list(trashDir)
	errs.Add(err)
	for _, t := range trash {
		bytes, err := s.empty(ctx, path.Join(trashDir, t))
		errs.Add(err)
		r.Bytes += bytes
	}
	return r, errs.Err()
}

// sweepOne drops what dead users left of one volume, and removes it if it is
// doomed. The caller is alone.
func (s *Store) sweepOne(name string, doomed func(*Volume, bool) (bool, error)) (gone bool, err error) {
	v, err := s.read(name)
	if err != nil {
		return false, err
	}
	live, left, err := s.sweepRefs(name)
	if err != nil || live {
		return false, err
	}
	if ok, err := doomed(&v, left); err != nil || !ok {
		return false, err
	}
	if _, err = s.toTrash(name); err != nil {
		return false, err
	}
	return true, nil
}

// sweepRefs removes the references of the dead.
func (s *Store) sweepRefs(name string) (live, left bool, err error) {
	users, err := s.files.list(path.Join(volumesDir, name, refsDir))
	if err != nil {
		return false, false, err
	}
	var dead []string
	for _, u := range users {
		p := refPath(name, u)
		held, err := s.isLocked(p, heldByte)
		if err != nil {
			return true, false, err
		}
		if live = live || held; held {
			continue
		}
		mark, err := s.files.read(p)
		if err != nil {
			return true, false, err
		}
		left = left || string(mark) != keepMark
		dead = append(dead, p)
	}
	if live {
		return true, false, nil // those who live may still have to know of the dead
	}
	if left {
		// They go with the volume, if it goes; otherwise at its end.
		if v, err := s.read(name); err != nil || v.Anonymous {
			return false, true, err
		}
	}
	for _, p := range dead {
		err = errors.Join(err, s.files.remove(p))
	}
	return false, left, err
}

// sweepNew removes what was half made. The caller is alone.
func (s *Store) sweepNew() error {
	var errs undo.Errors
	names, err := s.files.list(newDir)
	errs.Add(err)
	for _, n := range names {
		errs.Add(s.discard(path.Join(newDir, n)))
	}
	names, err = s.files.list(".")
	errs.Add(err)
	for _, n := range names {
		if strings.HasPrefix(n, tempPrefix) {
			errs.Add(s.files.remove(n))
		}
	}
	return errs.Err()
}
