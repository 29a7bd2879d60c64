package store

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/sandkit/sandkit/image"
)

// DefaultGrace is how long what nothing keeps is left for a program that goes
// on where a killed one stopped.
const DefaultGrace = 24 * time.Hour

// Collect removes what no image and no lease keeps and is older than the grace
// (0 means [DefaultGrace], less means at once): blobs, unpacked layers, what is
// left of killed writers, and dead leases. It is safe at any time; others wait
// for it only while it looks, not while it removes.
func (s *Store) Collect(ctx context.Context, grace time.Duration) (Report, error) {
	if grace == 0 {
		grace = DefaultGrace
	}
	until := time.Now().Add(-grace)
	if grace < 0 {
		until = time.Now().Add(time.Hour) // whatever the clock of who wrote it says
	}
	var r Report
	err := s.collect(ctx, &r, until)
	if err == nil {
		err = s.emptyTrash(ctx)
	}
	if err != nil {
		return r, fmt.Errorf("collect store %s: %w", s.dir, err)
	}
	return r, nil
}

func (s *Store) collect(ctx context.Context, r *Report, until time.Time) error {
	g, err := s.alone(ctx)
	if err != nil {
		return err
	}
	defer g.Close()
	t, err := s.load()
	if err != nil {
		return err
	}
	h, dead, err := s.readLeases()
	if err != nil {
		return err
	}
	for _, path := range dead {
		if err := s.files.remove(path); err != nil {
			return err
		}
	}
	old := func(_ image.Digest, info os.FileInfo) bool { return changed(info).Before(until) }
	if err := s.sweep(ctx, t, h, r, old); err != nil {
		return err
	}
	if err := s.sweepPartial("ingest", r, until); err != nil {
		return err
	}
	if err := s.sweepPartial("unpack", r, until); err != nil {
		return err
	}
	return s.sweepTemp(until)
}

// sweep moves what is not kept and may go to the trash. The caller has the gate
// alone.
func (s *Store) sweep(ctx context.Context, t *table, h held, r *Report, may func(image.Digest, os.FileInfo) bool) error {
	live, err := s.reach(ctx, append(t.targets(), h.blobs...))
	if err != nil {
		return err
	}
	r.Damaged = live.damaged
	if err := s.eachBlob(func(d image.Digest, info os.FileInfo) error {
		if live.digests[d] || !may(d, info) {
			return nil
		}
		r.Blobs++
		r.Freed += diskSize(info)
		return s.trash(s.blobPath(d))
	}); err != nil {
		return err
	}
	return s.eachLayer(func(k LayerKey, info os.FileInfo) error {
		if live.digests[k.Digest] || h.layers[k] || !may(k.Digest, info) {
			return nil
		}
		size, err := treeSize(s.layerPath(k))
		if err != nil {
			return err
		}
		r.Layers++
		r.Freed += size
		return s.trash(s.layerPath(k))
	})
}

// eachBlob calls f for each blob. Files with other names are left alone.
func (s *Store) eachBlob(f func(image.Digest, os.FileInfo) error) error {
	algorithms, err := os.ReadDir(s.path("blobs"))
	if err != nil {
		return err
	}
	for _, a := range algorithms {
		err := eachEntry(s.path("blobs", a.Name()), func(name string, info os.FileInfo) error {
			d := image.Digest(a.Name() + ":" + name)
			if isDigest(d) {
				return f(d, info)
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

func isDigest(d image.Digest) bool { return d.Validate() == nil }

// eachLayer calls f for each unpacked layer.
func (s *Store) eachLayer(f func(LayerKey, os.FileInfo) error) error {
	return eachEntry(s.path("layers"), func(name string, info os.FileInfo) error {
		k, ok := parseLayerName(name)
		if !ok {
			return nil
		}
		return f(k, info)
	})
}

// eachEntry calls f for what is in a directory and does not go away meanwhile.
func eachEntry(dir string, f func(name string, info os.FileInfo) error) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		info, err := e.Info()
		if errors.Is(err, os.ErrNotExist) {
			continue
		}
		if err == nil {
			err = f(e.Name(), info)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// sweepPartial removes what writers that are dead have left.
func (s *Store) sweepPartial(dir string, r *Report, until time.Time) error {
	return eachEntry(s.path(dir), func(name string, info os.FileInfo) error {
		if changed(info).After(until) && !strings.HasPrefix(name, tempPrefix) {
			return nil
		}
		size, err := treeSize(s.path(dir, name))
		if err != nil {
			return err
		}
		lock := name
		if dir == "unpack" {
			lock = strings.TrimSuffix(name, ".lock") + ".lock"
		}
		gone, err := s.removePartial(s.path(dir, lock), s.path(dir, name))
		if gone && lock == name {
			r.Partial++
		}
		if gone {
			r.Freed += size
		}
		return err
	})
}

// removePartial removes what nobody writes to: first the content, then the lock
// that guards it, which may be the same.
func (s *Store) removePartial(lock, path string) (gone bool, err error) {
	f, err := s.files.openOrCreate(lock)
	if err != nil {
		return false, err
	}
	defer func() { err = errors.Join(err, unlock(f, 0), f.Close()) }()
	if ok, err := tryLock(f, 0); !ok || err != nil {
		return false, err
	}
	mine, err := f.Stat()
	if err != nil {
		return false, err
	}
	if named, err := os.Lstat(lock); err != nil || !os.SameFile(mine, named) {
		return false, nil // it was finished this very moment
	}
	if lock != path {
		if err := s.trash(path); err != nil && !errors.Is(err, os.ErrNotExist) {
			return false, err
		}
	}
	return true, s.files.remove(lock)
}

// sweepTemp removes files that killed processes had begun beside the table.
func (s *Store) sweepTemp(until time.Time) error {
	return eachEntry(s.dir, func(name string, info os.FileInfo) error {
		if !strings.HasPrefix(name, tempPrefix) || info.ModTime().After(until) {
			return nil
		}
		return s.files.remove(s.path(name))
	})
}

// trash moves a file or a tree out of the way, which is one call.
func (s *Store) trash(path string) error {
	return s.files.rename(path, s.path("trash", tempName()))
}

// emptyTrash removes what is in the trash, also what others have put there.
func (s *Store) emptyTrash(ctx context.Context) error {
	return eachEntry(s.path("trash"), func(name string, _ os.FileInfo) error {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		err := s.files.removeAll(s.path("trash", name))
		if errors.Is(err, os.ErrNotExist) {
			return nil // somebody else was faster
		}
		return err
	})
}

// treeSize is what a file or a tree takes up on the disk.
func treeSize(path string) (int64, error) {
	var size int64
	err := filepath.WalkDir(path, func(_ string, d os.DirEntry, err error) error {
		if err != nil {
			return skipLost(err)
		}
		info, err := d.Info()
		if err != nil {
			return skipLost(err)
		}
		size += diskSize(info)
		return nil
	})
	return size, err
}

// skipLost passes over what is gone or cannot be looked into.
func skipLost(err error) error {
	if slices.ContainsFunc([]error{os.ErrNotExist, os.ErrPermission}, func(e error) bool { return errors.Is(err, e) }) {
		return nil
	}
	return err
}
