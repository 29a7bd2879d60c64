package sandbox

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/sandkit/sandkit/fs"
	"github.com/sandkit/sandkit/internal/undo"
	"github.com/sandkit/sandkit/sandbox/state"
	"github.com/sandkit/sandkit/sandbox/volume"
)

// VolumesFrom names a sandbox whose mounts another one has as well.
type VolumesFrom struct {
	Ref  string `json:"ref"`            // id, name, or beginning of the id
	Mode string `json:"mode,omitempty"` // rw, or ro; empty: rw
}

// volumeSource is where volumes come from.
type volumeSource struct {
	store *volume.Store
	from  map[string]*Sandbox // of WithVolumesFrom, by id
	// copyUp is Sandbox.copyUp where there may be volumes to fill. Otherwise it is
	// nil, and what reads images is no part of the host program.
	copyUp func(s *Sandbox, ctx context.Context, dir *os.File, target string, img *rooted) error
	// use is Sandbox.useVolumes where there may be some; likewise.
	use func(s *Sandbox, ctx context.Context, img *rooted, onError *undo.Stack) (*Spec, *heldVolumes, error)
}

// WithVolumeStore says where volumes are kept; by default in the directory of
// the store that WithState names. The store stays the caller's, who closes it
// after the sandbox.
//
// Named volumes (fs.Volume) are made, and empty ones filled, when the sandbox
// starts, and stay. Anonymous ones (fs.Anonymous, and the directories that an
// image declares as volumes) are new; they are removed by Close, when no other
// sandbox has them, see WithKeepVolumes. When this program is killed, they are
// removed by volume.Store.Collect and state.Store.Collect. Without any store, a
// named volume is an error, and an anonymous one a directory of the root, which
// is gone with it.
func WithVolumeStore(store *volume.Store) Option {
	return option(func(c *config) {
		if store == nil {
			c.process.problem("WithVolumeStore", "store is nil")
		}
		c.volumes.store, c.volumes.copyUp, c.volumes.use = store, (*Sandbox).copyUp, (*Sandbox).useVolumes
	})
}

// WithKeepVolumes keeps anonymous volumes when the sandbox is closed, as docker
// rm without -v does. They are removed by volume.Store.Prune.
func WithKeepVolumes() Option {
	return option(func(c *config) { c.spec.KeepVolumes = true })
}

// WithVolumesFrom shows the bind mounts and volumes of another sandbox, which
// has been started and not been closed yet, whether it runs or not; what its
// image declares and what it has from others is among them. Mode is "rw", or
// "ro" for reading only; what is read-only there is so here. Nothing is copied.
// A mount of a later sandbox replaces an earlier one's with the same target, and
// one of WithMount both. Volumes live until the last sandbox that has them is
// closed.
func WithVolumesFrom(s *Sandbox, mode string) Option {
	return option(func(c *config) {
		if s == nil {
			c.process.problem("WithVolumesFrom", "sandbox is nil")
			return
		}
		c.spec.VolumesFrom = append(c.spec.VolumesFrom, VolumesFrom{s.id, mode})
		if c.volumes.from == nil {
			c.volumes.from = make(map[string]*Sandbox)
		}
		c.volumes.from[s.id] = s
		c.volumes.use = (*Sandbox).useVolumes
	})
}

// WithVolumesFromRef is [WithVolumesFrom] for a sandbox that is recorded in the
// store that WithState names, by its id or name. It may be another program's.
func WithVolumesFromRef(ref, mode string) Option {
	return option(func(c *config) {
		c.spec.VolumesFrom = append(c.spec.VolumesFrom, VolumesFrom{ref, mode})
		c.volumes.use = (*Sandbox).useVolumes
	})
}

// checkVolumesFrom reports what is wrong with a list.
func checkVolumesFrom(list []VolumesFrom) error {
	var errs undo.Errors
	for _, v := range list {
		if v.Ref == "" {
			errs.Add(errors.New("reference is empty"))
		}
		if v.Mode != "" && v.Mode != "rw" && v.Mode != "ro" {
			errs.Add(fmt.Errorf("mode %q is none of rw, ro", v.Mode))
		}
	}
	return errs.Err()
}

// checkVolumes finds volumes that could be kept nowhere.
func (c *config) checkVolumes() {
	if c.volumes.store == nil && c.store == nil {
		for i := range c.spec.Mounts {
			if m := &c.spec.Mounts[i]; m.Type == fs.TypeVolume && !scratchVolume(m, &c.spec.Root) {
				c.process.problem("WithMount", "%s could be kept nowhere, use WithVolumeStore or WithState", m)
			}
		}
	}
}

// scratchVolume tells whether a volume can be a directory of the root, which is
// gone with it.
func scratchVolume(m *fs.Mount, r *fs.Root) bool {
	return m.Name == "" && m.Source == "" && m.Subpath == "" && !m.ReadOnly && !m.NoExec && !r.ReadOnly && !r.Writable
}

// recordedMount is a mount as records have it.
func recordedMount(m fs.Mount) state.Mount {
	return state.Mount{
		Type: string(m.Type), Name: m.Name, Source: m.Source, Target: m.Target, ReadOnly: m.ReadOnly,
		Subpath: m.Subpath, Flat: m.Flat, NoExec: m.NoExec, HostOwners: m.HostOwners,
	}
}
