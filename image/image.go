package image

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"slices"
)

// A Source opens content by its descriptor: a store, a registry's repository,
// an archive. The caller closes the reader and checks what it reads; the
// error matches [ErrNotFound] when there is no such content.
type Source interface {
	Open(ctx context.Context, d Descriptor) (io.ReadCloser, error)
}

// An Image is one manifest with its configuration, which fit together. It
// never changes and is safe for concurrent use.
type Image interface {
	// Descriptor is the manifest's.
	Descriptor() Descriptor
	// ID is the configuration's digest, by which Docker knows images.
	ID() Digest
	// Manifest is a copy of the manifest.
	Manifest() *Manifest
	// Config is a copy of the configuration.
	Config() *Config
	// RawManifest and RawConfig are the documents byte by byte, as digests
	// need them. They are not to be changed.
	RawManifest() []byte
	RawConfig() []byte
	// Layers are the layers, the lowest first.
	Layers() []Layer
}

// A Layer is one layer of an image: a packed tar. It never changes and is
// safe for concurrent use.
type Layer interface {
	// Descriptor is that of the layer as it is packed.
	Descriptor() Descriptor
	// DiffID is the digest of the uncompressed tar.
	DiffID() Digest
	// Open gives the packed bytes, which are not verified yet. The caller
	// closes the reader.
	Open(ctx context.Context) (io.ReadCloser, error)
}

// New makes an image from its documents, and checks that these belong together;
// source has the layers.
func New(source Source, desc Descriptor, manifest, config []byte) (Image, error) {
	m, err := ParseManifest(desc, manifest)
	if err != nil {
		return nil, err
	}
	c, err := ParseConfig(m.Config, config)
	if err != nil {
		return nil, err
	}
	if len(c.RootFS.DiffIDs) != len(m.Layers) {
		return nil, invalid("image %s: %d layers, but %d diffIDs", desc.Digest, len(m.Layers), len(c.RootFS.DiffIDs))
	}
	img := &parsed{desc: desc, manifest: m, config: c, rawManifest: bytes.Clone(manifest), rawConfig: bytes.Clone(config)}
	for i, d := range m.Layers {
		if !IsLayer(d.MediaType) {
			return nil, &Error{Op: "read image", Image: string(desc.Digest), Layer: d.Digest, Err: &MediaTypeError{What: "layer", Got: d.MediaType}}
		}
		img.layers = append(img.layers, &layer{source: source, desc: d, diffID: c.RootFS.DiffIDs[i]})
	}
	return img, nil
}

// Load reads manifest and configuration from a source and makes an image of
// them.
func Load(ctx context.Context, source Source, desc Descriptor) (Image, error) {
	manifest, err := ReadAll(ctx, source, desc, MaxManifestSize)
	if err != nil {
		return nil, fmt.Errorf("read manifest: %w", err)
	}
	m, err := ParseManifest(desc, manifest)
	if err != nil {
		return nil, err
	}
	if !IsConfig(m.Config.MediaType) {
		return nil, &MediaTypeError{What: "configuration", Got: m.Config.MediaType}
	}
	config, err := ReadAll(ctx, source, m.Config, MaxConfigSize)
	if err != nil {
		return nil, fmt.Errorf("read configuration: %w", err)
	}
	return New(source, desc, manifest, config)
}

// ReadAll reads content of at most limit bytes from a source and verifies it.
// Data embedded in the descriptor serve in place of the source.
func ReadAll(ctx context.Context, source Source, desc Descriptor, limit int64) ([]byte, error) {
	if err := CheckDescriptor(desc); err != nil {
		return nil, err
	}
	if desc.Size > limit {
		return nil, &LimitError{What: "size of " + string(desc.Digest), Limit: limit, Got: desc.Size}
	}
	if desc.Data != nil {
		return bytes.Clone(desc.Data), nil
	}
	r, err := source.Open(ctx, desc)
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", desc.Digest, err)
	}
	content, err := io.ReadAll(io.LimitReader(r, desc.Size+1))
	if closeErr := r.Close(); err == nil {
		err = closeErr
	}
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", desc.Digest, err)
	}
	return content, Verify(desc, content)
}

// parsed is an Image of documents that were checked.
type parsed struct {
	desc                   Descriptor
	manifest               *Manifest
	config                 *Config
	rawManifest, rawConfig []byte
	layers                 []Layer
}

// Descriptor is the manifest's.
func (p *parsed) Descriptor() Descriptor { return p.desc }

// ID is the configuration's digest.
func (p *parsed) ID() Digest { return p.manifest.Config.Digest }

// Config is a copy of the configuration.
func (p *parsed) Config() *Config { return p.config.Clone() }

// RawManifest is the manifest byte by byte.
func (p *parsed) RawManifest() []byte { return p.rawManifest }

// RawConfig is the configuration byte by byte.
func (p *parsed) RawConfig() []byte { return p.rawConfig }

// Layers are the layers, the lowest first.
func (p *parsed) Layers() []Layer { return slices.Clone(p.layers) }

// Manifest is a copy of the manifest.
func (p *parsed) Manifest() *Manifest {
	m := new(Manifest)
	if err := unmarshal(p.rawManifest, m); err != nil {
		return p.manifest // it was parsed before
	}
	return m
}

// layer is a Layer in a source.
type layer struct {
	source Source
	desc   Descriptor
	diffID Digest
}

// Descriptor is that of the layer as it is packed.
func (l *layer) Descriptor() Descriptor { return l.desc }

// DiffID is the digest of the uncompressed tar.
func (l *layer) DiffID() Digest { return l.diffID }

// Open gives the packed bytes.
func (l *layer) Open(ctx context.Context) (io.ReadCloser, error) {
	return l.source.Open(ctx, l.desc)
}
