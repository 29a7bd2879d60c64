package store

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"sync"
	"testing"

	"github.com/opencontainers/go-digest"

	"github.com/sandkit/sandkit/image"
)

// TestNothingIsLeft: no descriptor, and no file outside of the store.
func TestNothingIsLeft(t *testing.T) {
	temp := t.TempDir()
	t.Setenv("TMPDIR", temp)
	dir := filepath.Join(t.TempDir(), "store")
	var before int
	for i := range 4 {
		if err := wholeLife(t.Context(), dir); err != nil {
			t.Fatal(err)
		}
		fds, err := os.ReadDir("/proc/self/fd")
		if err != nil {
			t.Fatal(err)
		}
		if i == 0 {
			before = len(fds) // the runtime has opened what it needs
		} else if len(fds) != before {
			t.Errorf("%d descriptors became %d", before, len(fds))
		}
	}
	if left, err := filepath.Glob(temp + "/*"); err != nil || len(left) > 0 {
		t.Errorf("left: %v, %v", left, err)
	}
}

// TestGoroutines: one lease, and many, in one process.
func TestGoroutines(t *testing.T) {
	s := open(t)
	shared := lease(t, s)
	var wg sync.WaitGroup
	for range 6 {
		wg.Go(func() {
			for range 5 {
				if err := churn(t.Context(), s); err != nil {
					t.Error(err)
				}
				layer := fmt.Sprint("layer ", rand.IntN(3))
				if _, err := addImage(t.Context(), shared, "x", layer); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	if err := shared.Release(); err != nil {
		t.Fatal(err)
	}
	empties(t, s)
}

// TestWaitEnds: waiting for another writer ends with the context, and its
// giving up hands over what it has.
func TestWaitEnds(t *testing.T) {
	s := open(t)
	l, other := lease(t, s), lease(t, s)
	d := image.Describe("a/b", []byte("content"))
	w, err := l.Ingest(t.Context(), d)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write([]byte("con")); err != nil {
		t.Fatal(err)
	}
	cause := errors.New("no more time")
	ctx, cancel := context.WithCancelCause(t.Context())
	waited := make(chan error)
	go func() {
		_, err := other.Ingest(ctx, d)
		waited <- err
	}()
	cancel(cause)
	if err := <-waited; !errors.Is(err, cause) {
		t.Errorf("%v, want %v", err, cause)
	}
	go func() {
		w, err := other.Ingest(t.Context(), d)
		if err == nil && w.Offset() != 3 {
			err = fmt.Errorf("goes on at %d", w.Offset())
		}
		waited <- errors.Join(err, w.Close())
	}()
	if err := w.Close(); err != nil {
		t.Error(err)
	}
	if err := <-waited; err != nil {
		t.Error(err)
	}
	healthy(t, s, 0)
}

func FuzzTable(f *testing.F) {
	f.Add([]byte(emptyTable))
	f.Add([]byte(`{"schemaVersion":2,"manifests":[{"mediaType":"a/b","digest":"sha256:` +
		`e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855","size":1,"annotations":` +
		`{"org.opencontainers.image.ref.name":"docker.io/library/a:1","sandkit.image.added":"2026-01-02T03:04:05Z","x":"y"}}]}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		first, err := parseTable(raw)
		if err != nil {
			return
		}
		again, err := formatTable(first)
		if err != nil {
			t.Fatal(err)
		}
		second, err := parseTable(again)
		if err != nil || len(second.rows) != len(first.rows) {
			t.Fatalf("%s: %v", again, err)
		}
		for i := range first.rows {
			if a, b := first.rows[i], second.rows[i]; a.ref != b.ref || a.target.Digest != b.target.Digest || !a.added.Equal(b.added) {
				t.Errorf("%v became %v", a, b)
			}
		}
	})
}

func FuzzLayerName(f *testing.F) {
	f.Add("dir.sha256.e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855")
	f.Fuzz(func(t *testing.T, name string) {
		if k, ok := parseLayerName(name); ok && (k.name() != name || filepath.Base(name) != name) {
			t.Errorf("%q became %q", name, k.name())
		}
	})
}

// BenchmarkImage finds an image by its name and reads it, as the start of a
// sandbox does.
func BenchmarkImage(b *testing.B) {
	s := open(b)
	l := lease(b, s)
	for i := range 20 {
		mustAdd(b, l, fmt.Sprint("app:", i), fmt.Sprint(i), "1", "2", "3", "4")
	}
	for b.Loop() {
		if _, err := s.Image(b.Context(), "app:7", image.Platform{}); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkLease begins and ends a lease for an image.
func BenchmarkLease(b *testing.B) {
	s := open(b)
	d := mustAdd(b, lease(b, s), "app", "x", "1")
	for b.Loop() {
		l, err := s.Lease(b.Context())
		if err == nil {
			err = errors.Join(l.Keep(b.Context(), d), l.Release())
		}
		if err != nil {
			b.Fatal(err)
		}
	}
}

// TestUnpackAgain: what a killed process has unpacked is of no use.
func TestUnpackAgain(t *testing.T) {
	s := open(t)
	l := lease(t, s)
	key := LayerKey{"dir", image.Describe("", []byte("x")).Digest}
	u, err := l.Unpack(t.Context(), key)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(u.Path(), []byte("half"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := u.lock.Close(); err != nil { // as the kernel does
		t.Fatal(err)
	}
	if u, err = l.Unpack(t.Context(), key); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Lstat(u.Path()); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("half a layer is there: %v", err)
	}
	if _, err := s.Collect(t.Context(), -1); err != nil { // it is being unpacked
		t.Fatal(err)
	}
	if err := os.WriteFile(u.Path(), []byte("whole"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := u.Commit(t.Context()); err != nil {
		t.Error(err)
	}
}

// TestWaitForNothing: who waited for a writer whose content turned out to be
// wrong begins with a file of its own.
func TestWaitForNothing(t *testing.T) {
	s := open(t)
	l, other := lease(t, s), lease(t, s)
	d := image.Describe("a/b", []byte("right"))
	w, err := l.Ingest(t.Context(), d)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write([]byte("wrong")); err != nil {
		t.Fatal(err)
	}
	done := make(chan error)
	go func() {
		_, err := other.Put(t.Context(), "a/b", []byte("right"))
		done <- err
	}()
	for opened(t, w.path) < 2 {
		runtime.Gosched()
	}
	if _, err := w.Commit(t.Context()); !errors.Is(err, image.ErrCorrupt) {
		t.Errorf("wrong content: %v", err)
	}
	if err := <-done; err != nil {
		t.Error(err)
	}
	healthy(t, s, 1)
}

// opened counts this program's descriptors of a file.
func opened(t *testing.T, path string) int {
	t.Helper()
	fds, err := filepath.Glob("/proc/self/fd/*")
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, fd := range fds {
		if target, err := os.Readlink(fd); err == nil && target == path {
			n++
		}
	}
	return n
}

// TestSync: content is on the disk before its name, and names are before what
// refers to them.
func TestSync(t *testing.T) {
	var steps []string
	s, err := Open(filepath.Join(t.TempDir(), "store"), func(s *Store) {
		s.files.fault = func(op, path string) error {
			if rel, err := filepath.Rel(s.dir, path); err == nil {
				path = rel
			}
			steps = append(steps, op+" "+path)
			return nil
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	l := lease(t, s)
	d := mustAdd(t, l, "app", "x", "layer")
	key := LayerKey{"dir", digest.FromString("layer")}
	if err := unpackDir(t.Context(), l, key); err != nil {
		t.Fatal(err)
	}
	blob := "sha256/" + d.Digest.Encoded()
	order := []string{
		"sync ingest/sha256-" + d.Digest.Encoded(), "rename blobs/" + blob, "syncdir blobs/sha256",
		"rename index.json", "syncdir .", "synctree unpack/" + key.name(), "rename layers/" + key.name(),
	}
	at := 0
	for _, step := range steps {
		if at < len(order) && step == order[at] {
			at++
		}
	}
	if at < len(order) {
		t.Errorf("%q does not follow %q in %q", order[at], order[:at], steps)
	}
}

// TestWriterReadAt: what is there can be read again while more is written.
func TestWriterReadAt(t *testing.T) {
	s, err := Open(t.TempDir(), NoSync())
	if err != nil {
		t.Fatal(err)
	}
	l, err := s.Lease(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := l.Release(); err != nil {
			t.Error(err)
		}
	}()
	if l.Store() != s {
		t.Error("a lease of another store")
	}
	w, err := l.Ingest(t.Context(), image.Describe("a/b", []byte("content")))
	if err != nil {
		t.Fatal(err)
	}
	b := make([]byte, 3)
	_, err = w.Write([]byte("cont"))
	if _, readErr := w.ReadAt(b, 1); err != nil || readErr != nil || string(b) != "ont" {
		t.Errorf("%q, %v, %v", b, err, readErr)
	}
	if _, err := w.Write([]byte("ent")); err != nil {
		t.Error(err)
	}
	if _, err := w.Commit(t.Context()); err != nil {
		t.Error(err)
	}
	if _, err := w.ReadAt(b, 0); !errors.Is(err, ErrReleased) {
		t.Errorf("after Commit: %v", err)
	}
}

// TestSyncForms: whatever a layer is, it can be brought to the disk.
func TestSyncForms(t *testing.T) {
	var f files
	dir := t.TempDir()
	many := filepath.Join(dir, "many")
	for i := range fewFiles + 1 {
		if err := errors.Join(os.MkdirAll(many, 0o700), os.WriteFile(filepath.Join(many, strconv.Itoa(i)), nil, 0o600)); err != nil {
			t.Fatal(err)
		}
	}
	few := filepath.Join(dir, "few")
	if err := errors.Join(os.Mkdir(few, 0o700), os.WriteFile(few+"/file", []byte("x"), 0o600)); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{many, few, few + "/file", dir} {
		if err := f.syncTree(path); err != nil {
			t.Error(err)
		}
	}
	if err := f.syncTree(dir + "/none"); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("%v", err)
	}
	if err := os.Symlink("many", dir+"/link"); err != nil {
		t.Fatal(err)
	}
	if err := f.syncTree(dir + "/link"); err == nil {
		t.Error("a link was followed")
	}
}
