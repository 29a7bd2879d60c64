package sandbox

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"slices"
	"syscall"

	"github.com/sandkit/sandkit/fs"
	"github.com/sandkit/sandkit/image/layer"
	"github.com/sandkit/sandkit/internal/kernel"
	"github.com/sandkit/sandkit/internal/undo"
	"github.com/sandkit/sandkit/sandbox/state"
	"github.com/sandkit/sandkit/sandbox/volume"
)

// heldVolumes are those that a sandbox has, from its start to Close. Nil has none.
type heldVolumes struct {
	refs map[volumeKey]*volume.Ref
	dirs []string                // of anonymous ones that are directories of the root
	give func(*volume.Ref) error // back, also when the context of the start has ended
}

type volumeKey struct{ store, name string }

// release gives the references back.
func (v *heldVolumes) release() error {
	if v == nil {
		return nil
	}
	var errs undo.Errors
	for _, r := range v.refs {
		errs.Add(v.give(r))
	}
	return errs.Err()
}

// A foundMount is a mount, and, of a volume, where that is kept.
type foundMount struct {
	fs.Mount
	store    *volume.Store
	existing bool // another sandbox's
}

// useVolumes finds the mounts that other sandboxes and the image add, and makes
// and refers to volumes. It gives the Spec with all mounts, and where volumes
// are.
func (s *Sandbox) useVolumes(ctx context.Context, img *rooted, onError *undo.Stack) (*Spec, *heldVolumes, error) {
	st, err := s.volumeStore(img)
	if err != nil {
		return nil, nil, err
	}
	mounts, err := s.allMounts(img, st)
	if err != nil || mounts == nil {
		return &s.spec, nil, err
	}
	spec, v := s.spec.clone(), &heldVolumes{refs: make(map[volumeKey]*volume.Ref)}
	v.give = func(r *volume.Ref) error { return r.Release(context.WithoutCancel(ctx)) }
	spec.Mounts = nil
	onError.Push("release volumes", v.release)
	for _, m := range mounts {
		switch {
		case m.Type == fs.TypeBind && m.CreateSource:
			if err := createSource(m.Source, onError); err != nil {
				return nil, nil, &fs.Error{Stage: string(StageMount), Path: m.Target, Err: err}
			}
		case m.Type == fs.TypeVolume && m.store == nil:
			v.dirs = append(v.dirs, path.Clean(m.Target))
			continue
		case m.Type == fs.TypeVolume:
			if err := s.useVolume(ctx, &m, v, img); err != nil {
				return nil, nil, &fs.Error{Stage: string(StageMount), Path: m.Target, Err: err}
			}
		}
		spec.Mounts = append(spec.Mounts, m.Mount)
	}
	return &spec, v, s.noteMounts(spec.Mounts)
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

// Mounts are the sandbox's mounts, from the start to Close: with those of its
// image and of other sandboxes, and, of volumes, with their names and places. It is
// nil before and after.
func (s *Sandbox) Mounts() []fs.Mount {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := slices.Clone(s.held.mounts)
	for i := range all {
		all[i].Content = slices.Clone(all[i].Content)
	}
	return all
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

// useVolume refers to a volume, and fills it when it is empty and new.
func (s *Sandbox) useVolume(ctx context.Context, m *foundMount, v *heldVolumes, img *rooted) error {
	if r := v.refs[volumeKey{m.store.Dir(), m.Name}]; r != nil && m.Name != "" {
		m.Source = r.Volume().Path
		return nil
	}
	r, err := m.store.Use(ctx, volume.UseOptions{Name: m.Name, User: s.id, Existing: m.existing, Keep: s.spec.KeepVolumes})
	if err != nil {
		if errors.Is(err, volume.ErrNotFound) {
			err = fmt.Errorf("%w: %w", ErrNotFound, err)
		}
		return err
	}
	m.Name, m.Source = r.Volume().Name, r.Volume().Path
	v.refs[volumeKey{m.store.Dir(), m.Name}] = r
	if m.NoCopy || m.Subpath != "" || s.volumes.copyUp == nil {
		return r.Begin(ctx, nil)
	}
	return r.Begin(ctx, func(dir *os.File) error {
		return s.volumes.copyUp(s, ctx, dir, m.Target, img)
	})
}

// copyUp copies what the root has at a path, if anything.
func (s *Sandbox) copyUp(ctx context.Context, dir *os.File, target string, img *rooted) (err error) {
	f, err := kernel.Detect()
	if err != nil {
		return err
	}
	layers, format, done, err := openLowers(img, &s.spec.Root, f.Privileged)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, done()) }()
	err = layer.Extract(ctx, dir, layers, path.Clean(target), layer.ExtractOptions{Format: format, Rootless: !f.Privileged})
	switch {
	case errors.Is(err, syscall.ENOTDIR):
		return fmt.Errorf("a volume cannot be mounted over a file: %w", err)
	case len(layers) == 0, errors.Is(err, syscall.ENOENT):
		return volume.Nothing()
	}
	return err
}

// openLowers opens what lies below the changes of a root, the lowest first. The
// host's tools are no layers.
func openLowers(img *rooted, root *fs.Root, privileged bool) (layers []*os.File, format layer.Format, done func() error, err error) {
	if img != nil {
		layers, done, err = img.stack.OpenLayers()
		return layers, img.stack.Format, done, err
	}
	done = func() error {
		var errs undo.Errors
		for _, f := range layers {
			errs.Add(f.Close())
		}
		return errs.Err()
	}
	if format = layer.OverlayUser; privileged {
		format = layer.OverlayTrusted
	}
	sources := root.Layers
	if root.Dir != "" {
		sources = []fs.Layer{{Source: root.Dir}}
	}
	for _, l := range sources {
		f, err := os.Open(l.Source)
		if err != nil {
			return nil, format, nil, errors.Join(err, done())
		}
		layers = append(layers, f)
	}
	return layers, format, done, nil
}

// createSource makes the directory that is to be mounted, with those that lead to
// it.
func createSource(dir string, onError *undo.Stack) error {
	var missing []string
	for at := filepath.Clean(dir); ; at = filepath.Dir(at) {
		_, err := os.Stat(at)
		if err == nil {
			break
		}
		if !errors.Is(err, os.ErrNotExist) || at == filepath.Dir(at) {
			return fmt.Errorf("source: %w", err)
		}
		missing = append(missing, at)
	}
	for _, at := range slices.Backward(missing) {
		err := os.Mkdir(at, 0o755)
		if errors.Is(err, os.ErrExist) {
			continue // another sandbox was faster
		}
		if err != nil {
			return fmt.Errorf("make source: %w", err)
		}
		onError.Push("remove source", func() error {
			if err := os.Remove(at); !errors.Is(err, os.ErrNotExist) && !errors.Is(err, syscall.ENOTEMPTY) {
				return err
			}
			return nil
		})
	}
	return nil
}

// noteMounts records where volumes are.
func (s *Sandbox) noteMounts(mounts []fs.Mount) error {
	e := s.entry.Load()
	if e == nil {
		return nil
	}
	var all []state.Mount
	for _, m := range mounts {
		all = append(all, recordedMount(m))
	}
	return e.SetMounts(all)
}

// useVolumes has the sandbox keep volumes.
func (b *builder) useVolumes(v *heldVolumes) {
	if b.volumes = v; v != nil {
		b.tree.Dirs = append(slices.Clip(b.tree.Dirs), v.dirs...)
	}
}
