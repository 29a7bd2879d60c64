package testimage

import (
	"archive/tar"
	"bytes"
	"crypto/sha256"
	"errors"
	"io"
	iofs "io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/sandkit/sandkit/image"
	"github.com/sandkit/sandkit/image/store"
)

// entries gives the names in a layer.
func entries(t *testing.T, l Layer) []string {
	t.Helper()
	var b bytes.Buffer
	if err := l(&b); err != nil {
		t.Fatal(err)
	}
	var names []string
	r := tar.NewReader(&b)
	for {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			return names
		}
		if err != nil {
			t.Fatal(err)
		}
		names = append(names, h.Name)
	}
}

// TestLayers: each layer has what it is said to have.
func TestLayers(t *testing.T) {
	small, full := Small(), Full("")
	for _, test := range []struct {
		name  string
		layer Layer
		want  int
	}{
		{"root", small.Root, 11},
		{"text", small.Text, 3 + 8 + 8 + 8*3},
		{"all text", full.Text, 2423},
		{"large", small.Large, 2 + 2},
		{"removals", small.Removals, 9},
		{"all removals", full.Removals, 9},
	} {
		names := entries(t, test.layer)
		if len(names) != test.want {
			t.Errorf("%s: %d entries, want %d: %.500q", test.name, len(names), test.want, names)
		}
		known := map[string]bool{".": true}
		for _, n := range names {
			parent := filepath.Dir(strings.TrimSuffix(n, "/"))
			if hidden := strings.HasPrefix(filepath.Base(n), ".wh."); !known[parent] && !hidden {
				t.Errorf("%s: %s comes before its directory", test.name, n)
			}
			known[strings.TrimSuffix(n, "/")] = true
		}
	}
}

// TestRemovals: what the uppermost layer takes away is in those below.
func TestRemovals(t *testing.T) {
	for _, o := range []Options{Small(), Full("")} {
		o.BinarySize = 1
		below := slices.Concat(entries(t, o.Text), entries(t, o.Large))
		n := 0
		for _, name := range entries(t, o.Removals) {
			dir, base := filepath.Split(name)
			hidden, ok := strings.CutPrefix(base, ".wh.")
			if !ok || hidden == ".wh..opq" {
				continue
			}
			n++
			if !slices.Contains(below, dir+hidden) && !slices.Contains(below, dir+hidden+"/") {
				t.Errorf("%s hides nothing", name)
			}
		}
		if n != 2 {
			t.Errorf("%d whiteouts", n)
		}
	}
}

// TestSame: text is always the same, and as much as it should be.
func TestSame(t *testing.T) {
	sum := func(l Layer) (n int64, sum [32]byte) {
		h := sha256.New()
		var c counting
		if err := l(io.MultiWriter(h, &c)); err != nil {
			t.Fatal(err)
		}
		return int64(c), [32]byte(h.Sum(nil))
	}
	n, first := sum(Full("").Text)
	if _, again := sum(Full("").Text); first != again {
		t.Error("the same options make another layer")
	}
	if n < 9_500_000 || n > 10_500_000 {
		t.Errorf("the text has %d bytes, not some 10 MB", n)
	}
}

type counting int64

func (c *counting) Write(b []byte) (int, error) {
	*c += counting(len(b))
	return len(b), nil
}

// TestBuild: the image is one that the store takes, whatever its layers are
// packed with, and has the base that it was given.
func TestBuild(t *testing.T) {
	base := filepath.Join(t.TempDir(), "base.tar")
	content := []byte("any bytes: only who unpacks it looks at them")
	if err := os.WriteFile(base, content, 0o600); err != nil {
		t.Fatal(err)
	}
	s, err := store.Open(filepath.Join(t.TempDir(), "store"))
	if err != nil {
		t.Fatal(err)
	}
	ref, err := image.ParseRef("localhost/test")
	if err != nil {
		t.Fatal(err)
	}
	o := Small()
	o.Base = base
	var diffIDs []image.Digest
	for _, c := range []image.Compression{image.Plain, image.Gzip, image.Zstd} {
		img, err := Build(t.Context(), s, ref, c, o.Layers()...)
		if err != nil {
			t.Fatal(err)
		}
		got := img.Config().RootFS.DiffIDs
		if diffIDs == nil {
			diffIDs = got
		}
		if len(got) != 4 || !slices.Equal(got, diffIDs) || got[0].Encoded() != image.Describe("", content).Digest.Encoded() {
			t.Errorf("%s: layers are %v", c, got)
		}
		for _, l := range img.Layers() {
			if packed, err := image.LayerCompression(l.Descriptor().MediaType); packed != c || err != nil {
				t.Errorf("%s: a layer is %s, %v", c, l.Descriptor().MediaType, err)
			}
		}
		if found, err := s.Lookup(t.Context(), "localhost/test"); err != nil || found.Target.Digest != img.Descriptor().Digest {
			t.Errorf("%s: the name means %v, %v", c, found.Target, err)
		}
	}
	if problems, err := s.Verify(t.Context(), false); err != nil || len(problems) > 0 {
		t.Errorf("the store has problems: %v, %v", problems, err)
	}
}

// TestBuildFails: a layer that cannot be made leaves no image.
func TestBuildFails(t *testing.T) {
	s, err := store.Open(filepath.Join(t.TempDir(), "store"))
	if err != nil {
		t.Fatal(err)
	}
	ref, err := image.ParseRef("localhost/test")
	if err != nil {
		t.Fatal(err)
	}
	nothing := filepath.Join(t.TempDir(), "nothing")
	for name, l := range map[string]Layer{
		"base": Options{Base: nothing}.Root, "packages": Options{Packages: 1}.Text, "programs": Options{Programs: nothing}.Large, "no programs": Options{Programs: t.TempDir()}.Large,
	} {
		_, err := Build(t.Context(), s, ref, image.Gzip, Small().Root, l)
		if err == nil || !strings.Contains(err.Error(), "layer 2 of ") {
			t.Errorf("%s: %v", name, err)
		}
		if missing := errors.Is(err, iofs.ErrNotExist); missing != (name == "base" || name == "programs") {
			t.Errorf("%s: %v", name, err)
		}
	}
	if all, err := s.List(t.Context()); err != nil || len(all) != 0 {
		t.Errorf("the store has %v, %v", all, err)
	}
}

// TestPrograms: bytes are those of all files in order, again and again.
func TestPrograms(t *testing.T) {
	dir := t.TempDir()
	for name, content := range map[string]string{"b": "22", "a": "111", "c": ""} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(os.Symlink("a", filepath.Join(dir, "l")), os.Mkdir(filepath.Join(dir, "d"), 0o700)); err != nil {
		t.Fatal(err)
	}
	p, err := openPrograms(dir)
	if err != nil {
		t.Fatal(err)
	}
	got := make([]byte, 13)
	if _, err := io.ReadFull(p, got); err != nil || string(got) != "1112211122111" {
		t.Errorf("%q, %v", got, err)
	}
	if err := p.Close(); err != nil {
		t.Error(err)
	}
}
