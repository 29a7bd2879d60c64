package transfer

import (
	"archive/tar"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/sandkit/sandkit/internal/testutil"
)

// TestDeepTree: thousands of levels need few descriptors.
func TestDeepTree(t *testing.T) {
	testutil.Unchanged(t)
	levels := 5000
	if testing.Short() {
		levels = 500
	}
	_, root := newRoot(t, "dir top")
	makeDeep(t, root, levels)
	limitFiles(t, 200)
	r, w := io.Pipe()
	read := make(chan int, 1)
	go func() {
		n := 0
		for tr := tar.NewReader(r); ; n++ {
			if _, err := tr.Next(); err != nil {
				r.CloseWithError(err)
				read <- n
				return
			}
		}
	}()
	err := CopyOut(t.Context(), root, "/top", w, OutOptions{IDs: own()})
	_ = w.Close()
	if n := <-read; err != nil || n != levels+2 {
		t.Errorf("tar: %d entries, %v; want %d", n, err, levels+2)
	}
	if err := CopyOutTo(t.Context(), root, "/top", filepath.Dir(root.Name())+"/copy", OutOptions{}); err != nil {
		t.Fatal(err)
	}
	copied := opened(t, filepath.Dir(root.Name())+"/copy")
	if got := depth(t, copied); got != levels {
		t.Errorf("the copy has %d levels, want %d", got, levels)
	}
	for _, at := range []string{"top", "../copy"} {
		removeDeep(t, root, at, levels)
	}
}

// makeDeep makes top/d/d/d... with a file at the end.
func makeDeep(t *testing.T, root *os.File, levels int) {
	t.Helper()
	w := newWriter(root)
	defer w.close()
	if err := w.enter("top", meta{mode: 0o755}); err != nil {
		t.Fatal(err)
	}
	for range levels {
		if err := w.enter("d", meta{mode: 0o755}); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.file(t.Context(), "f", meta{mode: 0o644}, strings.NewReader("x"), -1); err != nil {
		t.Fatal(err)
	}
	for range levels + 1 {
		if err := w.leave(); err != nil {
			t.Fatal(err)
		}
	}
}

// depth counts levels.
func depth(t *testing.T, top *os.File) (n int) {
	t.Helper()
	fd := must(syscall.Open(top.Name(), syscall.O_DIRECTORY|syscall.O_CLOEXEC, 0))
	for {
		next, err := syscall.Openat(fd, "d", syscall.O_DIRECTORY|syscall.O_CLOEXEC, 0)
		_ = syscall.Close(fd)
		if err != nil {
			return n
		}
		fd = next
		n++
	}
}

// removeDeep pulls the lower half up until paths are short enough for all.
func removeDeep(t *testing.T, root *os.File, at string, levels int) {
	t.Helper()
	base := filepath.Join(root.Name(), at)
	// Few levels at a time: to remove them takes a descriptor each.
	for n := 0; levels > 120; n++ {
		part := filepath.Join(base, fmt.Sprint("part", n))
		err := os.Rename(filepath.Join(base, strings.Repeat("d/", 100)), part)
		if err == nil {
			err = os.RemoveAll(filepath.Join(base, "d"))
		}
		if err == nil {
			err = os.Rename(part, filepath.Join(base, "d"))
		}
		if err != nil {
			t.Fatal(err)
		}
		levels -= 99
	}
}

func limitFiles(t *testing.T, n uint64) {
	t.Helper()
	var before syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &before); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &syscall.Rlimit{Cur: n, Max: before.Max}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &before); err != nil {
			t.Error(err)
		}
	})
}

// TestMovedWhileDeep: when the directory to go back to is another one, the copy
// ends, and nothing is written there.
func TestMovedWhileDeep(t *testing.T) {
	testutil.Unchanged(t)
	_, root := newRoot(t, "dir other")
	c := begin(root)
	defer c.close()
	w := &writer{chain: c}
	for range maxOpen + 3 {
		if err := w.enter("d", meta{mode: 0o755}); err != nil {
			t.Fatal(err)
		}
	}
	moved := filepath.Join(root.Name(), strings.Repeat("d/", 3))
	if err := os.Rename(moved, filepath.Join(root.Name(), "other/d")); err != nil {
		t.Fatal(err)
	}
	var err error
	left := 0
	for ; err == nil && left < maxOpen+3; left++ {
		err = w.leave()
	}
	if !errors.Is(err, ErrChanged) {
		t.Errorf("after %d levels: %v", left, err)
	}
}

// TestManyFiles: a large directory.
func TestManyFiles(t *testing.T) {
	testutil.Unchanged(t)
	files := 20_000
	if testing.Short() {
		files = 1000
	}
	dir, root := newRoot(t, "file d/f x")
	for n := range files {
		if err := os.Symlink("x", filepath.Join(dir, "d", fmt.Sprint(n))); err != nil {
			t.Fatal(err)
		}
	}
	r, w := io.Pipe()
	read := make(chan int, 1)
	go func() {
		n := 0
		for tr := tar.NewReader(r); ; n++ {
			if _, err := tr.Next(); err != nil {
				r.CloseWithError(err)
				read <- n
				return
			}
		}
	}()
	err := CopyOut(t.Context(), root, "d", w, OutOptions{})
	_ = w.Close()
	if n := <-read; err != nil || n != files+2 {
		t.Errorf("%d entries, %v", n, err)
	}
}

// FuzzDestination copies to all kinds of paths in a tree full of links that
// want to lead out.
func FuzzDestination(f *testing.F) {
	for _, p := range []string{"/", "in", "in/", "up", "up/new", "abs/new", "in/../up/.", "dangling", "loop/x", "self/self/up", "in//new"} {
		f.Add(p, "f")
		f.Add(p, "d/.")
	}
	f.Fuzz(func(t *testing.T, p, from string) {
		if len(p) > 300 {
			t.Skip("long paths are no different")
		}
		dir, root := newRoot(t, "dir in", "link up ../..", "link in/up ../../..", "link dangling ../../new", "link loop loop", "link self .")
		out := filepath.Dir(dir)
		if err := os.Symlink(out, filepath.Join(dir, "abs")); err != nil {
			t.Fatal(err)
		}
		err := CopyIn(t.Context(), root, p, sample(), CopyOptions{IDs: own(), Source: from})
		if names := must(os.ReadDir(out)); len(names) != 1 {
			t.Fatalf("%q to %q: outside there is %v, %v", from, p, names, err)
		}
		if strings.Contains(list(t, dir), ".sandkit") {
			t.Errorf("%q to %q left something", from, p)
		}
		_ = CopyOut(t.Context(), root, p, io.Discard, OutOptions{})
	})
}
