package image

import (
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// A Manifest says what an image consists of: its configuration and its layers,
// the lowest first.
type Manifest struct {
	SchemaVersion int               `json:"schemaVersion"`
	MediaType     string            `json:"mediaType,omitempty"`
	ArtifactType  string            `json:"artifactType,omitempty"`
	Config        Descriptor        `json:"config"`
	Layers        []Descriptor      `json:"layers"`
	Subject       *Descriptor       `json:"subject,omitempty"`
	Annotations   map[string]string `json:"annotations,omitempty"`
}

// An Index names the manifests of an image for several platforms.
type Index struct {
	SchemaVersion int               `json:"schemaVersion"`
	MediaType     string            `json:"mediaType,omitempty"`
	ArtifactType  string            `json:"artifactType,omitempty"`
	Manifests     []Descriptor      `json:"manifests"`
	Subject       *Descriptor       `json:"subject,omitempty"`
	Annotations   map[string]string `json:"annotations,omitempty"`
}

// document has the fields that tell manifests, indexes and Docker's first
// schema apart.
type document struct {
	SchemaVersion int                 `json:"schemaVersion"`
	MediaType     string              `json:"mediaType"`
	Config        *any                `json:"config"`
	Layers        *any                `json:"layers"`
	Manifests     *any                `json:"manifests"`
	FSLayers      *any                `json:"fsLayers"`
	Annotations   *any                `json:"annotations"`
	Subject       *ocispec.Descriptor `json:"subject"`
}

// ParseManifest reads the manifest that desc describes. It fails with an error
// that matches [ErrCorrupt], [ErrInvalid], [ErrMediaType] or [ErrTooLarge].
func ParseManifest(desc Descriptor, raw []byte) (*Manifest, error) {
	if !IsManifest(desc.MediaType) {
		return nil, &MediaTypeError{What: "manifest", Got: desc.MediaType}
	}
	doc, err := open("manifest", desc, raw)
	if err != nil {
		return nil, err
	}
	if doc.Manifests != nil || doc.Config == nil || doc.Layers == nil && desc.MediaType == MediaTypeDockerManifest {
		return nil, invalid("manifest %s: it must have config and layers, and no manifests", desc.Digest)
	}
	m := new(Manifest)
	if err := unmarshal(raw, m); err != nil {
		return nil, invalid("manifest %s: %w", desc.Digest, err)
	}
	if len(m.Layers) > MaxLayers {
		return nil, &LimitError{What: "number of layers", Limit: MaxLayers, Got: int64(len(m.Layers))}
	}
	for i, d := range append([]Descriptor{m.Config}, m.Layers...) {
		if err := CheckDescriptor(d); err != nil {
			return nil, invalid("manifest %s: part %d: %w", desc.Digest, i, err)
		}
	}
	if m.Config.Size > MaxConfigSize {
		return nil, &LimitError{What: "configuration size", Limit: MaxConfigSize, Got: m.Config.Size}
	}
	return m, checkSubject(m.Subject)
}

// ParseIndex reads the index, or manifest list, that desc describes. It fails
// as [ParseManifest] does.
func ParseIndex(desc Descriptor, raw []byte) (*Index, error) {
	if !IsIndex(desc.MediaType) {
		return nil, &MediaTypeError{What: "index", Got: desc.MediaType}
	}
	doc, err := open("index", desc, raw)
	if err != nil {
		return nil, err
	}
	if doc.Manifests == nil || doc.Config != nil || doc.Layers != nil {
		return nil, invalid("index %s: it must have manifests, and neither config nor layers", desc.Digest)
	}
	x := new(Index)
	if err := unmarshal(raw, x); err != nil {
		return nil, invalid("index %s: %w", desc.Digest, err)
	}
	if len(x.Manifests) > MaxIndexEntries {
		return nil, &LimitError{What: "number of manifests", Limit: MaxIndexEntries, Got: int64(len(x.Manifests))}
	}
	for i, d := range x.Manifests {
		if err := CheckDescriptor(d); err != nil {
			return nil, invalid("index %s: manifest %d: %w", desc.Digest, i, err)
		}
		if d.Digest == desc.Digest {
			return nil, invalid("index %s: it contains itself", desc.Digest)
		}
	}
	return x, checkSubject(x.Subject)
}

// open checks what manifests and indexes have in common.
func open(what string, desc Descriptor, raw []byte) (*document, error) {
	if n := max(desc.Size, int64(len(raw))); n > MaxManifestSize {
		return nil, &LimitError{What: what + " size", Limit: MaxManifestSize, Got: n}
	}
	if err := Verify(desc, raw); err != nil {
		return nil, err
	}
	doc := new(document)
	if err := unmarshal(raw, doc); err != nil {
		return nil, invalid("%s %s: %w", what, desc.Digest, err)
	}
	if doc.FSLayers != nil || doc.SchemaVersion != 2 {
		return nil, &MediaTypeError{What: what, Got: "schema version " + version(doc.SchemaVersion)}
	}
	docker := desc.MediaType == MediaTypeDockerManifest || desc.MediaType == MediaTypeDockerManifestList
	if doc.MediaType != desc.MediaType && (doc.MediaType != "" || docker) {
		return nil, &MediaTypeError{What: what, Want: desc.MediaType, Got: doc.MediaType}
	}
	return doc, nil
}

func version(n int) string {
	if n == 1 {
		return "1"
	}
	return "unknown"
}

func checkSubject(d *Descriptor) error {
	if d == nil {
		return nil
	}
	return CheckDescriptor(*d)
}

// DetectMediaType tells what a manifest is that comes without a media type,
// such as one in a file: by what it says itself, or else by its fields. It
// checks nothing else.
func DetectMediaType(raw []byte) (string, error) {
	if len(raw) > MaxManifestSize {
		return "", &LimitError{What: "manifest size", Limit: MaxManifestSize, Got: int64(len(raw))}
	}
	doc := new(document)
	if err := unmarshal(raw, doc); err != nil {
		return "", invalid("manifest: %w", err)
	}
	switch {
	case IsManifest(doc.MediaType), IsIndex(doc.MediaType):
		return doc.MediaType, nil
	case doc.MediaType != "" || doc.FSLayers != nil:
		return "", &MediaTypeError{What: "manifest", Got: doc.MediaType}
	case doc.Manifests != nil && doc.Config == nil && doc.Layers == nil:
		return MediaTypeOCIIndex, nil
	case doc.Config != nil && doc.Manifests == nil:
		return MediaTypeOCIManifest, nil
	}
	return "", invalid("manifest: neither manifest nor index")
}
