package sandbox

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path"
	"slices"

	"github.com/sandkit/sandkit/fs"
	"github.com/sandkit/sandkit/internal/undo"
	"github.com/sandkit/sandkit/sandbox/state"
	"github.com/sandkit/sandkit/sandbox/volume"
)

// heldVolumes are those that a sandbox has, from its start to Close. Nil has none.
type heldVolumes struct {
	refs map[volumeKey]*volume.Ref
	dirs []string        // of anonymous ones that are directories of the root
	ctx  context.Context //nolint:containedctx // the start's without its end: for what has to be done in any case
	end  func() error    // gives the references back; a value, so that who has no volumes does not link it
}

type volumeKey struct{ store, name string }

// release gives the references back.
func (v *heldVolumes) release() error {
	var errs undo.Errors
	for _, r := range v.refs {
		errs.Add(r.Release(v.ctx))
	}
	return errs.Err()
}

// abandon gives them back when the start has failed.
func (v *heldVolumes) abandon() error {
	var errs undo.Errors
	for _, r := range v.refs {
		errs.Add(r.Abandon(v.ctx))
	}
	return errs.Err()
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
	spec, v := s.spec.clone(), &heldVolumes{refs: make(map[volumeKey]*volume.Ref), ctx: context.WithoutCancel(ctx)}
	spec.Mounts, v.end = nil, v.release
	onError.Push("release volumes", v.abandon)
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
