package volume

import (
	"context"
	"errors"
	"fmt"
	"path"
	"strings"

	"github.com/sandkit/sandkit/internal/undo"
)

// RemoveOptions say how to remove a volume.
type RemoveOptions struct {
	// Force takes it for done when there is no such volume, as docker volume rm -f
	// does, and removes a damaged one. What is in use stays nevertheless.
	Force bool
}

// Remove removes a volume and its content. The error is an *[InUseError] when
// somebody uses it, a *[NotFoundError] when it is not there, and matches
// [ErrMounted] when something is mounted in it.
func (s *Store) Remove(ctx context.Context, name string, o RemoveOptions) error {
	err := CheckName(name)
	trash := ""
	if err == nil {
		err = s.alone(ctx, func() (err error) {
			trash, err = s.remove(name, o.Force)
			return err
		})
	}
	if err == nil {
		_, err = s.empty(ctx, trash)
	}
	if isGone(err) && o.Force {
		err = nil
	}
	if err != nil {
		return fmt.Errorf("remove volume: %w", err)
	}
	return nil
}

// remove puts a volume that nobody uses into the trash. The caller is alone.
func (s *Store) remove(name string, force bool) (trash string, err error) {
	if _, err := s.read(name); err != nil && (!force || isGone(err)) {
		return "", err
	}
	users, err := s.locked(name, heldByte)
	if err != nil && (!force || !noEntry(err) && !errors.Is(err, ErrCorrupt)) {
		return "", err
	}
	if len(users) > 0 {
		return "", &InUseError{name, users}
	}
	return s.toTrash(name)
}

// toTrash takes a volume away from all.
func (s *Store) toTrash(name string) (string, error) {
	if err := checkMounts(s.content(name)); err != nil {
		return "", err
	}
	trash := path.Join(trashDir, random(8))
	if err := s.files.rename(volumePath(name, ""), trash); err != nil {
		return "", err
	}
	return trash, s.files.syncDir(volumesDir)
}

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

// empty removes what is in the trash and gives the bytes that it took. Several
// may do so at once.
func (s *Store) empty(ctx context.Context, trash string) (int64, error) {
	project := s.limited(trash)
	bytes, err := s.dropTree(ctx, trash)
	if err == nil {
		err = s.unlimit(project)
	}
	if err != nil {
		return bytes, fmt.Errorf("empty %s: %w", trash, err)
	}
	return bytes, nil
}

// drop removes a tree.
func (s *Store) drop(ctx context.Context, dir string) error {
	_, err := s.dropTree(ctx, dir)
	return err
}

func (s *Store) dropTree(ctx context.Context, dir string) (int64, error) {
	if err := s.files.check("drop", dir); err != nil {
		return 0, err
	}
	parent, err := s.files.root.Open(path.Dir(dir))
	if err != nil {
		return 0, err
	}
	defer parent.Close()
	return removeTree(ctx, parent, path.Base(dir))
}

// usage measures a volume's content.
func (s *Store) usage(ctx context.Context, name string) (int64, error) {
	dir, err := s.files.root.Open(volumePath(name, ""))
	if err != nil {
		return 0, err
	}
	defer dir.Close()
	return measure(ctx, dir, contentDir)
}
