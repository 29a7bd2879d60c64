package layer_test

import (
	"archive/tar"
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/sandkit/sandkit/image/layer"
)

// TestDiffExclude: what is left out is neither there nor taken away.
func TestDiffExclude(t *testing.T) {
	upper := t.TempDir()
	for _, name := range []string{"a/secret/deep", "a/kept", "secret"} {
		if err := os.MkdirAll(filepath.Join(upper, name), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	dir, err := os.Open(upper)
	if err != nil {
		t.Fatal(err)
	}
	defer dir.Close()
	var b bytes.Buffer
	info, err := layer.Diff(t.Context(), &b, dir, nil, layer.DiffOptions{Exclude: []layer.Path{"a/secret", "nothing"}})
	if err != nil || info.Entries != 3 {
		t.Fatalf("%+v, %v", info, err)
	}
	tr := tar.NewReader(&b)
	for _, want := range []string{"a/", "a/kept/", "secret/"} {
		if h, err := tr.Next(); err != nil || h.Name != want {
			t.Fatalf("%+v, %v; want %s", h, err, want)
		}
	}
}
