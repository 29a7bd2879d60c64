package registrytest

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"io"

	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/sandkit/sandkit/image"
)

// Image is an image to be added.
type Image struct {
	// Platform is this host's if zero.
	Platform image.Platform
	// Layers are tars, packed with gzip or not.
	Layers [][]byte
	// Config is how its programs are run.
	Config image.RunConfig
	// Subject makes it refer to another image.
	Subject *image.Descriptor
}

// AddBlob adds a blob and gives its descriptor.
func (r *Registry) AddBlob(repo, mediaType string, raw []byte) image.Descriptor {
	d := image.Describe(mediaType, raw)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.repo(repo).blobs[d.Digest] = raw
	return d
}

// AddManifest adds any document as a manifest, under a tag if that is not
// empty, and gives its descriptor. Nothing is checked.
func (r *Registry) AddManifest(repo, tag, mediaType string, content any) image.Descriptor {
	raw, ok := content.([]byte)
	if !ok {
		raw = mustJSON(content)
	}
	d := image.Describe(mediaType, raw)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.addManifest(repo, tag, d, raw)
	return d
}

// AddImage adds an image, under a tag if that is not empty, and gives its
// descriptor, which has the platform.
func (r *Registry) AddImage(repo, tag string, img Image) image.Descriptor {
	if img.Platform.OS == "" {
		img.Platform = image.HostPlatform()
	}
	c := image.Config{
		OS: img.Platform.OS, Architecture: img.Platform.Architecture, Variant: img.Platform.Variant,
		Config: img.Config, RootFS: image.RootFS{Type: "layers", DiffIDs: []image.Digest{}},
	}
	m := image.Manifest{SchemaVersion: 2, MediaType: image.MediaTypeOCIManifest, Layers: []image.Descriptor{}, Subject: img.Subject}
	for _, raw := range img.Layers {
		mediaType, tar := image.MediaTypeOCILayer, raw
		if u, err := gzip.NewReader(bytes.NewReader(raw)); err == nil {
			mediaType = image.MediaTypeOCILayerGzip
			if tar, err = io.ReadAll(u); err != nil {
				panic("registrytest: layer: " + err.Error())
			}
		}
		m.Layers = append(m.Layers, r.AddBlob(repo, mediaType, raw))
		c.RootFS.DiffIDs = append(c.RootFS.DiffIDs, image.Describe("", tar).Digest)
	}
	m.Config = r.AddBlob(repo, image.MediaTypeOCIConfig, mustJSON(c))
	d := r.AddManifest(repo, tag, m.MediaType, m)
	platform := ocispec.Platform(img.Platform)
	d.Platform = &platform
	return d
}

// AddIndex adds an index, under a tag if that is not empty, and gives its
// descriptor.
func (r *Registry) AddIndex(repo, tag string, manifests ...image.Descriptor) image.Descriptor {
	return r.AddManifest(repo, tag, image.MediaTypeOCIIndex, image.Index{
		SchemaVersion: 2, MediaType: image.MediaTypeOCIIndex, Manifests: manifests,
	})
}

// mustJSON is for documents that always have a JSON form.
func mustJSON(content any) []byte {
	raw, err := json.Marshal(content)
	if err != nil {
		panic("registrytest: " + err.Error())
	}
	return raw
}
