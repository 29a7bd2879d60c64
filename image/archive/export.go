package archive

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/sandkit/sandkit/image"
	"github.com/sandkit/sandkit/image/store"
)

// Format is the form of an archive.
type Format int

// The formats of archives.
const (
	// Docker is what docker save writes today: an OCI layout with a
	// manifest.json beside it. Every version of docker load since 1.10 reads it.
	Docker Format = iota
	// OCI is an OCI layout and nothing else.
	OCI
	// DockerLegacy is what docker save wrote before version 25, without
	// manifests: reading it back gives the same configuration and layers, and a
	// manifest in Docker's format. Layers are packed as they are in the store.
	DockerLegacy
)

// String is the format's name.
func (f Format) String() string {
	switch f {
	case Docker:
		return "docker"
	case OCI:
		return "oci"
	case DockerLegacy:
		return "docker-legacy"
	}
	return fmt.Sprintf("format %d", int(f))
}

// ExportOptions change an export. The zero value is good for most.
type ExportOptions struct {
	Format Format
	// Platform says which image of an index Docker's formats mean; this host's
	// if zero. The layout always has all that are in the store.
	Platform image.Platform
	// Progress is told of each file. It is called by one goroutine; nil is fine.
	Progress image.ProgressFunc
}

// Export writes images as a tar archive, whose bytes are always the same for
// the same images. They are found as store.Lookup does, and keep the names that
// were asked for; one that is found by its id gets no name. Blobs are verified
// while they are written: after an error, what was written is of no use.
func Export(ctx context.Context, s *store.Store, w io.Writer, o ExportOptions, names ...string) error {
	if err := export(ctx, s, newTarSink(w), o, names); err != nil {
		return fmt.Errorf("export image: %w", err)
	}
	return nil
}

// ExportDir writes images as an OCI layout into a directory that must not exist
// or be empty. It appears when it is complete.
func ExportDir(ctx context.Context, s *store.Store, dir string, o ExportOptions, names ...string) (err error) {
	if o.Format == DockerLegacy {
		return fmt.Errorf("export image: format %v is no directory: %w", o.Format, errors.ErrUnsupported)
	}
	temp, err := os.MkdirTemp(filepath.Dir(filepath.Clean(dir)), ".sandkit-export-")
	if err != nil {
		return fmt.Errorf("export image: %w", err)
	}
	err = export(ctx, s, dirSink(temp), o, names)
	if err == nil {
		err = os.Chmod(temp, 0o755) // as the files in it
	}
	if err == nil {
		err = os.Rename(temp, dir)
	}
	if err != nil {
		return errors.Join(fmt.Errorf("export image: %w", err), os.RemoveAll(temp))
	}
	return nil
}

// exporter is one export.
type exporter struct {
	store  *store.Store
	sink   sink
	opts   ExportOptions
	images []exported
	seen   map[image.Digest]bool
	blobs  []image.Descriptor
}

// exported is an image under the name that it was asked for with.
type exported struct {
	ref    image.Ref // zero when it was asked for by id
	target image.Descriptor
}

func export(ctx context.Context, s *store.Store, to sink, o ExportOptions, names []string) error {
	if len(names) == 0 {
		return fmt.Errorf("no image is named: %w", image.ErrInvalid)
	}
	lease, err := s.Lease(ctx)
	if err != nil {
		return err
	}
	e := &exporter{store: s, sink: to, opts: o, seen: make(map[image.Digest]bool)}
	return errors.Join(e.run(ctx, lease, names), lease.Release())
}

func (e *exporter) run(ctx context.Context, lease *store.Lease, names []string) error {
	for _, name := range names {
		entry, err := e.store.Lookup(ctx, name)
		if err == nil {
			err = lease.Keep(ctx, entry.Target)
		}
		if err != nil {
			return err
		}
		e.images = append(e.images, exported{nameIn(entry, name), entry.Target})
		if err := e.collect(ctx, entry.Target, 0); err != nil {
			return err
		}
	}
	var err error
	if e.opts.Format == DockerLegacy {
		err = e.writeLegacy(ctx)
	} else {
		err = e.writeLayout(ctx)
	}
	if err != nil {
		return err
	}
	return e.sink.close()
}

// nameIn gives the name of an image that it was found by.
func nameIn(entry store.Entry, name string) image.Ref {
	ref, err := image.ParseRef(name)
	if err != nil {
		return image.Ref{}
	}
	for _, r := range entry.Refs {
		if r == ref {
			return r
		}
	}
	if ref.Digest() == "" {
		return image.Ref{} // it was an id that looks like a name
	}
	return ref
}

// collect finds the blobs of an image: manifests that are not in the store are
// of platforms that were never fetched, and what a manifest names must be there.
func (e *exporter) collect(ctx context.Context, d image.Descriptor, depth int) error {
	if e.seen[d.Digest] {
		return nil
	}
	if depth > image.MaxIndexDepth {
		return &image.LimitError{What: "depth of indexes", Limit: image.MaxIndexDepth}
	}
	if err := e.add(d); err != nil {
		return err
	}
	if !image.IsManifest(d.MediaType) && !image.IsIndex(d.MediaType) {
		return nil
	}
	raw, err := image.ReadAll(ctx, e.store, d, image.MaxManifestSize)
	if err != nil {
		return err
	}
	if image.IsIndex(d.MediaType) {
		x, err := image.ParseIndex(d, raw)
		if err != nil {
			return err
		}
		for _, m := range x.Manifests {
			ok, err := e.store.Has(m.Digest)
			if ok && err == nil {
				err = e.collect(ctx, m, depth+1)
			}
			if err != nil {
				return err
			}
		}
		return nil
	}
	m, err := image.ParseManifest(d, raw)
	if err != nil {
		return err
	}
	for _, part := range append([]image.Descriptor{m.Config}, m.Layers...) {
		err := e.add(part)
		if err != nil && (!errors.Is(err, image.ErrNotFound) || !image.IsForeign(part.MediaType)) {
			return &image.Error{Op: "read image", Image: string(d.Digest), Layer: part.Digest, Err: err}
		}
	}
	return nil
}

// add takes a blob that is in the store.
func (e *exporter) add(d image.Descriptor) error {
	if e.seen[d.Digest] {
		return nil
	}
	ok, err := e.store.Has(d.Digest)
	if err == nil && !ok {
		err = &store.NotFoundError{What: "blob", Name: string(d.Digest)}
	}
	if err != nil {
		return err
	}
	e.seen[d.Digest] = true
	e.blobs = append(e.blobs, d)
	return nil
}

// write writes a blob and verifies it.
func (e *exporter) write(ctx context.Context, name string, d image.Descriptor) (err error) {
	r, err := store.Verified(e.store).Open(ctx, d)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, r.Close()) }()
	p := &progress{tell: e.opts.Progress, now: image.Progress{Phase: image.PhaseExport, Digest: d.Digest, Total: d.Size}}
	p.begin()
	if err := e.sink.file(name, d.Size, &untilDone{ctx, p.reader(r)}); err != nil {
		return err
	}
	// The end of what is read brings the verdict.
	if n, err := r.Read(make([]byte, 1)); n > 0 || !errors.Is(err, io.EOF) {
		return err
	}
	p.end()
	return nil
}

// untilDone ends with its context.
type untilDone struct {
	ctx context.Context //nolint:containedctx // it lives as long as one call
	io.Reader
}

func (u *untilDone) Read(b []byte) (int, error) {
	if u.ctx.Err() != nil {
		return 0, context.Cause(u.ctx)
	}
	return u.Reader.Read(b)
}
