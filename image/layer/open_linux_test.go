package layer_test

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/sandkit/sandkit/image/layer"
	"github.com/sandkit/sandkit/internal/testutil"
)

// TestOpen: a file is found where a mount of the layers would show it.
func TestOpen(t *testing.T) {
	testutil.Unchanged(t)
	secret := filepath.Join(t.TempDir(), "passwd")
	if err := os.WriteFile(secret, []byte("outside"), 0o600); err != nil {
		t.Fatal(err)
	}
	low, high := t.TempDir(), t.TempDir()
	put := func(dir, name, content string) {
		t.Helper()
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	link := func(dir, name, target string) {
		t.Helper()
		if err := os.Symlink(target, filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	put(low, "etc/passwd", "low")
	put(low, "etc/group", "low")
	put(low, "usr/lib/os-release", "release")
	link(low, "etc/os-release", "../usr/lib/os-release")
	link(low, "lib", "usr/lib")
	link(low, "abs", "/etc/../etc//./os-release")
	link(low, "out", "../../../.."+secret)
	link(low, "loop", "loop")
	put(high, "etc/passwd", "high")
	put(high, "usr/lib/added", "added")
	if err := syscall.Mkfifo(filepath.Join(high, "fifo"), 0o600); err != nil {
		t.Fatal(err)
	}
	var dirs []*os.File
	for _, d := range []string{low, high} {
		f, err := os.Open(d)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		dirs = append(dirs, f)
	}
	for _, c := range []struct {
		name, want string
		err        error
	}{
		{"etc/passwd", "high", nil},
		{"/etc/group", "low", nil},
		{"etc/os-release", "release", nil},
		{"lib/added", "added", nil},
		{"lib/../etc/os-release", "", os.ErrNotExist}, // usr/etc
		{"abs", "release", nil},
		{"out", "", os.ErrNotExist},
		{"loop", "", syscall.ELOOP},
		{"etc", "", syscall.EISDIR},
		{"", "", syscall.EISDIR},
		{"etc/passwd/x", "", syscall.ENOTDIR},
		{"fifo", "", errors.ErrUnsupported},
		{"fifo/x", "", syscall.ENOTDIR},
		{"nothing/x", "", os.ErrNotExist},
	} {
		f, err := layer.Open(layer.OverlayTrusted, dirs, c.name)
		if !errors.Is(err, c.err) {
			t.Errorf("%q: error %v, want %v", c.name, err, c.err)
		}
		if err != nil {
			continue
		}
		b, err := io.ReadAll(f)
		if err := errors.Join(err, f.Close()); err != nil || string(b) != c.want {
			t.Errorf("%q: %q, %v; want %q", c.name, b, err, c.want)
		}
	}
}
