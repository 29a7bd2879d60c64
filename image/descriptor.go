package image

import (
	_ "crypto/sha256" // the digests that descriptors use
	_ "crypto/sha512"
	"fmt"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// A Digest names content by its hash, "sha256:" and 64 hex digits.
type Digest = digest.Digest

// A Descriptor names content: its digest, size and media type.
type Descriptor = ocispec.Descriptor

// Limits of documents. What a registry serves beyond them is no image.
const (
	MaxManifestSize = 4 << 20 // registries do not take larger ones
	MaxConfigSize   = 8 << 20 // Docker's limit
	MaxLayers       = 500     // overlayfs takes no more
	MaxIndexEntries = 1 << 12 // manifests that one index may name
	MaxIndexDepth   = 4       // indexes inside of indexes
)

// Describe gives the descriptor of content.
func Describe(mediaType string, content []byte) Descriptor {
	return Descriptor{MediaType: mediaType, Digest: digest.FromBytes(content), Size: int64(len(content))}
}

// CheckDescriptor makes sure that a descriptor can be used: a known hash, a
// possible size, a media type, and embedded data that are what it describes.
func CheckDescriptor(d Descriptor) error {
	if err := d.Digest.Validate(); err != nil {
		return invalid("digest %q: %w", string(d.Digest), err)
	}
	if d.Size < 0 {
		return invalid("size %d of %s", d.Size, d.Digest)
	}
	if !isMediaType(d.MediaType) {
		return invalid("media type %q of %s", d.MediaType, d.Digest)
	}
	if d.Data != nil {
		if err := Verify(d, d.Data); err != nil {
			return invalid("embedded data: %w", err)
		}
	}
	return nil
}

// Verify makes sure that content is what the descriptor says.
func Verify(d Descriptor, content []byte) error {
	if int64(len(content)) != d.Size {
		return &SizeError{Digest: d.Digest, Want: d.Size, Got: int64(len(content))}
	}
	if err := d.Digest.Validate(); err != nil {
		return invalid("digest %q: %w", string(d.Digest), err)
	}
	if got := d.Digest.Algorithm().FromBytes(content); got != d.Digest {
		return &DigestError{Want: d.Digest, Got: got}
	}
	return nil
}

// ParseDigest checks a digest that was written by a user.
func ParseDigest(s string) (Digest, error) {
	d, err := digest.Parse(s)
	if err != nil {
		return "", fmt.Errorf("parse digest %q: %w", s, err)
	}
	return d, nil
}

// ChainIDs gives for each layer the name of the tree that it and all below it
// make up, as the OCI defines it. They serve as keys for unpacked trees.
func ChainIDs(diffIDs []Digest) []Digest {
	chain := make([]Digest, len(diffIDs))
	for i, d := range diffIDs {
		chain[i] = d
		if i > 0 {
			chain[i] = digest.FromString(string(chain[i-1]) + " " + string(d))
		}
	}
	return chain
}
