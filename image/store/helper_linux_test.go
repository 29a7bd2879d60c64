package store

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/sandkit/sandkit/image"
)

// open gives a store in a new directory. Power cuts are not what most tests are
// about.
func open(t testing.TB, opts ...Option) *Store {
	t.Helper()
	s, err := Open(filepath.Join(t.TempDir(), "store"), append([]Option{NoSync()}, opts...)...)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func lease(t testing.TB, s *Store) *Lease {
	t.Helper()
	l, err := s.Lease(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := l.Release(); err != nil {
			t.Error(err)
		}
	})
	return l
}

func ref(t testing.TB, name string) image.Ref {
	t.Helper()
	r, err := image.ParseRef(name)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// addImage adds an image with one layer for each text and gives its manifest.
func addImage(ctx context.Context, l *Lease, author string, layers ...string) (image.Descriptor, error) {
	created := time.Unix(int64(len(author)), 0).UTC()
	c := image.Config{
		Created: &created, Author: author, OS: "linux", Architecture: image.HostPlatform().Architecture,
		RootFS: image.RootFS{Type: "layers"},
	}
	m := image.Manifest{SchemaVersion: 2, MediaType: image.MediaTypeOCIManifest}
	for _, text := range layers {
		d, err := l.Put(ctx, image.MediaTypeOCILayer, []byte(text))
		if err != nil {
			return d, err
		}
		m.Layers = append(m.Layers, d)
		c.RootFS.DiffIDs = append(c.RootFS.DiffIDs, d.Digest)
	}
	raw, err := json.Marshal(c)
	if err == nil {
		m.Config, err = l.Put(ctx, image.MediaTypeOCIConfig, raw)
	}
	if err == nil {
		raw, err = json.Marshal(m)
	}
	if err != nil {
		return image.Descriptor{}, err
	}
	return l.Put(ctx, image.MediaTypeOCIManifest, raw)
}

func mustAdd(t testing.TB, l *Lease, name, author string, layers ...string) image.Descriptor {
	t.Helper()
	d, err := addImage(t.Context(), l, author, layers...)
	if err != nil {
		t.Fatal(err)
	}
	var r image.Ref
	if name != "" {
		r = ref(t, name)
	}
	if err := l.Tag(t.Context(), r, d); err != nil {
		t.Fatal(err)
	}
	return d
}

// healthy checks that the store has nothing wrong, and that a collection leaves
// so many blobs.
func healthy(t testing.TB, s *Store, blobs int) {
	t.Helper()
	if problems, err := s.Verify(t.Context(), false); err != nil || len(problems) > 0 {
		t.Errorf("Verify: %v, %v", problems, err)
	}
	if _, err := s.Collect(t.Context(), -1); err != nil {
		t.Error(err)
	}
	n := 0
	if err := s.eachBlob(func(image.Digest, os.FileInfo) error { n++; return nil }); err != nil || n != blobs {
		t.Errorf("%d blobs after a collection, want %d; %v", n, blobs, err)
	}
	for _, dir := range []string{"ingest", "unpack", "trash"} {
		if left, err := os.ReadDir(s.path(dir)); err != nil || len(left) > 0 {
			t.Errorf("in %s there is %v, %v", dir, left, err)
		}
	}
}
