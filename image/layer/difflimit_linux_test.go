package layer_test

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/sandkit/sandkit/image"
	"github.com/sandkit/sandkit/image/layer"
)

// TestDiffLimit: a hole that is larger than any disk does not become a layer.
func TestDiffLimit(t *testing.T) {
	upper := t.TempDir()
	for name, size := range map[string]int64{"a": 600, "b": 600} {
		path := filepath.Join(upper, name)
		if err := errors.Join(os.WriteFile(path, nil, 0o600), os.Truncate(path, size)); err != nil {
			t.Fatal(err)
		}
	}
	dir, err := os.Open(upper)
	if err != nil {
		t.Fatal(err)
	}
	defer dir.Close()
	if _, err := layer.Diff(t.Context(), io.Discard, dir, nil, layer.DiffOptions{MaxBytes: 1200}); err != nil {
		t.Error(err)
	}
	for _, max := range []int64{599, 1199} {
		if _, err := layer.Diff(t.Context(), io.Discard, dir, nil, layer.DiffOptions{MaxBytes: max}); !errors.Is(err, image.ErrTooLarge) {
			t.Errorf("at most %d bytes: %v", max, err)
		}
	}
	if err := os.Truncate(filepath.Join(upper, "b"), 1<<40); err != nil {
		t.Skipf("the file system has no such files: %v", err)
	}
	if _, err := layer.Diff(t.Context(), io.Discard, dir, nil, layer.DiffOptions{}); !errors.Is(err, image.ErrTooLarge) {
		t.Errorf("a hole of 1 TiB: %v", err)
	}
}
