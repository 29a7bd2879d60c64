package store

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/opencontainers/go-digest"

	"github.com/sandkit/sandkit/image"
)

func TestOpenRefuses(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(dir+"/file", nil, 0o600); err != nil {
		t.Fatal(err)
	}
	newer := open(t)
	if err := os.WriteFile(newer.path("version"), []byte("2\nmore"), 0o600); err != nil {
		t.Fatal(err)
	}
	shared := t.TempDir()
	if err := os.Chmod(shared, 0o777); err != nil { // TempDir is removed all the same
		t.Fatal(err)
	}
	for path, want := range map[string]error{
		dir: ErrNotStore, dir + "/file": ErrNotStore, newer.Dir(): ErrVersion, shared: os.ErrPermission,
		dir + "/file/below": syscall.ENOTDIR,
	} {
		if _, err := Open(path); !errors.Is(err, want) {
			t.Errorf("Open(%s): %v, want %v", path, err, want)
		}
	}
	if os.Geteuid() == 0 {
		other := t.TempDir()
		if err := os.Chown(other, 65534, 65534); err != nil {
			t.Fatal(err)
		}
		if _, err := Open(other); !errors.Is(err, os.ErrPermission) {
			t.Errorf("a directory of another user: %v", err)
		}
	} else if _, err := Open("/root/store"); !errors.Is(err, os.ErrPermission) {
		t.Errorf("a directory of root: %v", err)
	}
}

func TestIngest(t *testing.T) {
	s, ctx := open(t), t.Context()
	l := lease(t, s)
	content := []byte("0123456789")
	d := image.Describe(image.MediaTypeOCILayer, content)
	w, err := l.Ingest(ctx, d)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write(content[:4]); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Commit(ctx); !errors.Is(err, image.ErrCorrupt) {
		t.Errorf("commit of a part: %v", err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if w, err = l.Ingest(ctx, d); err != nil || w.Offset() != 4 {
		t.Fatalf("the part is not there: %v", err)
	}
	if _, err := w.Write(content); !errors.Is(err, image.ErrCorrupt) {
		t.Errorf("too much was taken: %v", err)
	}
	if _, err := w.Write(content[4:]); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Commit(ctx); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Error(err)
	}
	if _, err := l.Ingest(ctx, d); !errors.Is(err, ErrExists) {
		t.Errorf("ingest of what is there: %v", err)
	}
	if got, err := image.ReadAll(ctx, Verified(s), d, 100); err != nil || !bytes.Equal(got, content) {
		t.Errorf("read %q, %v", got, err)
	}
	healthy(t, s, 1)
	if err := l.Release(); err != nil {
		t.Fatal(err)
	}
	if _, err := l.Put(ctx, "a/b", content); !errors.Is(err, ErrReleased) {
		t.Errorf("a released lease: %v", err)
	}
	healthy(t, s, 0)
}

func TestIngestWrongContent(t *testing.T) {
	s, ctx := open(t), t.Context()
	l := lease(t, s)
	d := image.Describe(image.MediaTypeOCILayer, []byte("right"))
	var wrong *image.DigestError
	if err := l.Copy(ctx, d, strings.NewReader("wrong")); !errors.As(err, &wrong) || wrong.Want != d.Digest {
		t.Errorf("wrong content: %v", err)
	}
	if err := l.Copy(ctx, d, strings.NewReader("shor")); !errors.Is(err, image.ErrCorrupt) {
		t.Errorf("too little: %v", err)
	}
	if err := l.Copy(ctx, d, strings.NewReader("right, and more")); !errors.Is(err, image.ErrCorrupt) {
		t.Errorf("too much: %v", err)
	}
	if err := l.Copy(ctx, d, strings.NewReader("right")); err != nil {
		t.Error(err)
	}
	healthy(t, s, 1)
}

func TestCreate(t *testing.T) {
	s, ctx := open(t), t.Context()
	l := lease(t, s)
	for range 2 { // the second is the same
		w, err := l.Create(ctx, "application/x-test")
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(w, "content"); err != nil {
			t.Fatal(err)
		}
		d, err := w.Commit(ctx)
		if err != nil || d.Digest != digest.FromString("content") || d.Size != 7 {
			t.Fatalf("%v, %v", d, err)
		}
	}
	w, err := l.Create(ctx, "application/x-test")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Collect(ctx, -1); err != nil { // it is being written
		t.Fatal(err)
	}
	if _, err := io.WriteString(w, "more"); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Commit(ctx); err != nil {
		t.Error(err)
	}
	healthy(t, s, 2)
}

func TestUnpack(t *testing.T) {
	s, ctx := open(t), t.Context()
	l := lease(t, s)
	d := mustAdd(t, l, "a", "x", "layer 1", "layer 2")
	img, err := s.Image(ctx, "a", image.Platform{})
	if err != nil || img.Descriptor().Digest != d.Digest {
		t.Fatal(err)
	}
	diffIDs := img.Config().RootFS.DiffIDs
	keys := []LayerKey{
		{"dir", diffIDs[0]},
		{"erofs", diffIDs[0]},
		{"dir", image.ChainIDs(diffIDs)[1]},
		{"dir", digest.FromString("of no image")},
	}
	for _, k := range keys {
		u, err := l.Unpack(ctx, k)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.MkdirAll(u.Path()+"/sub/closed", 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(u.Path()+"/sub/closed", 0); err != nil {
			t.Fatal(err)
		}
		old := time.Unix(1, 0)
		if err := os.Chtimes(u.Path(), old, old); err != nil {
			t.Fatal(err)
		}
		path, err := u.Commit(ctx)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := s.Layer(k); err != nil || got != path {
			t.Errorf("%s, %v", got, err)
		}
		if _, err := l.Unpack(ctx, k); !errors.Is(err, ErrExists) {
			t.Errorf("unpack what is there: %v", err)
		}
	}
	u, err := l.Unpack(ctx, LayerKey{"dir", digest.FromString("given up")})
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(u.Path(), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(u.Close(), u.Close()); err != nil {
		t.Error(err)
	}
	if _, err := s.Collect(ctx, -1); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Layer(keys[3]); err != nil {
		t.Errorf("the lease does not keep it: %v", err)
	}
	if err := l.Release(); err != nil {
		t.Fatal(err)
	}
	if r, err := s.Collect(ctx, 0); err != nil || r.Layers != 0 {
		t.Errorf("collected in the grace: %+v, %v", r, err)
	}
	if r, err := s.Collect(ctx, -1); err != nil || r.Layers != 1 {
		t.Errorf("%+v, %v", r, err)
	}
	for i, k := range keys {
		if _, err := s.Layer(k); (err == nil) != (i < 3) {
			t.Errorf("layer %d: %v", i, err)
		}
	}
	if r, err := s.Remove(ctx, "a", false); err != nil || r.Layers != 3 {
		t.Errorf("%+v, %v", r, err)
	}
	healthy(t, s, 0)
}

func TestVerifyRepairs(t *testing.T) {
	s, ctx := open(t), t.Context()
	l := lease(t, s)
	d := mustAdd(t, l, "a", "x", "layer 1")
	if err := os.WriteFile(s.blobPath(d.Digest), []byte("{}"), 0o600); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		problems, err := s.Verify(ctx, true)
		if err != nil || len(problems) == 0 {
			t.Fatalf("%v, %v", problems, err)
		}
		for _, p := range problems {
			if !errors.Is(p.Err, image.ErrCorrupt) && !errors.Is(p.Err, image.ErrNotFound) {
				t.Error(p.Error())
			}
		}
	}
	mustAdd(t, l, "a", "x", "layer 1")
	healthy(t, s, 3)
}

func TestBadNames(t *testing.T) {
	s, ctx := open(t), t.Context()
	l := lease(t, s)
	evil := image.Descriptor{MediaType: "a/b", Digest: "sha256:../../../etc/passwd", Size: 1}
	if _, err := s.Open(ctx, evil); err == nil {
		t.Error("Open takes a path")
	}
	if _, err := l.Ingest(ctx, evil); !errors.Is(err, image.ErrInvalid) {
		t.Errorf("Ingest takes a path: %v", err)
	}
	if err := l.Keep(ctx, evil); !errors.Is(err, image.ErrInvalid) {
		t.Errorf("Keep takes a path: %v", err)
	}
	for _, kind := range []string{"", "..", "a/b", "A", "a.b"} {
		if _, err := l.Unpack(ctx, LayerKey{kind, digest.FromString("")}); !errors.Is(err, image.ErrInvalid) {
			t.Errorf("kind %q: %v", kind, err)
		}
	}
	if _, err := l.Unpack(ctx, LayerKey{"dir", "sha256:../x"}); err == nil {
		t.Error("Unpack takes a path")
	}
}

func TestDefaultDir(t *testing.T) {
	if os.Geteuid() == 0 {
		if dir, err := DefaultDir(); err != nil || dir != "/var/lib/sandkit/images" {
			t.Errorf("%s, %v", dir, err)
		}
		return
	}
	t.Setenv("HOME", "/home/x")
	for data, want := range map[string]string{
		"/data": "/data/sandkit/images", "": "/home/x/.local/share/sandkit/images", "relative": "/home/x/.local/share/sandkit/images",
	} {
		t.Setenv("XDG_DATA_HOME", data)
		if dir, err := DefaultDir(); err != nil || dir != want {
			t.Errorf("XDG_DATA_HOME=%s: %s, %v", data, dir, err)
		}
	}
}

// TestTryUnpack: who does not want to wait is told so.
func TestTryUnpack(t *testing.T) {
	s := open(t)
	first, second := lease(t, s), lease(t, s)
	key := LayerKey{"dir", digest.FromString("layer")}
	u, err := first.TryUnpack(t.Context(), key)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := second.TryUnpack(t.Context(), key); !errors.Is(err, ErrBusy) {
		t.Errorf("busy: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := second.TryUnpack(ctx, key); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
	if err := u.Close(); err != nil {
		t.Fatal(err)
	}
	if err := unpackDir(t.Context(), second, key); err != nil {
		t.Fatal(err)
	}
	if _, err := first.TryUnpack(t.Context(), key); !errors.Is(err, ErrExists) {
		t.Errorf("there: %v", err)
	}
	if first.Store() != s {
		t.Error("a lease of another store")
	}
}
