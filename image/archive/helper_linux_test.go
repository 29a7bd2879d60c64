package archive

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/sandkit/sandkit/image"
	"github.com/sandkit/sandkit/image/layer"
	"github.com/sandkit/sandkit/image/store"
)

func newStore(t testing.TB) *store.Store {
	t.Helper()
	s, err := store.Open(filepath.Join(t.TempDir(), "store"), store.NoSync())
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func ref(t testing.TB, name string) image.Ref {
	t.Helper()
	r, err := image.ParseRef(name)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// tarOf makes a tar of files, given as name and content in turn. A content that
// begins with "->" is a link.
func tarOf(t testing.TB, files ...string) []byte {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for i := 0; i < len(files); i += 2 {
		h := &tar.Header{Typeflag: tar.TypeReg, Name: files[i], Size: int64(len(files[i+1])), Mode: 0o644}
		target, link := strings.CutPrefix(files[i+1], "->")
		if link {
			h.Typeflag, h.Linkname, h.Size = tar.TypeSymlink, target, 0
		}
		err := w.WriteHeader(h)
		if err == nil && !link {
			_, err = w.Write([]byte(files[i+1]))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func gzipped(t testing.TB, b []byte) []byte {
	t.Helper()
	var out bytes.Buffer
	w := gzip.NewWriter(&out)
	if _, err := w.Write(b); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// addImage adds an image with these layers for a platform; layers that are
// gzipped are described as such.
func addImage(t testing.TB, s *store.Store, name string, p image.Platform, layers ...[]byte) image.Descriptor {
	t.Helper()
	l, err := s.Lease(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { must(t, l.Release()) }()
	c := image.Config{OS: p.OS, Architecture: p.Architecture, RootFS: image.RootFS{Type: "layers", DiffIDs: []image.Digest{}}}
	m := image.Manifest{SchemaVersion: 2, MediaType: image.MediaTypeOCIManifest, Layers: []image.Descriptor{}}
	put := func(mediaType string, content any) image.Descriptor {
		raw, ok := content.([]byte)
		if !ok {
			raw, err = json.Marshal(content)
			must(t, err)
		}
		d, err := l.Put(t.Context(), mediaType, raw)
		must(t, err)
		return d
	}
	for _, raw := range layers {
		mediaType := image.MediaTypeOCILayer
		plain := image.Describe(mediaType, raw)
		if layer.Detect(raw) == image.Gzip {
			mediaType = image.MediaTypeOCILayerGzip
			r, err := gzip.NewReader(bytes.NewReader(raw))
			must(t, err)
			var b bytes.Buffer
			_, err = b.ReadFrom(r)
			must(t, err)
			plain = image.Describe(mediaType, b.Bytes())
		}
		m.Layers = append(m.Layers, put(mediaType, raw))
		c.RootFS.DiffIDs = append(c.RootFS.DiffIDs, plain.Digest)
	}
	m.Config = put(image.MediaTypeOCIConfig, c)
	d := put(m.MediaType, m)
	d.Platform = nil
	var r image.Ref
	if name != "" {
		r = ref(t, name)
	}
	must(t, l.Tag(t.Context(), r, d))
	return d
}

// addIndex adds an index of images.
func addIndex(t testing.TB, s *store.Store, name string, manifests ...image.Descriptor) image.Descriptor {
	t.Helper()
	l, err := s.Lease(t.Context())
	must(t, err)
	defer func() { must(t, l.Release()) }()
	raw, err := json.Marshal(image.Index{SchemaVersion: 2, MediaType: image.MediaTypeOCIIndex, Manifests: manifests})
	must(t, err)
	d, err := l.Put(t.Context(), image.MediaTypeOCIIndex, raw)
	must(t, err)
	must(t, l.Tag(t.Context(), ref(t, name), d))
	return d
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

var host = image.HostPlatform()

// filled gives a store with two images that share a layer.
func filled(t testing.TB) *store.Store {
	t.Helper()
	s := newStore(t)
	base := gzipped(t, tarOf(t, "etc/hostname", "sandkit\n", "bin/sh", "->busybox"))
	top := tarOf(t, "etc/motd", "hello\n")
	addImage(t, s, "app:1", host, base, top, base)
	addImage(t, s, "localhost:5000/team/tool:2", host, base)
	return s
}

// names lists the images as name and digest.
func names(t testing.TB, s *store.Store) []string {
	t.Helper()
	all, err := s.List(t.Context())
	must(t, err)
	var list []string
	for _, e := range all {
		if e.Dangling() {
			list = append(list, "- "+string(e.Target.Digest))
		}
		for _, r := range e.Refs {
			list = append(list, r.String()+" "+string(e.Target.Digest))
		}
	}
	slices.Sort(list)
	return list
}

// sound checks that a store has nothing wrong and nothing that no image needs.
func sound(t testing.TB, s *store.Store) {
	t.Helper()
	problems, err := s.Verify(t.Context(), false)
	if err != nil || len(problems) > 0 {
		t.Errorf("Verify: %v, %v", problems, err)
	}
	if u, err := s.Usage(t.Context()); err != nil || u.Reclaimable != 0 {
		t.Errorf("%d bytes that no image needs, %v", u.Reclaimable, err)
	}
}

func export1(t testing.TB, s *store.Store, f Format, names ...string) []byte {
	t.Helper()
	var b bytes.Buffer
	must(t, Export(t.Context(), s, &b, ExportOptions{Format: f}, names...))
	return b.Bytes()
}
