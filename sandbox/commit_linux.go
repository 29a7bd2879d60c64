package sandbox

import (
	"context"
	"errors"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/sandkit/sandkit/image"
	"github.com/sandkit/sandkit/image/layer"
	"github.com/sandkit/sandkit/image/store"
	"github.com/sandkit/sandkit/internal/transfer"
)

// Commit makes an image of the sandbox's image and of what its programs have
// changed, as docker commit does, and adds it to the store that the image came
// from. A running sandbox is paused meanwhile, unless o.NoPause says otherwise.
// What was mounted is left out, and so are the image's volumes; the
// configuration is what the sandbox runs with, and what o.Changes say. It works
// from the start to Close, also when no program runs any more.
func (s *Sandbox) Commit(ctx context.Context, o image.CommitOptions) (image.Image, error) {
	var img image.Image
	err := s.withFiles(func(h held) (err error) {
		img, err = s.commit(ctx, h, &o)
		return err
	})
	return img, s.wrap("commit", "", "", err)
}

func (s *Sandbox) commit(ctx context.Context, h held, o *image.CommitOptions) (image.Image, error) {
	if h.image == nil {
		return nil, &NotSupportedError{Feature: "commit of a root that is no image", Hint: "use WithImage"}
	}
	config, err := s.committedConfig(h.image.image, o)
	if err != nil {
		return nil, err
	}
	lease, err := h.image.store.Lease(ctx)
	if err != nil {
		return nil, err
	}
	img, err := s.commitUnder(ctx, lease, h, config, o)
	if err != nil {
		return nil, errors.Join(err, lease.Discard(context.WithoutCancel(ctx)))
	}
	return img, lease.Release()
}

// committedConfig is the new image's configuration, but for the layers.
func (s *Sandbox) committedConfig(base image.Image, o *image.CommitOptions) (*image.Config, error) {
	spec := s.Spec()
	c := base.Config()
	c.Config = c.Config.Merge(spec.runConfig())
	if spec.Stop.Signal != 0 {
		c.Config.StopSignal = strconv.Itoa(int(spec.Stop.Signal))
	}
	command := slices.Concat(c.Config.Entrypoint, c.Config.Cmd)
	if err := image.ApplyChanges(&c.Config, o.Changes); err != nil {
		return nil, err
	}
	created := o.Created.UTC()
	if created.IsZero() {
		created = time.Now().UTC()
	}
	c.Created, c.Author, c.Comment = &created, o.Author, o.Message
	c.History = append(c.History, image.History{
		Created: &created, CreatedBy: strings.Join(command, " "), Author: o.Author, Comment: o.Message,
	})
	return c, nil
}

func (s *Sandbox) commitUnder(ctx context.Context, lease *store.Lease, h held, config *image.Config, o *image.CommitOptions) (image.Image, error) {
	desc, info, err := s.commitLayer(ctx, lease, h, o)
	if err != nil {
		return nil, err
	}
	img, err := lease.Append(ctx, h.image.image, desc, info.DiffID, *config)
	if err != nil {
		return nil, err
	}
	return img, lease.Tag(ctx, o.Ref, img.Descriptor())
}

// commitLayer puts the changes into the store, while nothing changes.
func (s *Sandbox) commitLayer(ctx context.Context, lease *store.Lease, h held, o *image.CommitOptions) (
	_ image.Descriptor, _ *layer.DiffInfo, err error,
) {
	mediaType, err := layer.MediaType(o.Compression)
	if err != nil {
		return image.Descriptor{}, nil, err
	}
	lowers, closeLowers, err := h.image.stack.OpenLayers()
	if err != nil {
		return image.Descriptor{}, nil, err
	}
	defer func() { err = errors.Join(err, closeLowers()) }()
	w, err := lease.Create(ctx, mediaType)
	if err != nil {
		return image.Descriptor{}, nil, err
	}
	defer func() { err = errors.Join(err, w.Close()) }()
	if !o.NoPause {
		resume, err := s.pauseForCommit(ctx)
		if err != nil {
			return image.Descriptor{}, nil, err
		}
		defer func() { err = errors.Join(err, resume()) }()
	}
	p, err := layer.NewPacker(w, o.Compression)
	if err != nil {
		return image.Descriptor{}, nil, err
	}
	info, err := layer.Diff(ctx, p, h.changes, lowers, h.diffOptions())
	if err = errors.Join(err, p.Close()); err != nil {
		return image.Descriptor{}, nil, err
	}
	desc, err := w.Commit(ctx)
	return desc, info, err
}

// diffOptions say what is no change of the programs'.
func (h held) diffOptions() layer.DiffOptions {
	o := layer.DiffOptions{Format: h.image.stack.Format}
	o.UIDs, o.GIDs = h.owners.layerIDs()
	o.Exclude = h.excluded()
	return o
}

// excluded are paths whose content is no change of the programs'.
func (h held) excluded() []layer.Path {
	var all []layer.Path
	view := transfer.NewFS(h.root, h.owners.transferIDs())
	for _, g := range h.given {
		dir, name := path.Split(string(g))
		all = append(all, layer.Path(path.Join(realPath(view, dir), name)))
	}
	if h.image != nil {
		for _, v := range h.image.volumes {
			all = append(all, layer.Path(realPath(view, v)))
		}
	}
	return all
}

// maxLinks is how many links are followed at most, as the kernel has it.
const maxLinks = 40

// realPath is where a path leads to, without links.
func realPath(view *transfer.FS, name string) string {
	at, rest, links := ".", strings.Split(name, "/"), 0
	for len(rest) > 0 {
		next := path.Join(at, rest[0]) // a ".." counts where the link has led to
		if next == ".." {
			next = "."
		}
		rest = rest[1:]
		to, err := view.ReadLink(next)
		if err != nil || links == maxLinks {
			at = next
			continue
		}
		links++
		if path.IsAbs(to) {
			at = "."
		}
		rest = append(strings.Split(to, "/"), rest...)
	}
	return at
}
