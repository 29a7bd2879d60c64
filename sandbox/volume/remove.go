package volume

import (
	"context"
	"errors"
	"fmt"
	"path"
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
