package archive

import (
	"bytes"
	"context"
	"errors"
	"maps"

	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/sandkit/sandkit/image"
)

// writeLayout writes an OCI layout, and for Docker what it reads beside it.
func (e *exporter) writeLayout(ctx context.Context) error {
	if err := writeJSON(e.sink, layoutFile, ocispec.ImageLayout{Version: ocispec.ImageLayoutVersion}); err != nil {
		return err
	}
	index := image.Index{SchemaVersion: 2, MediaType: image.MediaTypeOCIIndex}
	for _, x := range e.images {
		d := x.target
		d.Annotations = maps.Clone(d.Annotations)
		if !x.ref.IsZero() {
			if d.Annotations == nil {
				d.Annotations = make(map[string]string)
			}
			d.Annotations[annotationName] = x.ref.String()
			if x.ref.Tag() != "" {
				d.Annotations[ocispec.AnnotationRefName] = x.ref.Tag()
			}
		}
		index.Manifests = append(index.Manifests, d)
	}
	if err := writeJSON(e.sink, indexFile, index); err != nil {
		return err
	}
	if e.opts.Format == Docker {
		if err := e.writeDockerFile(ctx); err != nil {
			return err
		}
	}
	for _, d := range e.blobs {
		if err := e.write(ctx, blobPath(d.Digest), d); err != nil {
			return err
		}
	}
	return nil
}

// dockerImages gives each image's entry in manifest.json, in which an image
// appears once with all its names. An index without an image for the platform
// has no place there.
func (e *exporter) dockerImages(ctx context.Context, must bool) ([]dockerImage, []image.Image, error) {
	var all []dockerImage
	var images []image.Image
	at := make(map[image.Digest]int)
	for _, x := range e.images {
		img, err := e.store.Load(ctx, x.target, e.opts.Platform)
		if !must && (errors.Is(err, image.ErrNoPlatform) || errors.Is(err, image.ErrMediaType)) {
			continue
		}
		if err != nil {
			return nil, nil, err
		}
		i, ok := at[img.Descriptor().Digest]
		if !ok {
			i = len(all)
			at[img.Descriptor().Digest] = i
			d := dockerImage{Config: blobPath(img.ID()), RepoTags: []string{}, Layers: []string{}}
			for _, l := range img.Layers() {
				d.Layers = append(d.Layers, blobPath(l.Descriptor().Digest))
			}
			all, images = append(all, d), append(images, img)
		}
		if x.ref.Tag() != "" {
			tag, err := x.ref.WithTag(x.ref.Tag())
			if err != nil {
				return nil, nil, err
			}
			all[i].RepoTags = append(all[i].RepoTags, tag.Familiar())
		}
	}
	return all, images, nil
}

func (e *exporter) writeDockerFile(ctx context.Context) error {
	all, _, err := e.dockerImages(ctx, false)
	if err != nil || len(all) == 0 {
		return err
	}
	return writeJSON(e.sink, dockerFile, all)
}

// legacyLayer is what Docker's first image format says of a layer.
type legacyLayer struct {
	ID      string `json:"id"`
	Parent  string `json:"parent,omitempty"`
	Created string `json:"created"`
	OS      string `json:"os,omitempty"`
}

// writeLegacy writes an archive as docker save did: a directory for each layer,
// called by the chain of layers up to it, and links for layers that are there
// already.
func (e *exporter) writeLegacy(ctx context.Context) error {
	all, images, err := e.dockerImages(ctx, true)
	if err != nil {
		return err
	}
	w := &legacyWriter{e: e, written: make(map[string]bool), layers: make(map[image.Digest]string)}
	repositories := make(map[string]map[string]string)
	for i, img := range images {
		top, err := w.image(ctx, img, &all[i])
		if err != nil {
			return err
		}
		for _, x := range e.images {
			if x.target.Digest != img.Descriptor().Digest || x.ref.Tag() == "" || top == "" {
				continue
			}
			name := x.ref.Name()
			if repositories[name] == nil {
				repositories[name] = make(map[string]string)
			}
			repositories[name][x.ref.Tag()] = top
		}
	}
	if err := writeJSON(e.sink, dockerFile, all); err != nil {
		return err
	}
	return writeJSON(e.sink, "repositories", repositories)
}

type legacyWriter struct {
	e       *exporter
	written map[string]bool
	layers  map[image.Digest]string // where a layer's blob is
}

// image writes one image and gives the directory of its top layer.
func (w *legacyWriter) image(ctx context.Context, img image.Image, x *dockerImage) (top string, err error) {
	x.Config = img.ID().Encoded() + ".json"
	if !w.written[x.Config] {
		w.written[x.Config] = true
		if err := w.e.write(ctx, x.Config, img.Manifest().Config); err != nil {
			return "", err
		}
	}
	for i, id := range image.ChainIDs(img.Config().RootFS.DiffIDs) {
		name := id.Encoded() + "/layer.tar"
		x.Layers[i] = name
		if !w.written[name] {
			w.written[name] = true
			about := legacyLayer{ID: id.Encoded(), Parent: top, Created: "1970-01-01T00:00:00Z", OS: img.Config().OS}
			if err := w.layer(ctx, about, img.Layers()[i].Descriptor()); err != nil {
				return "", err
			}
		}
		top = id.Encoded()
	}
	return top, nil
}

func (w *legacyWriter) layer(ctx context.Context, about legacyLayer, d image.Descriptor) error {
	to := w.e.sink
	version := []byte("1.0")
	if err := to.file(about.ID+"/VERSION", int64(len(version)), bytes.NewReader(version)); err != nil {
		return err
	}
	if err := writeJSON(to, about.ID+"/json", about); err != nil {
		return err
	}
	name := about.ID + "/layer.tar"
	if first, ok := w.layers[d.Digest]; ok {
		return to.link(name, "../"+first)
	}
	w.layers[d.Digest] = name
	return w.e.write(ctx, name, d)
}
