package volume

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path"
	"slices"
	"sync"
)

// The bytes of a reference's file.
const (
	heldByte  = 0
	begunByte = 1
)

// UseOptions say which volume is used, and by whom.
type UseOptions struct {
	Name   string            // empty: a new, anonymous one
	User   string            // the id of a sandbox; it is like a name
	Labels map[string]string // of a volume that is made
	// Existing makes a volume that is not there an error ([ErrNotFound]).
	Existing bool
	// Keep keeps an anonymous volume when its last user releases it.
	Keep bool
}

// A Ref keeps a volume from being removed. It lasts until it is released, or
// this process ends. All methods are safe for concurrent use.
type Ref struct {
	store  *Store
	volume Volume
	user   string
	keep   bool

	mu   sync.Mutex
	file *os.File // nil when released
}

// Use refers to a volume, which is made if need be. One user can have one
// reference to a volume only ([ErrInUse]). The caller releases it.
func (s *Store) Use(ctx context.Context, o UseOptions) (*Ref, error) {
	var r *Ref
	err := checkName("user", o.User)
	if err == nil {
		err = s.share(ctx, func() (err error) {
			r, err = s.use(o)
			return err
		})
	}
	if err != nil {
		return nil, fmt.Errorf("use volume: %w", err)
	}
	return r, nil
}

// use does it inside of the gate.
func (s *Store) use(o UseOptions) (*Ref, error) {
	r := &Ref{store: s, user: o.User, keep: o.Keep}
	var err error
	switch anonymous := o.Name == ""; {
	case o.Existing:
		r.volume, err = s.read(o.Name)
	case anonymous:
		// It must never be there without its user, or nobody could tell that it is
		// left over.
		r.volume, err = s.create(Options{Labels: o.Labels}, r.hold)
	default:
		r.volume, err = s.create(Options{Name: o.Name, Labels: o.Labels}, nil)
	}
	if err == nil && r.file == nil {
		err = r.hold(volumePath(r.volume.Name, ""))
	}
	if err != nil && r.file != nil {
		err = errors.Join(err, r.file.Close())
	}
	if err != nil {
		return nil, err
	}
	return r, nil
}

// hold makes the reference in the directory of the volume.
func (r *Ref) hold(dir string) error {
	f, err := r.store.files.create(path.Join(dir, refsDir, r.user))
	if err != nil {
		return err
	}
	ok, err := tryLock(f, heldByte)
	if err == nil && !ok {
		err = &InUseError{path.Base(dir), []string{r.user}}
	}
	if err == nil {
		err = r.store.markRef(f, r.keep)
	}
	if err != nil {
		return errors.Join(err, f.Close())
	}
	r.file = f
	return nil
}

// keepMark is the content of a reference after whose death the volume stays.
const keepMark = "keep\n"

// markRef says in a reference's file what is to become of an anonymous volume.
func (s *Store) markRef(f *os.File, keep bool) error {
	if err := s.files.check("mark", f.Name()); err != nil {
		return err
	}
	if err := f.Truncate(0); err != nil || !keep {
		return err
	}
	_, err := f.WriteAt([]byte(keepMark), 0)
	return err
}

// Volume is what the reference is to.
func (r *Ref) Volume() Volume { return r.volume.clone() }

// Store is where the volume is kept.
func (r *Ref) Store() *Store { return r.store }

// Release gives the reference up. An anonymous volume that nobody else refers to
// is removed, unless it was to be kept. Releasing again does nothing.
func (r *Ref) Release(ctx context.Context) error {
	r.mu.Lock()
	f, keep := r.file, r.keep
	r.file = nil
	r.mu.Unlock()
	if f == nil {
		return nil
	}
	s, v := r.store, &r.volume
	enter, trash := s.share, ""
	if v.Anonymous && !keep {
		enter = s.alone
	}
	err := enter(ctx, func() error {
		if v.Anonymous && !keep {
			users, err := s.locked(v.Name, heldByte)
			if err != nil {
				return err
			}
			if len(users) == 1 { // the reference goes with it
				trash, err = s.toTrash(v.Name)
				return err
			}
		}
		return s.files.remove(refPath(v.Name, r.user))
	})
	err = errors.Join(err, unlock(f, heldByte), unlock(f, begunByte), f.Close())
	if err == nil && trash != "" {
		_, err = s.empty(ctx, trash)
	}
	if err != nil {
		return fmt.Errorf("release volume %s: %w", v.Name, err)
	}
	return nil
}

// Abandon is Release for who did not come to use the volume: an anonymous one is
// removed even if it was to be kept.
func (r *Ref) Abandon(ctx context.Context) error {
	r.mu.Lock()
	r.keep = false
	r.mu.Unlock()
	return r.Release(ctx)
}

// locked lists those whose references have a byte locked.
func (s *Store) locked(name string, offset int64) ([]string, error) {
	users, err := s.files.list(path.Join(volumesDir, name, refsDir))
	if err != nil {
		return nil, err
	}
	var held []string
	for _, u := range users {
		live, err := s.isLocked(refPath(name, u), offset)
		if err != nil {
			return nil, err
		}
		if live {
			held = append(held, u)
		}
	}
	slices.Sort(held)
	return held, nil
}

// isLocked tells whether a byte of a file is locked; of one that is not there,
// none is.
func (s *Store) isLocked(path string, offset int64) (bool, error) {
	f, err := s.files.root.OpenFile(path, os.O_RDWR|noFollow, 0)
	if noEntry(err) {
		return false, nil
	}
	if err != nil {
		return false, s.files.explain(path, err)
	}
	defer f.Close()
	return locked(f, offset)
}
