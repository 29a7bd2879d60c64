package image

import "strings"

// Media types of the OCI and of Docker.
const (
	MediaTypeOCIManifest = "application/vnd.oci.image.manifest.v1+json"
	MediaTypeOCIIndex    = "application/vnd.oci.image.index.v1+json"
	MediaTypeOCIConfig   = "application/vnd.oci.image.config.v1+json"
	MediaTypeOCIEmpty    = "application/vnd.oci.empty.v1+json"

	MediaTypeOCILayer     = "application/vnd.oci.image.layer.v1.tar"
	MediaTypeOCILayerGzip = "application/vnd.oci.image.layer.v1.tar+gzip"
	MediaTypeOCILayerZstd = "application/vnd.oci.image.layer.v1.tar+zstd"

	// Layers that registries used not to hold. They are read like others.
	MediaTypeOCIForeignLayer     = "application/vnd.oci.image.layer.nondistributable.v1.tar"
	MediaTypeOCIForeignLayerGzip = "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip"
	MediaTypeOCIForeignLayerZstd = "application/vnd.oci.image.layer.nondistributable.v1.tar+zstd"

	MediaTypeDockerManifest     = "application/vnd.docker.distribution.manifest.v2+json"
	MediaTypeDockerManifestList = "application/vnd.docker.distribution.manifest.list.v2+json"
	MediaTypeDockerConfig       = "application/vnd.docker.container.image.v1+json"

	MediaTypeDockerLayer            = "application/vnd.docker.image.rootfs.diff.tar"
	MediaTypeDockerLayerGzip        = "application/vnd.docker.image.rootfs.diff.tar.gzip"
	MediaTypeDockerLayerZstd        = "application/vnd.docker.image.rootfs.diff.tar.zstd"
	MediaTypeDockerForeignLayer     = "application/vnd.docker.image.rootfs.foreign.diff.tar"
	MediaTypeDockerForeignLayerGzip = "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip"
)

// Compression is how a layer's tar is packed.
type Compression string

// The compressions of layers.
const (
	Plain Compression = ""
	Gzip  Compression = "gzip"
	Zstd  Compression = "zstd"
)

// String is the compression's name, "none" for Plain.
func (c Compression) String() string {
	if c == Plain {
		return "none"
	}
	return string(c)
}

// layerTypes are the media types of layers.
var layerTypes = map[string]struct {
	compression Compression
	foreign     bool
}{
	MediaTypeOCILayer: {Plain, false}, MediaTypeOCILayerGzip: {Gzip, false}, MediaTypeOCILayerZstd: {Zstd, false},
	MediaTypeOCIForeignLayer: {Plain, true}, MediaTypeOCIForeignLayerGzip: {Gzip, true}, MediaTypeOCIForeignLayerZstd: {Zstd, true},
	MediaTypeDockerLayer: {Plain, false}, MediaTypeDockerLayerGzip: {Gzip, false}, MediaTypeDockerLayerZstd: {Zstd, false},
	MediaTypeDockerForeignLayer: {Plain, true}, MediaTypeDockerForeignLayerGzip: {Gzip, true},
}

// LayerCompression says how a layer of this media type is packed. The error
// is a *MediaTypeError when it is no layer.
func LayerCompression(mediaType string) (Compression, error) {
	t, ok := layerTypes[mediaType]
	if !ok {
		return Plain, &MediaTypeError{What: "layer", Got: mediaType}
	}
	return t.compression, nil
}

// IsLayer tells whether a media type is a layer's.
func IsLayer(mediaType string) bool {
	_, ok := layerTypes[mediaType]
	return ok
}

// IsForeign tells whether a media type is that of a layer which registries
// used not to hold: its descriptor's URLs say where it is.
func IsForeign(mediaType string) bool { return layerTypes[mediaType].foreign }

// IsIndex tells whether a media type is an index's, or a manifest list's.
func IsIndex(mediaType string) bool {
	return mediaType == MediaTypeOCIIndex || mediaType == MediaTypeDockerManifestList
}

// IsManifest tells whether a media type is a manifest's.
func IsManifest(mediaType string) bool {
	return mediaType == MediaTypeOCIManifest || mediaType == MediaTypeDockerManifest
}

// IsConfig tells whether a media type is that of an image's configuration.
// Manifests with another one describe something else than an image.
func IsConfig(mediaType string) bool {
	return mediaType == MediaTypeOCIConfig || mediaType == MediaTypeDockerConfig
}

// isMediaType checks the form of a media type (RFC 6838, 4.2).
func isMediaType(s string) bool {
	kind, sub, ok := strings.Cut(s, "/")
	return ok && isMediaWord(kind) && isMediaWord(sub)
}

func isMediaWord(s string) bool {
	for i, c := range []byte(s) {
		switch {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9':
		case i > 0 && strings.IndexByte("!#$&-^_.+", c) >= 0:
		default:
			return false
		}
	}
	return s != "" && len(s) <= 127
}
