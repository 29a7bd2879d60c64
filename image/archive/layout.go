package archive

import (
	"context"
	"encoding/json"
	"errors"
	"strings"

	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/sandkit/sandkit/image"
)

// The files of an OCI layout.
const (
	layoutFile = ocispec.ImageLayoutFile
	indexFile  = ocispec.ImageIndexFile
)

// annotationName is where containerd and Docker put an image's whole name.
const annotationName = "io.containerd.image.name"

// blobPath is where a layout has a blob. The digest must be valid.
func blobPath(d image.Digest) string {
	return "blobs/" + d.Algorithm().String() + "/" + d.Encoded()
}

// resolveLayout finds the images of an OCI layout.
func (im *importer) resolveLayout(ctx context.Context, c contents) error {
	raw, err := im.read(ctx, c, layoutFile, 1<<10)
	if err != nil {
		return err
	}
	var layout ocispec.ImageLayout
	if err := json.Unmarshal(raw, &layout); err != nil || !strings.HasPrefix(layout.Version, "1.") {
		return invalid(layoutFile, "version %q", layout.Version)
	}
	if raw, err = im.read(ctx, c, indexFile, image.MaxManifestSize); err != nil {
		return err
	}
	index, err := image.ParseIndex(image.Describe(image.MediaTypeOCIIndex, raw), raw)
	if err != nil {
		return at(indexFile, err)
	}
	w := &walk{im: im, c: c, seen: make(map[image.Digest]bool)}
	for _, d := range index.Manifests {
		if !image.IsManifest(d.MediaType) && !image.IsIndex(d.MediaType) {
			continue // something else that has a place in a layout
		}
		if err := w.check(ctx, d, 0); err != nil {
			return err
		}
		ref, err := im.name(d)
		if err != nil {
			return at(indexFile, err)
		}
		target := d
		target.Annotations = nil // they are about the place in this layout
		im.found = append(im.found, Imported{ref, target})
	}
	if len(im.found) == 0 {
		return invalid(indexFile, "no images")
	}
	return nil
}

// name finds out what a layout calls an image.
func (im *importer) name(d image.Descriptor) (image.Ref, error) {
	name := d.Annotations[ocispec.AnnotationRefName]
	if whole := d.Annotations[annotationName]; whole != "" {
		ref, err := image.ParseRef(whole)
		if err != nil || name == "" || name == ref.Tag() || strings.ContainsAny(name, ":/@") {
			return ref, err
		}
		return ref.WithTag(name) // umoci changes the tag alone
	}
	switch {
	case name == "":
		return image.Ref{}, nil
	case strings.ContainsAny(name, ":/@"):
		return image.ParseRef(name)
	case im.opts.Repository == "":
		return image.Ref{}, nil
	}
	repository, err := image.ParseRef(im.opts.Repository)
	if err != nil {
		return image.Ref{}, err
	}
	return repository.WithTag(name)
}

// walk checks what images consist of.
type walk struct {
	im   *importer
	c    contents
	seen map[image.Digest]bool
}

// check makes sure of a manifest, or of an index and those of its manifests
// that are there, one at least.
func (w *walk) check(ctx context.Context, d image.Descriptor, depth int) error {
	if depth > image.MaxIndexDepth {
		return at(blobPath(d.Digest), &image.LimitError{What: "depth of indexes", Limit: image.MaxIndexDepth})
	}
	if err := w.blob(ctx, d); err != nil {
		return err
	}
	if w.seen[d.Digest] {
		return nil
	}
	w.seen[d.Digest] = true
	raw, err := image.ReadAll(ctx, w.im.store, d, image.MaxManifestSize)
	if err != nil {
		return at(blobPath(d.Digest), err)
	}
	if image.IsManifest(d.MediaType) {
		return w.checkManifest(ctx, d, raw)
	}
	x, err := image.ParseIndex(d, raw)
	if err != nil {
		return at(blobPath(d.Digest), err)
	}
	complete := len(x.Manifests) == 0
	for _, m := range x.Manifests {
		if !image.IsManifest(m.MediaType) && !image.IsIndex(m.MediaType) {
			continue
		}
		if _, err := w.c.file(ctx, blobPath(m.Digest)); errors.Is(err, image.ErrNotFound) {
			continue // of a platform that was not saved
		}
		if err := w.check(ctx, m, depth+1); err != nil {
			return err
		}
		complete = true
	}
	if !complete {
		return at(blobPath(d.Digest), errors.Join(image.ErrNotFound, errors.New("none of the index's manifests is there")))
	}
	return nil
}

// checkManifest makes sure that configuration and layers are there and fit.
func (w *walk) checkManifest(ctx context.Context, d image.Descriptor, raw []byte) error {
	m, err := image.ParseManifest(d, raw)
	if err != nil {
		return at(blobPath(d.Digest), err)
	}
	for _, part := range append([]image.Descriptor{m.Config}, m.Layers...) {
		err := w.blob(ctx, part)
		if errors.Is(err, image.ErrNotFound) && image.IsForeign(part.MediaType) {
			continue // its descriptor says where it is
		}
		if err != nil {
			return err
		}
	}
	if !image.IsConfig(m.Config.MediaType) {
		return nil // something else than an image
	}
	config, err := image.ReadAll(ctx, w.im.store, m.Config, image.MaxConfigSize)
	if err != nil {
		return at(blobPath(m.Config.Digest), err)
	}
	if isAttestation(m) {
		return nil
	}
	img, err := image.New(w.im.store, d, raw, config)
	if err != nil {
		return at(blobPath(d.Digest), err)
	}
	for _, l := range img.Layers() {
		packed, err := image.LayerCompression(l.Descriptor().MediaType)
		if err == nil && packed == image.Plain && l.DiffID() != l.Descriptor().Digest {
			err = &image.DigestError{What: "diffID", Want: l.DiffID(), Got: l.Descriptor().Digest}
		}
		if err != nil {
			return at(blobPath(l.Descriptor().Digest), err)
		}
	}
	return nil
}

// isAttestation tells what BuildKit says of an image from an image: it has an
// image's configuration, and layers of another kind.
func isAttestation(m *image.Manifest) bool {
	for _, l := range m.Layers {
		if image.IsLayer(l.MediaType) {
			return false
		}
	}
	return len(m.Layers) > 0
}

// blob makes sure that a blob is in the archive and has its size.
func (w *walk) blob(ctx context.Context, d image.Descriptor) error {
	got, err := w.c.file(ctx, blobPath(d.Digest))
	if err != nil {
		return err
	}
	if got.Size != d.Size {
		return at(blobPath(d.Digest), &image.SizeError{Digest: d.Digest, Want: d.Size, Got: got.Size})
	}
	return nil
}
