package volume

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path"
	"strings"
	"time"

	"github.com/sandkit/sandkit/internal/gate"
)

// longestWait is how long to sleep at most while another user fills a volume.
const longestWait = 20 * time.Millisecond

// Begin says that the volume is about to be mounted. Before, when it is empty
// and nobody has begun to use it, it gets what fill puts into a directory, and
// the owner, mode and attributes of that directory: all at once, so that nobody
// ever sees half of it, whatever happens. When several begin at the same time,
// one fills and the others wait. A nil fill leaves the volume as it is. The
// context bounds the waiting; it is for fill to mind it, too.
func (r *Ref) Begin(ctx context.Context, fill func(dir *os.File) error) error {
	if err := r.begin(ctx, fill); err != nil {
		return fmt.Errorf("begin to use volume %s: %w", r.volume.Name, err)
	}
	return nil
}

func (r *Ref) begin(ctx context.Context, fill func(dir *os.File) error) (err error) {
	s := r.store
	lock, err := s.files.root.OpenFile(volumePath(r.volume.Name, lockFile), os.O_RDWR|noFollow, 0)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, lock.Close()) }()
	if err := gate.Await(ctx, longestWait, func() (bool, error) { return tryLock(lock, 0) }); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, unlock(lock, 0)) }()
	if fill != nil {
		if err := r.fill(ctx, fill); err != nil {
			return err
		}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.file == nil {
		return ErrReleased
	}
	_, err = tryLock(r.file, begunByte)
	return err
}

// fill puts content into a volume that is empty and used by nobody. The caller
// holds the volume's lock.
func (r *Ref) fill(ctx context.Context, fill func(dir *os.File) error) error {
	s, name := r.store, r.volume.Name
	if err := s.dropCopies(ctx, name); err != nil {
		return err
	}
	if there, err := s.files.list(volumePath(name, contentDir)); err != nil || len(there) > 0 {
		return err
	}
	users, err := s.locked(name, begunByte)
	if err != nil || len(users) > 0 {
		return err
	}
	copied := volumePath(name, copyPrefix+random(8))
	if err := s.files.mkdir(copied, 0o755); err != nil {
		return err
	}
	if err := s.sameLimit(copied, &r.volume); err != nil {
		return errors.Join(err, s.drop(ctx, copied))
	}
	err = s.fillDir(copied, fill)
	if err == nil {
		err = s.replace(name, path.Base(copied))
	}
	if err != nil {
		err = errors.Join(err, s.drop(context.WithoutCancel(ctx), copied))
		if errors.Is(err, errNothing) || isNotEmpty(err) {
			return nil
		}
		return err
	}
	return s.files.syncDir(volumePath(name, ""))
}

// replace puts a copy in the place of an empty content directory, at once.
func (s *Store) replace(name, copied string) error {
	if err := s.files.check("rename", copied); err != nil {
		return err
	}
	dir, err := s.files.root.Open(volumePath(name, ""))
	if err != nil {
		return err
	}
	defer dir.Close()
	return replaceDir(dir, copied, contentDir)
}

// errNothing is what fill says when there is nothing to fill a volume with.
var errNothing = errors.New("nothing to copy")

// Nothing is what the function given to Begin returns when there is nothing to
// fill the volume with; it is no error then.
func Nothing() error { return errNothing }

// fillDir has a directory filled, and brings that to the disk.
func (s *Store) fillDir(dir string, fill func(dir *os.File) error) (err error) {
	f, err := s.files.root.Open(dir)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	if err := s.files.check("fill", dir); err != nil {
		return err
	}
	if err := fill(f); err != nil || s.files.noSync {
		return err
	}
	return syncFS(f)
}

// dropCopies removes copies that were never finished. The caller holds the
// volume's lock.
func (s *Store) dropCopies(ctx context.Context, name string) error {
	names, err := s.files.list(volumePath(name, ""))
	for _, n := range names {
		if strings.HasPrefix(n, copyPrefix) {
			err = errors.Join(err, s.drop(ctx, volumePath(name, n)))
		}
	}
	return err
}
