package state

import (
	"context"
	"fmt"
	"path/filepath"
	"sync"

	"github.com/sandkit/sandkit/sandbox/volume"
)

// volumesDir is the directory of the volumes. It is made when they are first
// asked for.
const volumesDir = "volumes"

// volumes are opened once.
type volumes struct {
	sync.Mutex
	store *volume.Store
}

// Volumes gives the volumes of the sandboxes in this store, which lie below its
// directory. It is closed with the store.
func (s *Store) Volumes() (*volume.Store, error) {
	s.volumes.Lock()
	defer s.volumes.Unlock()
	if s.volumes.store != nil {
		return s.volumes.store, nil
	}
	var opts []volume.Option
	if s.files.noSync {
		opts = append(opts, volume.NoSync())
	}
	v, err := volume.Open(filepath.Join(s.dir, volumesDir), opts...)
	if err != nil {
		return nil, err
	}
	s.volumes.store = v
	return v, nil
}

// close closes them.
func (v *volumes) close() error {
	v.Lock()
	defer v.Unlock()
	err := v.store.Close()
	v.store = nil
	return err
}

// collectVolumes removes the volumes that dead owners left.
func (c *collection) collectVolumes(ctx context.Context) error {
	if _, err := c.store.files.root.Lstat(volumesDir); err != nil {
		if noEntry(err) {
			return nil
		}
		return err
	}
	v, err := c.store.Volumes()
	if err != nil {
		return err
	}
	r, err := v.Collect(ctx)
	c.report.Volumes = r.Volumes
	return err
}

// SetMounts replaces what the record says of mounts: the names of anonymous
// volumes are known only when the sandbox starts.
func (e *Entry) SetMounts(mounts []Mount) error {
	err := e.change(func(r *Record, _ *Status) error {
		r.Mounts = mounts
		*r = r.clone()
		return nil
	})
	if err != nil {
		return fmt.Errorf("record mounts of sandbox %s: %w", ShortID(e.ID()), err)
	}
	return nil
}
