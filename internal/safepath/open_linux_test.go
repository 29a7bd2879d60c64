package safepath_test

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/sandkit/sandkit/internal/safepath"
)

// tree makes a root with one line per inode: "dir a", "file a/b content",
// "link a/c ../../etc", "fifo f".
func tree(t *testing.T, lines ...string) (dir string, root *os.File) {
	t.Helper()
	dir = filepath.Join(t.TempDir(), "root")
	mkdir(t, dir)
	for _, l := range lines {
		f := strings.SplitN(l, " ", 3)
		at := filepath.Join(dir, f[1])
		var err error
		switch f[0] {
		case "dir":
			mkdir(t, at)
		case "file":
			err = os.WriteFile(at, []byte(f[2]), 0o644)
		case "link":
			err = os.Symlink(f[2], at)
		case "fifo":
			err = syscall.Mkfifo(at, 0o644)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	root, err := os.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { root.Close() })
	return dir, root
}

func mkdir(t *testing.T, dir string) {
	t.Helper()
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
}

func TestReadFileStaysInside(t *testing.T) {
	dir, root := tree(t,
		"dir etc", "file etc/passwd inside", "dir a/b/c", "file a/b/x x",
		"link abs /etc/passwd", "link up ../../../../etc/passwd", "link dirlink a/b",
		"link a/b/c/back ../../../etc", "link loop loop", "link dangling /nowhere",
		"link a/out ../../outside", "link chain dirlink/x", "link slash /", "link self .",
		"fifo etc/fifo", "file etc/big 0123456789",
	)
	if err := os.WriteFile(filepath.Join(filepath.Dir(dir), "outside"), []byte("outside"), 0o644); err != nil {
		t.Fatal(err)
	}
	cases := []struct {
		path, want string
		err        error
	}{
		{"/etc/passwd", "inside", nil},
		{"etc/passwd", "inside", nil},
		{"abs", "inside", nil},
		{"up", "inside", nil},
		{"/../../etc/passwd", "inside", nil},
		{"dirlink/x", "x", nil},
		{"dirlink/../b/x", "x", nil},
		{"dirlink/c/back/passwd", "inside", nil},
		{"chain", "x", nil},
		{"slash/slash/self/etc/passwd", "inside", nil},
		{"a/out", "", fs.ErrNotExist},
		{"loop", "", syscall.ELOOP},
		{"dangling", "", fs.ErrNotExist},
		{"etc/passwd/x", "", syscall.ENOTDIR},
		{"etc/passwd/", "", syscall.ENOTDIR},
		{"etc", "", fs.ErrInvalid},
		{"etc/fifo", "", fs.ErrInvalid},
		{"etc/big", "", fs.ErrInvalid},
		{strings.Repeat("a/../", 900) + "etc/passwd", "", syscall.ENAMETOOLONG},
	}
	safepath.WithWalk(t, func(t *testing.T) {
		for _, c := range cases {
			b, err := safepath.ReadFile(root, c.path, 9)
			if strings.HasPrefix(c.path, "a/../a") && err == nil {
				continue // the walk has no limit on the path's length, only on its parts
			}
			if !errors.Is(err, c.err) || string(b) != c.want {
				t.Errorf("ReadFile(%.40q) = %q, %v; want %q, %v", c.path, b, err, c.want, c.err)
			}
		}
	})
}

func TestOpenFlags(t *testing.T) {
	_, root := tree(t, "dir d", "file f x", "link l f")
	safepath.WithWalk(t, func(t *testing.T) {
		if _, err := safepath.Open(root, "l", syscall.O_RDONLY|syscall.O_NOFOLLOW); !errors.Is(err, syscall.ELOOP) {
			t.Errorf("O_NOFOLLOW on a link: %v, want ELOOP", err)
		}
		if _, err := safepath.Open(root, "f", syscall.O_RDONLY|syscall.O_DIRECTORY); !errors.Is(err, syscall.ENOTDIR) {
			t.Errorf("O_DIRECTORY on a file: %v, want ENOTDIR", err)
		}
		d, err := safepath.Open(root, "d", syscall.O_RDONLY|syscall.O_DIRECTORY)
		if err != nil {
			t.Fatal(err)
		}
		if err := d.Close(); err != nil {
			t.Error(err)
		}
		if _, err := safepath.Open(root, "new", syscall.O_CREAT|syscall.O_WRONLY); err == nil {
			t.Error("Open with O_CREAT worked")
		}
	})
}

// TestRacingRename moves a directory out of the root and links into its place
// while paths through it are opened: no open may ever see the outside.
func TestRacingRename(t *testing.T) {
	dir, root := tree(t, "dir a/b/c", "file a/b/c/f inside", "file f inside")
	outside := filepath.Join(filepath.Dir(dir), "outside")
	mkdir(t, filepath.Join(outside, "b", "c"))
	for _, f := range []string{"f", "b/f", "b/c/f"} {
		if err := os.WriteFile(filepath.Join(outside, f), []byte("outside"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	stop, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		a, moved := filepath.Join(dir, "a"), filepath.Join(filepath.Dir(dir), "moved")
		for {
			select {
			case <-stop:
				return
			default:
			}
			_ = os.Rename(a, moved)
			_ = os.Symlink("../outside", a)
			_ = os.Remove(a)
			_ = os.Rename(moved, a)
		}
	}()
	n := 2000
	if testing.Short() {
		n = 200
	}
	safepath.WithWalk(t, func(t *testing.T) {
		for range n {
			for _, p := range []string{"a/b/c/f", "a/b/c/../../../f", "a/b/../../../f"} {
				if b, err := safepath.ReadFile(root, p, 100); err == nil && string(b) != "inside" {
					t.Fatalf("%s read %q", p, b)
				}
			}
		}
	})
	close(stop)
	<-done
}

// FuzzWalk compares the walk with the kernel's own resolution.
func FuzzWalk(f *testing.F) {
	for _, p := range []string{"etc/passwd", "l1/../x", "l2/l1/f", "//..//a/b/.", "l3", "a/b/f/"} {
		f.Add(p)
	}
	base := f.TempDir()
	for _, d := range []string{"etc", "a/b"} {
		if err := os.MkdirAll(filepath.Join(base, d), 0o755); err != nil {
			f.Fatal(err)
		}
	}
	for name, target := range map[string]string{"l1": "a/b", "a/l2": "../../../..", "l3": "/etc", "a/b/f": "/a/../l1/.."} {
		if err := os.Symlink(target, filepath.Join(base, name)); err != nil {
			f.Fatal(err)
		}
	}
	root, err := os.Open(base)
	if err != nil {
		f.Fatal(err)
	}
	defer root.Close()
	f.Fuzz(func(t *testing.T, p string) {
		if strings.IndexByte(p, 0) >= 0 || len(p) > 1000 {
			t.Skip("not a path")
		}
		kernel, walk := identify(root, p, false), identify(root, p, true)
		if kernel != walk && p != "" {
			t.Errorf("%q: openat2 says %s, the walk %s", p, kernel, walk)
		}
	})
}

// identify tells which inode a path leads to, or the error.
func identify(root *os.File, p string, walk bool) string {
	defer safepath.SetWalk(walk)()
	f, err := safepath.Open(root, p, syscall.O_RDONLY)
	if err != nil {
		var errno syscall.Errno
		errors.As(err, &errno)
		return errno.Error()
	}
	defer f.Close()
	st, err := f.Stat()
	if err != nil {
		return err.Error()
	}
	return fmt.Sprint("inode ", st.Sys().(*syscall.Stat_t).Ino)
}
