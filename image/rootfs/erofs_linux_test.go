package rootfs

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/sandkit/sandkit/image"
	"github.com/sandkit/sandkit/image/store"
	"github.com/sandkit/sandkit/internal/kernel"
	"github.com/sandkit/sandkit/internal/sys"
	"github.com/sandkit/sandkit/internal/testutil"
)

// needLoop gives a file system whose images are mounted from loop devices.
func needLoop(t *testing.T) *store.Store {
	t.Helper()
	testutil.NeedRoot(t)
	f, err := os.OpenFile("/dev/loop-control", os.O_RDWR, 0)
	if err != nil {
		testutil.Skip(t, "no loop devices: "+err.Error())
	}
	f.Close()
	return newStore(t) // in memory: the kernel takes no files of tmpfs
}

// loops are the loop devices of a store.
func loops(t *testing.T, s *store.Store) []string {
	t.Helper()
	files, err := filepath.Glob("/sys/block/loop*/loop/backing_file")
	must(t, err)
	unique := filepath.Base(filepath.Dir(s.Dir())) // the rest depends on the root directory
	var mine []string
	for _, f := range files {
		if b, err := os.ReadFile(f); err == nil && strings.Contains(string(b), unique) {
			mine = append(mine, f)
		}
	}
	return mine
}

// TestLoop: images that the kernel does not take as files.
func TestLoop(t *testing.T) {
	s := needLoop(t)
	o := Options{Backend: EROFS}
	layers := []items{base, {file("lib/x", ""), gone("tmp")}}
	img := addImage(t, s, "a", layers...)
	testutil.Unchanged(t)
	v, err := Mount(t.Context(), s, "a", MountOptions{Unpack: o})
	must(t, err)
	shown(t, v.Path(), layers...)
	src, err := unpack(t, s, img, o).Layers[0].Source()
	must(t, err)
	if want := len(layers) + 1; strings.HasPrefix(src.Path, "/dev/loop") && len(loops(t, s)) != want {
		t.Errorf("devices: %v, want %d", loops(t, s), want)
	}
	must(t, src.Close())
	must(t, v.Close())
	if left := loops(t, s); len(left) > 0 {
		t.Errorf("left: %v", left)
	}
}

// TestSource: what a layer gives can be mounted.
func TestSource(t *testing.T) {
	testutil.NeedRoot(t)
	for _, s := range []*store.Store{newStore(t, Options{Backend: EROFS}), needLoop(t)} {
		stack := unpack(t, s, addImage(t, s, "a", base), Options{Backend: EROFS})
		testutil.Unchanged(t)
		src, err := stack.Layers[0].Source()
		must(t, err)
		fd, err := sys.MountDetached("erofs", src.Path, sys.MOUNT_ATTR_RDONLY, [2]string{"ro"})
		must(t, err)
		must(t, src.Close())
		if b, err := os.ReadFile(sys.FdPath(fd.Int()) + "/usr/lib/a"); err != nil || string(b) != "a" {
			t.Errorf("%s: %q, %v", src.Path, b, err)
		}
		must(t, fd.Close())
	}
	l := Layer{Path: "/some/where", Kind: KindDir}
	if src, err := l.Source(); err != nil || src.Path != l.Path || src.Close() != nil {
		t.Errorf("%v, %v", src, err)
	}
	if _, err := (Layer{Path: "/nonexistent", Kind: KindEROFS}).Source(); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("%v", err)
	}
}

// TestNoRoomInImage: a layer that no image can have, or that would inherit what
// no image can have, becomes a directory, also in a stack of images.
func TestNoRoomInImage(t *testing.T) {
	s := needLoop(t)
	if !strings.HasPrefix(s.Dir(), "/dev/shm") {
		testutil.Skip(t, "only tmpfs has large attributes")
	}
	big := dir("big").WithXattr("user.big", strings.Repeat("x", 64<<10))
	layers := []items{base, {big, file("big/1", "")}, {file("big/2", "")}, {file("etc/x", "")}}
	img := addImage(t, s, "a", layers...)
	stack := unpack(t, s, img, Options{Backend: EROFS})
	right(t, stack, layers...)
	kinds := ""
	for _, l := range stack.Layers {
		kinds += string(l.Kind) + " "
	}
	if kinds != "erofs dir dir erofs " {
		t.Errorf("%s", kinds)
	}
	v, err := Mount(t.Context(), s, "a", MountOptions{Unpack: Options{Backend: EROFS}})
	must(t, err)
	shown(t, v.Path(), layers...)
	must(t, v.Close())
	// What was downloaded is gone when it turns out.
	other := newStore(t)
	u, err := Begin(t.Context(), newLease(t, other), img, Options{Backend: EROFS})
	must(t, err)
	l := img.Layers()[1]
	r, err := l.Open(t.Context())
	must(t, err)
	must(t, u.Feed(t.Context(), l, r))
	must(t, r.Close())
	stack, err = u.Finish(t.Context())
	must(t, err)
	right(t, stack, layers...)
	must(t, u.Close())
}

// TestNoEROFS: hosts that mount no images.
func TestNoEROFS(t *testing.T) {
	testutil.NeedRoot(t)
	s := newStore(t, Options{Backend: EROFS})
	img := addImage(t, s, "a", base)
	st, err := os.Stat(s.Dir())
	must(t, err)
	f, err := os.Open(s.Dir())
	must(t, err)
	defer f.Close()
	dir, err := sys.Fstatat(int(f.Fd()), "")
	must(t, err)
	found.Lock()
	before, had := found.answers[dir.Device]
	if found.answers == nil {
		found.answers = make(map[uint64]answer)
	}
	found.answers[dir.Device] = answer{err: &kernel.NotSupportedError{Feature: st.Name()}}
	found.Unlock()
	defer func() {
		found.Lock()
		defer found.Unlock()
		delete(found.answers, dir.Device)
		if had {
			found.answers[dir.Device] = before
		}
	}()
	if _, err := Unpack(t.Context(), newLease(t, s), img, Options{Backend: EROFS}); !errors.Is(err, kernel.ErrNotSupported) {
		t.Errorf("%v", err)
	}
	stack := unpack(t, s, img, Options{})
	right(t, stack, base)
	if stack.Layers[0].Kind != KindDir {
		t.Errorf("%v", stack.Layers)
	}
}

// TestDamagedTree: what the store has is not what was put there.
func TestDamagedTree(t *testing.T) {
	s := newStore(t)
	img := addImage(t, s, "a", base)
	stack := unpack(t, s, img, Options{Backend: Directory})
	record := filepath.Join(filepath.Dir(stack.Layers[0].Path), recordName)
	for _, text := range []string{"", "{", "{}", `{"kind":"tape"}`, `{"kind":"dir","fits":true}`} {
		must(t, os.WriteFile(record, []byte(text), 0o600))
		_, err := Unpack(t.Context(), newLease(t, s), img, Options{Backend: Directory})
		named(t, err, image.ErrCorrupt, img.Layers()[0].Descriptor().Digest)
	}
}
