package sandbox

import (
	"context"
	"errors"
	"slices"

	"github.com/sandkit/sandkit/image/layer"
	"github.com/sandkit/sandkit/internal/transfer"
)

// Diff lists what programs have changed about the root, by path, as docker diff
// does. What is in a directory that was added is listed as well; of one that was
// removed only the directory. A directory that was moved was added in one place
// and removed in the other. What is mounted is left out, and so are the
// directories that were made for that. It works from the start to Close, also
// when no program runs any more; what a program changes meanwhile may be in the
// list or not. The error matches [ErrNotSupported] when there is nothing to
// compare with: the root must be an image, or a directory that is copied on write.
func (s *Sandbox) Diff(ctx context.Context) ([]Change, error) {
	var changes []Change
	err := s.withFiles(func(h held) (err error) {
		changes, err = s.diff(ctx, h)
		return err
	})
	return changes, s.wrap("diff", "", "", err)
}

func (s *Sandbox) diff(ctx context.Context, h held) (_ []Change, err error) {
	if h.changes == nil {
		return nil, &NotSupportedError{Feature: "diff of a root that is not copied on write", Hint: "use WithImage or WithRootfs"}
	}
	layers, format, done, err := openLowers(h.image, &s.spec.Root, h.owners.outer == nil)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, done()) }()
	o := layer.ChangesOptions{Format: format, Exclude: []layer.Path{"dev", "proc", "sys"}}
	o.UIDs, o.GIDs = h.owners.layerIDs()
	o.Exclude = slices.Concat(o.Exclude, h.excluded())
	view := transfer.NewFS(h.root, h.owners.transferIDs())
	for _, m := range h.mounts {
		o.Exclude = append(o.Exclude, layer.Path(realPath(view, m.Target)))
	}
	found, err := layer.Changes(ctx, h.changes, layers, o)
	changes := make([]Change, len(found))
	for i, c := range found {
		changes[i] = Change{ChangeKind(c.Kind), "/" + string(c.Path)}
	}
	return changes, err
}
