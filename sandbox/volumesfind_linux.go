package sandbox

import (
	"errors"
	"fmt"
	"path"
	"slices"

	"github.com/sandkit/sandkit/fs"
	"github.com/sandkit/sandkit/sandbox/state"
	"github.com/sandkit/sandkit/sandbox/volume"
)

// A foundMount is a mount, and, of a volume, where that is kept.
type foundMount struct {
	fs.Mount
	store    *volume.Store
	existing bool // another sandbox's
}

// volumeStore is where the sandbox's own volumes are kept; nil when it has none,
// or no store.
func (s *Sandbox) volumeStore(img *rooted) (*volume.Store, error) {
	own := img != nil && len(img.volumes) > 0 || len(s.spec.VolumesFrom) > 0 ||
		slices.ContainsFunc(s.spec.Mounts, func(m fs.Mount) bool { return m.Type == fs.TypeVolume })
	if s.volumes.store != nil || s.store == nil || !own {
		return s.volumes.store, nil
	}
	return s.store.Volumes()
}

// allMounts gives the mounts of others, then the sandbox's own, then those that
// the image asks for; nil when there is nothing to do for any.
func (s *Sandbox) allMounts(img *rooted, st *volume.Store) ([]foundMount, error) {
	var all []foundMount
	add := func(m foundMount) {
		target := path.Clean(m.Target)
		all = slices.DeleteFunc(all, func(o foundMount) bool { return path.Clean(o.Target) == target })
		all = append(all, m)
	}
	todo := false
	for _, v := range s.spec.VolumesFrom {
		mounts, err := s.mountsOf(v, st)
		if err != nil {
			return nil, fmt.Errorf("volumes from %s: %w", v.Ref, err)
		}
		for _, m := range mounts {
			m.ReadOnly = m.ReadOnly || v.Mode == "ro"
			add(m)
			todo = true
		}
	}
	for _, m := range s.spec.Mounts {
		add(foundMount{Mount: m, store: st})
		todo = todo || m.Type == fs.TypeVolume || m.CreateSource
	}
	if img != nil && st != nil {
		declared, err := img.anonymous()
		if err != nil {
			return nil, err
		}
		for _, m := range declared {
			if !slices.ContainsFunc(all, func(o foundMount) bool { return path.Clean(o.Target) == m.Target }) {
				add(foundMount{Mount: m, store: st})
				todo = true
			}
		}
	}
	if !todo {
		return nil, nil
	}
	return all, nil
}

// maxImageVolumes bounds what an image can make this program hold open.
const maxImageVolumes = 200

// anonymous gives the volumes that the image declares. It is nobody's friend.
func (r *rooted) anonymous() ([]fs.Mount, error) {
	if n := len(r.volumes); n > maxImageVolumes {
		return nil, fmt.Errorf("%w: the image declares %d volumes, over %d", ErrInvalidSpec, n, maxImageVolumes)
	}
	var all []fs.Mount
	for _, dir := range r.volumes {
		m := fs.Anonymous(dir)
		if err := m.Validate(); err != nil {
			return nil, fmt.Errorf("%w: volume of the image: %w", ErrInvalidSpec, err)
		}
		all = append(all, m)
	}
	return all, nil
}

// mountsOf gives the bind mounts and volumes of another sandbox.
func (s *Sandbox) mountsOf(from VolumesFrom, st *volume.Store) ([]foundMount, error) {
	if other := s.volumes.from[from.Ref]; other != nil {
		return other.shared()
	}
	if s.store == nil {
		return nil, fmt.Errorf("%w: there is no store to look it up in, use WithState", ErrInvalidSpec)
	}
	found, err := s.store.Lookup(from.Ref)
	if err != nil {
		if errors.Is(err, state.ErrNotFound) {
			err = fmt.Errorf("%w: %w", ErrNotFound, err)
		}
		return nil, err
	}
	var all []foundMount
	for _, m := range found.Record.Mounts {
		f := foundMount{store: st, existing: true, Mount: fs.Mount{
			Type: fs.Type(m.Type), Name: m.Name, Source: m.Source, Target: m.Target, ReadOnly: m.ReadOnly,
			Subpath: m.Subpath, Flat: m.Flat, NoExec: m.NoExec, HostOwners: m.HostOwners,
		}}
		switch f.Type {
		case fs.TypeVolume:
			v, err := st.Get(m.Name)
			if err != nil || v.Path != m.Source {
				return nil, fmt.Errorf("volume %s of %s is not in %s, use WithVolumeStore: %w", m.Name, from.Ref, st, errors.Join(err, ErrNotFound))
			}
		case fs.TypeBind:
		default:
			continue
		}
		all = append(all, f)
	}
	return all, nil
}

// shared are the mounts that others can have as well.
func (s *Sandbox) shared() ([]foundMount, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.closing:
		return nil, ErrClosed
	case s.state != stateRunning && s.state != stateEnded:
		return nil, ErrNotRunning
	}
	var all []foundMount
	for _, m := range s.held.mounts {
		switch m.Type {
		case fs.TypeBind:
			all = append(all, foundMount{Mount: m})
		case fs.TypeVolume:
			for _, r := range s.held.volumes.refs {
				if r.Volume().Path == m.Source {
					all = append(all, foundMount{Mount: m, store: r.Store(), existing: true})
				}
			}
		}
	}
	return all, nil
}
