package store

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"

	"github.com/opencontainers/go-digest"

	"github.com/sandkit/sandkit/image"
)

// Verified is a source that verifies content while it is read: in place of
// io.EOF, the reader gives an *image.DigestError or an *image.SizeError. What
// was read before is not to be trusted until io.EOF.
func Verified(source image.Source) image.Source { return verifiedSource{source} }

type verifiedSource struct{ image.Source }

// Open opens content that is verified while it is read.
func (v verifiedSource) Open(ctx context.Context, d image.Descriptor) (io.ReadCloser, error) {
	if err := image.CheckDescriptor(d); err != nil {
		return nil, fmt.Errorf("open blob: %w", err)
	}
	r, err := v.Source.Open(ctx, d)
	if err != nil {
		return nil, err
	}
	return &verifiedReader{ReadCloser: r, want: d, hash: d.Digest.Algorithm().Digester()}, nil
}

type verifiedReader struct {
	io.ReadCloser
	want image.Descriptor
	hash digest.Digester
	size int64
}

func (v *verifiedReader) Read(b []byte) (int, error) {
	n, err := v.ReadCloser.Read(b)
	v.size += int64(n)
	if v.size > v.want.Size {
		return 0, &image.SizeError{Digest: v.want.Digest, Want: v.want.Size, Got: v.size}
	}
	_, _ = v.hash.Hash().Write(b[:n]) // a hash never fails
	if !errors.Is(err, io.EOF) {
		return n, err
	}
	if v.size != v.want.Size {
		return n, &image.SizeError{Digest: v.want.Digest, Want: v.want.Size, Got: v.size}
	}
	if got := v.hash.Digest(); got != v.want.Digest {
		return n, &image.DigestError{Want: v.want.Digest, Got: got}
	}
	return n, io.EOF
}

// Image gives the image that a name means, see [Store.Lookup]. Of an index it
// is the one that runs best on the platform, by default this host's. The image
// is read and verified; its layers are not, and may be missing. Without a
// [Lease] they may be gone the next moment.
func (s *Store) Image(ctx context.Context, name string, platform image.Platform) (image.Image, error) {
	t, err := s.load()
	if err != nil {
		return nil, err
	}
	target, _, err := s.find(ctx, t, name)
	if err != nil {
		return nil, fmt.Errorf("look up image: %w", err)
	}
	img, err := s.Load(ctx, target, platform)
	if err != nil {
		return nil, fmt.Errorf("read image %s: %w", name, err)
	}
	return img, nil
}

// Load is [Store.Image] for the manifest or index of an image, which needs no
// name.
func (s *Store) Load(ctx context.Context, target image.Descriptor, platform image.Platform) (image.Image, error) {
	d, err := s.manifestFor(ctx, target, platform)
	if err != nil {
		return nil, err
	}
	if img := s.images.get(d); img != nil {
		info, err := s.blobInfo(d.Digest)
		if err == nil && info.Size() == d.Size {
			return img, nil
		}
	}
	img, err := image.Load(ctx, s, d)
	if err != nil {
		return nil, err
	}
	s.images.put(d, img)
	return img, nil
}

// Limits of what is remembered, so that a program which uses some images all
// the time need not parse them again and again.
const (
	maxCached     = 32
	maxCachedSize = 128 << 10 // of an image's documents
)

// cache has images that were read and verified; they never change.
type cache struct {
	mu     sync.Mutex
	images map[cacheKey]image.Image
}

type cacheKey struct {
	digest    image.Digest
	mediaType string
}

func (c *cache) get(d image.Descriptor) image.Image {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.images[cacheKey{d.Digest, d.MediaType}]
}

func (c *cache) put(d image.Descriptor, img image.Image) {
	if len(img.RawManifest())+len(img.RawConfig()) > maxCachedSize {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.images) >= maxCached || c.images == nil {
		c.images = make(map[cacheKey]image.Image)
	}
	c.images[cacheKey{d.Digest, d.MediaType}] = img
}

// manifestFor goes through indexes to a manifest.
func (s *Store) manifestFor(ctx context.Context, d image.Descriptor, platform image.Platform) (image.Descriptor, error) {
	if platform.OS == "" && platform.Architecture == "" {
		platform = image.HostPlatform()
	}
	for depth := 0; image.IsIndex(d.MediaType); depth++ {
		if depth == image.MaxIndexDepth {
			return d, &image.LimitError{What: "depth of indexes", Limit: image.MaxIndexDepth}
		}
		raw, err := image.ReadAll(ctx, s, d, image.MaxManifestSize)
		if err != nil {
			return d, err
		}
		x, err := image.ParseIndex(d, raw)
		if err != nil {
			return d, err
		}
		if d, err = x.Select(platform); err != nil {
			return d, err
		}
	}
	return d, nil
}
