package store_test

import (
	"errors"
	"testing"

	"github.com/sandkit/sandkit/image"
	"github.com/sandkit/sandkit/image/store"
)

// TestClear: a lease that was cleared keeps nothing, and can keep things again.
func TestClear(t *testing.T) {
	s, err := store.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	lease, err := s.Lease(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := lease.Release(); err != nil {
			t.Error(err)
		}
	})
	put := func() image.Descriptor {
		t.Helper()
		d, err := lease.Put(t.Context(), "text/plain", []byte("content"))
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
	has := func(d image.Descriptor) bool {
		t.Helper()
		if _, err := s.Collect(t.Context(), -1); err != nil {
			t.Fatal(err)
		}
		ok, err := s.Has(d.Digest)
		if err != nil {
			t.Fatal(err)
		}
		return ok
	}
	d := put()
	if !has(d) {
		t.Error("the lease kept nothing")
	}
	if err := lease.Clear(t.Context()); err != nil {
		t.Fatal(err)
	}
	if has(d) {
		t.Error("a cleared lease keeps")
	}
	if d = put(); !has(d) {
		t.Error("after it was cleared the lease kept nothing")
	}
	if err := lease.Release(); err != nil {
		t.Fatal(err)
	}
	if err := lease.Clear(t.Context()); !errors.Is(err, store.ErrReleased) {
		t.Error(err)
	}
}

// TestGeneration: it changes with every change of names.
func TestGeneration(t *testing.T) {
	s, err := store.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	seen := make(map[string]bool)
	check := func(what string) {
		t.Helper()
		g, err := s.Generation()
		if err != nil || seen[g] {
			t.Errorf("%s: generation %q again, %v", what, g, err)
		}
		seen[g] = true
		if again, err := s.Generation(); err != nil || again != g {
			t.Errorf("%s: generation %q, then %q, %v", what, g, again, err)
		}
	}
	check("empty")
	lease, err := s.Lease(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := lease.Release(); err != nil {
			t.Error(err)
		}
	})
	img, err := lease.Append(t.Context(), nil, plainLayer(t, lease), image.Digest("sha256:5f70bf18a086007016e948b04aed3b82103a36bea41755b6cddfaf10ace3c6ef"), image.Config{OS: "linux", Architecture: "amd64"})
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"a", "b"} {
		ref, err := image.ParseRef(name)
		if err != nil {
			t.Fatal(err)
		}
		if err := lease.Tag(t.Context(), ref, img.Descriptor()); err != nil {
			t.Fatal(err)
		}
		check("tag " + name)
	}
	if err := lease.Release(); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Remove(t.Context(), "a", false); err != nil {
		t.Fatal(err)
	}
	check("untagged")
}

func plainLayer(t *testing.T, lease *store.Lease) image.Descriptor {
	t.Helper()
	d, err := lease.Put(t.Context(), image.MediaTypeOCILayer, make([]byte, 1024))
	if err != nil {
		t.Fatal(err)
	}
	return d
}
