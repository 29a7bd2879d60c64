package rootfs

import (
	"bytes"
	"errors"
	"fmt"
	iofs "io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"testing/fstest"

	"github.com/sandkit/sandkit/image"
	"github.com/sandkit/sandkit/image/layer"
	"github.com/sandkit/sandkit/internal/kernel"
	"github.com/sandkit/sandkit/internal/testutil"
	"github.com/sandkit/sandkit/internal/testutil/tarball"
)

// shown checks that a directory is what layers mean together.
func shown(tb testing.TB, path string, layers ...items) {
	tb.Helper()
	d, err := os.Open(path)
	must(tb, err)
	defer d.Close()
	want, root, ok := flat(tb, layers...)
	if !ok {
		tb.Fatal("not to be unpacked flat")
	}
	if got := listing(tb, layer.Flat, d); got != want {
		tb.Errorf("layers:\n%v\ngot:\n%s\nwant:\n%s", layers, got, want)
	}
	got, err := readAttr(d, form{})
	must(tb, err)
	if root.ModTime.IsZero() {
		got.ModTime = root.ModTime
	}
	if fmt.Sprint(*got) != fmt.Sprint(root) {
		tb.Errorf("root is %v, want %v", *got, root)
	}
}

func TestMount(t *testing.T) {
	testutil.NeedRoot(t)
	eachBackend(t, func(t *testing.T, o Options) {
		for _, test := range stacks {
			t.Run(test.name, func(t *testing.T) {
				s := newStore(t, o)
				testutil.Unchanged(t)
				layers := append([]items{base}, test.layers...)
				addImage(t, s, "a", layers...)
				for _, writable := range []bool{false, true} {
					v, err := Mount(t.Context(), s, "a", MountOptions{Unpack: o, Writable: writable})
					must(t, err)
					shown(t, v.Path(), layers...)
					must(t, v.Close())
				}
				shownAside(t, o, layers...)
			})
		}
	})
}

// shownAside checks the way of older kernels.
func shownAside(t *testing.T, o Options, layers ...items) {
	t.Helper()
	s := newStore(t, o)
	stack := unpack(t, s, addImage(t, s, "a", layers...), o)
	for _, writable := range []bool{false, true} {
		fd, err := stack.mountAside(&MountOptions{Writable: writable})
		must(t, err)
		shown(t, "/proc/self/fd/"+strconv.Itoa(fd.Int()), layers...)
		must(t, fd.Close())
	}
}

func TestMountNoLayers(t *testing.T) {
	testutil.NeedRoot(t)
	s := newStore(t)
	addImage(t, s, "none")
	for _, writable := range []bool{false, true} {
		v, err := Mount(t.Context(), s, "none", MountOptions{Writable: writable})
		must(t, err)
		shown(t, v.Path())
		must(t, v.Close())
	}
	shownAside(t, Options{})
}

func TestMountManyLayers(t *testing.T) {
	testutil.NeedRoot(t)
	eachBackend(t, func(t *testing.T, o Options) {
		var layers []items
		for i := range 128 {
			layers = append(layers, items{file(fmt.Sprint("d/", i), ""), file("same", fmt.Sprint(i))})
		}
		s := newStore(t, o)
		addImage(t, s, "many", layers...)
		v, err := Mount(t.Context(), s, "many", MountOptions{Unpack: o})
		must(t, err)
		shown(t, v.Path(), layers...)
		must(t, v.Close())
		shownAside(t, o, layers...)
	})
}

// TestViewFS: the file system is one for Go, and never leaves the image.
func TestViewFS(t *testing.T) {
	testutil.NeedRoot(t)
	secret := filepath.Join(t.TempDir(), "secret")
	must(t, os.WriteFile(secret, []byte("host"), 0o600))
	l := items{
		dir("etc"), file("etc/name", "image\n"), symlink("abs", "/etc/name"), symlink("up", "../../../../.."+secret), symlink("out", secret),
		symlink("dir", "/etc"), dir("proc"), symlink("proc/self", "/"),
		tarball.Raw('6', "fifo", 0o644),
		file("tool", "").WithMode(0o4755),
	}
	s := newStore(t)
	addImage(t, s, "a", l)
	testutil.Unchanged(t)
	v, err := Mount(t.Context(), s, "a", MountOptions{})
	must(t, err)
	fsys := v.FS()
	for _, name := range []string{"etc/name", "abs", "dir/name"} {
		if b, err := iofs.ReadFile(fsys, name); err != nil || string(b) != "image\n" {
			t.Errorf("%s: %q, %v", name, b, err)
		}
	}
	for _, name := range []string{"up", "out"} {
		if b, err := iofs.ReadFile(fsys, name); !errors.Is(err, iofs.ErrNotExist) {
			t.Errorf("%s: %q, %v", name, b, err)
		}
	}
	if target, err := iofs.ReadLink(fsys, "abs"); err != nil || target != "/etc/name" {
		t.Errorf("%q, %v", target, err)
	}
	entries, err := iofs.ReadDir(fsys, "dir")
	if err != nil || len(entries) != 1 || entries[0].Name() != "name" {
		t.Errorf("%v, %v", entries, err)
	}
	if _, err := iofs.Stat(fsys, "../x"); !errors.Is(err, iofs.ErrInvalid) {
		t.Errorf("../x: %v", err)
	}
	sub, err := iofs.Sub(fsys, "etc")
	must(t, err)
	must(t, fstest.TestFS(sub, "name"))
	must(t, v.Close())
	if _, err := fsys.Open("etc"); !errors.Is(err, iofs.ErrClosed) {
		t.Errorf("closed: %v", err)
	}
	must(t, v.Close())
	must(t, (*View)(nil).Close())
}

// TestViewAccess: who may write what.
func TestViewAccess(t *testing.T) {
	testutil.NeedRoot(t)
	testutil.Unchanged(t)
	s := newStore(t)
	addImage(t, s, "a", base, items{dir("etc"), file("etc/passwd", "x")})
	v, err := Mount(t.Context(), s, "a", MountOptions{})
	must(t, err)
	if err := os.WriteFile(v.Path()+"/new", nil, 0o600); !errors.Is(err, syscall.EROFS) {
		t.Errorf("read-only: %v", err)
	}
	must(t, v.Close())

	target := t.TempDir()
	v, err = Mount(t.Context(), s, "a", MountOptions{Writable: true, Size: 1 << 20, Target: target})
	must(t, err)
	must(t, os.WriteFile(target+"/etc/passwd", []byte("changed"), 0o600))
	if b, err := os.ReadFile(v.Path() + "/etc/passwd"); err != nil || string(b) != "changed" {
		t.Errorf("%q, %v", b, err)
	}
	if out, err := helper(t, "cat", v.Path()+"/etc/passwd").CombinedOutput(); err != nil || string(out) != "changed" {
		t.Errorf("a child: %q, %v", out, err)
	}
	if err := os.WriteFile(target+"/big", bytes.Repeat([]byte("x"), 2<<20), 0o600); !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("beyond the size: %v", err)
	}
	must(t, v.Close())
	if left, err := os.ReadDir(target); err != nil || len(left) > 0 {
		t.Errorf("still attached: %v, %v", left, err)
	}
	v, err = Mount(t.Context(), s, "a", MountOptions{Writable: true})
	must(t, err)
	if b, err := os.ReadFile(v.Path() + "/etc/passwd"); err != nil || string(b) != "x" {
		t.Errorf("the image has changed: %q, %v", b, err)
	}
	must(t, v.Close())
}

// TestViewHolds: what is shown is not collected.
func TestViewHolds(t *testing.T) {
	testutil.NeedRoot(t)
	s := newStore(t)
	addImage(t, s, "a", base)
	v, err := Mount(t.Context(), s, "a", MountOptions{})
	must(t, err)
	defer func() { must(t, v.Close()) }()
	_, err = s.Remove(t.Context(), "a", true)
	must(t, err)
	_, err = s.Collect(t.Context(), -1)
	must(t, err)
	shown(t, v.Path(), base)
}

func TestMountErrors(t *testing.T) {
	s := newStore(t)
	addImage(t, s, "a", base)
	testutil.Unchanged(t)
	if !testutil.IsRoot() {
		_, err := Mount(t.Context(), s, "a", MountOptions{})
		if !errors.Is(err, kernel.ErrNotSupported) || !strings.Contains(err.Error(), "root") {
			t.Errorf("as an ordinary user: %v", err)
		}
		_, err = Unpack(t.Context(), newLease(t, s), addImage(t, s, "a", base), Options{Backend: EROFS})
		if !errors.Is(err, kernel.ErrNotSupported) {
			t.Errorf("EROFS as an ordinary user: %v", err)
		}
		return
	}
	for name, test := range map[string]struct {
		name string
		o    MountOptions
		want error
	}{
		"no such image":  {"b", MountOptions{}, image.ErrNotFound},
		"no such target": {"a", MountOptions{Target: "/nonexistent"}, os.ErrNotExist},
		"size":           {"a", MountOptions{Size: 1}, image.ErrInvalid},
		"negative size":  {"a", MountOptions{Size: -1, Writable: true}, image.ErrInvalid},
		"platform":       {"a", MountOptions{Unpack: Options{Backend: 9}}, image.ErrInvalid},
	} {
		v, err := Mount(t.Context(), s, test.name, test.o)
		if v != nil || !errors.Is(err, test.want) {
			t.Errorf("%s: %v, %v, want %v", name, v, err, test.want)
		}
	}
}
