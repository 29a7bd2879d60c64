package volume

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path"
	"time"
)

// Options say what volume to make.
type Options struct {
	Name   string // empty: 64 random hex digits; the volume is anonymous
	Labels map[string]string
	// SizeLimit bounds the content, in bytes, where the file system can: by a
	// project quota of ext4 or XFS. Elsewhere the error matches
	// errors.ErrUnsupported. 0 is no limit.
	SizeLimit int64
}

// Create makes a volume; when there is one of that name, it gives that as it
// is, as docker volume create does. The error matches [ErrExists] when that has
// another size limit than the one asked for.
func (s *Store) Create(ctx context.Context, o Options) (Volume, error) {
	var v Volume
	err := s.share(ctx, func() (err error) {
		v, err = s.create(o, nil)
		return err
	})
	if err != nil {
		return Volume{}, fmt.Errorf("create volume: %w", err)
	}
	return v, nil
}

// create makes a volume, or finds it. The caller shares the gate. With is called
// before a new one can be found by anybody, with its directory; it may be nil.
func (s *Store) create(o Options, with func(dir string) error) (Volume, error) {
	v := Volume{
		Name: o.Name, Anonymous: o.Name == "", Labels: o.Labels, SizeLimit: o.SizeLimit,
		Created: time.Now().UTC().Round(0),
	}.clone()
	if v.Anonymous {
		v.Name = newName()
	}
	if err := v.check(); err != nil {
		return Volume{}, err
	}
	if !v.Anonymous {
		if found, err := s.read(v.Name); !isGone(err) {
			return found.asked(&o, err)
		}
	}
	v.Path = s.content(v.Name)
	made := path.Join(newDir, random(8))
	err := s.make(&v, made)
	if err == nil && with != nil {
		err = with(made)
	}
	if err == nil {
		err = s.files.rename(made, volumePath(v.Name, ""))
	}
	if err == nil {
		return v, s.files.syncDir(volumesDir)
	}
	err = errors.Join(err, s.discard(made))
	if already(err) || isNotEmpty(err) { // somebody was faster
		found, err := s.read(v.Name)
		return found.asked(&o, err)
	}
	return Volume{}, err
}

// asked makes sure that a volume that was there is what was asked for.
func (v Volume) asked(o *Options, err error) (Volume, error) {
	if err != nil {
		return Volume{}, err
	}
	if o.SizeLimit != 0 && o.SizeLimit != v.SizeLimit {
		return Volume{}, fmt.Errorf("%s has a size limit of %d bytes: %w", v.Name, v.SizeLimit, ErrExists)
	}
	return v, nil
}

// make makes all of a volume in a directory.
func (s *Store) make(v *Volume, dir string) error {
	b, err := json.Marshal(v)
	if err != nil {
		return err
	}
	if err := s.files.mkdir(dir, 0o700); err != nil {
		return err
	}
	if err := s.files.mkdir(path.Join(dir, refsDir), 0o700); err != nil {
		return err
	}
	content := path.Join(dir, contentDir)
	if err := s.files.mkdir(content, 0o755); err != nil {
		return err
	}
	if err := s.limit(content, v); err != nil {
		return err
	}
	if err := s.files.write(path.Join(dir, lockFile), nil); err != nil {
		return err
	}
	if err := s.files.write(path.Join(dir, documentFile), b); err != nil {
		return err
	}
	return s.files.syncDir(dir)
}

// discard removes what was made by this process alone, and is small.
func (s *Store) discard(dir string) error {
	if err := s.files.check("discard", dir); err != nil {
		return err
	}
	return s.files.root.RemoveAll(dir)
}
