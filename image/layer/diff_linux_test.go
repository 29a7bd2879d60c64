package layer

import (
	"bytes"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/sandkit/sandkit/image"
	"github.com/sandkit/sandkit/internal/sys"
	"github.com/sandkit/sandkit/internal/testutil"
)

// diff makes a layer, twice, since both must be the same.
func diff(tb testing.TB, upper *os.File, lowers []*os.File, o DiffOptions) []byte {
	tb.Helper()
	if o.Format == OverlayTrusted {
		o.Format = options(Options{}).Format
	}
	var a, b bytes.Buffer
	info, err := Diff(tb.Context(), &a, upper, lowers, o)
	if err != nil {
		tb.Fatal(err)
	}
	if _, err := Diff(tb.Context(), &b, upper, lowers, o); err != nil || !bytes.Equal(a.Bytes(), b.Bytes()) {
		tb.Fatalf("not reproducible, %v", err)
	}
	if info.DiffID != image.Describe("", a.Bytes()).Digest || info.Bytes != int64(a.Len()) {
		tb.Fatalf("%+v", info)
	}
	return a.Bytes()
}

// base are layers for overlays.
var base = [][]item{
	{
		dir("etc"), file("etc/passwd", "root"), file("etc/group", "root"), dir("usr"), dir("usr/lib"), file("usr/lib/a", "a").OwnedBy(3, 4),
		file("usr/lib/b", "b").WithXattr("user.b", "1"), symlink("lib", "usr/lib"), dir("var"), dir("var/x"), file("var/x/1", "1"), file("var/x/2", "2"),
	},
	{dir("var"), dir("var/x"), file("var/x/3", "3"), file("var/x/.wh.1", ""), dir("opt"), file("opt/f", "f")},
}

// changes are what programs do in a sandbox.
var changes = map[string]func(root string) error{
	"nothing": func(string) error { return nil },
	"files": func(root string) error {
		return first(os.WriteFile(root+"/new", []byte("n"), 0o640), os.WriteFile(root+"/etc/passwd", []byte("changed"), 0o600),
			os.Remove(root+"/etc/group"), os.Symlink("x", root+"/etc/l"), syscall.Mkfifo(root+"/etc/p", 0o600))
	},
	"a directory is removed": func(root string) error { return os.RemoveAll(root + "/var/x") },
	"and made again": func(root string) error {
		return first(os.RemoveAll(root+"/var/x"), os.Mkdir(root+"/var/x", 0o700), os.WriteFile(root+"/var/x/9", []byte("9"), 0o600))
	},
	"a directory is moved": func(root string) error { return os.Rename(root+"/var/x", root+"/usr/y") },
	"moved and changed": func(root string) error {
		return first(os.Rename(root+"/var/x", root+"/var/y"), os.Remove(root+"/var/y/2"), os.WriteFile(root+"/var/y/9", nil, 0o600))
	},
	"moved to another's place": func(root string) error {
		return first(os.RemoveAll(root+"/opt"), os.Rename(root+"/var", root+"/opt"))
	},
	"only the owner": func(root string) error { return os.Chown(root+"/usr/lib/a", 9, 9) },
	"moved and owner": func(root string) error {
		return first(os.Chown(root+"/usr/lib/b", 9, 9), os.Rename(root+"/usr/lib/b", root+"/etc/b"))
	},
	"hard links": func(root string) error {
		return first(os.WriteFile(root+"/one", []byte("1"), 0o600), os.Link(root+"/one", root+"/var/two"), os.Link(root+"/etc/passwd", root+"/etc/passwd-"))
	},
	"a file becomes a directory": func(root string) error {
		return first(os.Remove(root+"/opt/f"), os.Mkdir(root+"/opt/f", 0o755), os.WriteFile(root+"/opt/f/x", nil, 0o600))
	},
	"a directory becomes a link": func(root string) error {
		return first(os.RemoveAll(root+"/opt"), os.Symlink("usr", root+"/opt"))
	},
	"capabilities": func(root string) error {
		return syscall.Setxattr(root+"/opt/f", "security.capability", []byte("\x01\x00\x00\x02\x00\x20\x00\x00"+strings.Repeat("\x00", 12)), 0)
	},
}

func first(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// TestDiffOverlay changes something in a real overlay: the layer that comes of
// it gives the same tree over the same layers, and our view of the directories
// is the kernel's.
func TestDiffOverlay(t *testing.T) {
	testutil.NeedRoot(t)
	lowers, _ := toDir.stacked(t, base)
	images, _ := toImage.stacked(t, base)
	for name, change := range changes {
		t.Run(name, func(t *testing.T) {
			merged, upper := mountOverlay(t, lowers)
			if err := change(merged); err != nil {
				t.Fatal(err)
			}
			m, err := os.Open(merged)
			if err != nil {
				t.Fatal(err)
			}
			want := withoutLinks(listing(t, Flat, m))
			m.Close()
			raw := diff(t, upper, lowers, DiffOptions{})
			if !bytes.Equal(diff(t, upper, images, DiffOptions{}), raw) {
				t.Error("over images it is another layer")
			}
			flat := newDir(t)
			for _, l := range base {
				unpack(t, flat, archive(t, l...), Options{Format: Flat})
			}
			unpack(t, flat, raw, Options{Format: Flat})
			if got := withoutLinks(listing(t, Flat, flat)); got != want {
				t.Errorf("got:\n%s\nwant:\n%s", got, want)
			}
		})
	}
}

// mountOverlay mounts layers, as root.
func mountOverlay(t *testing.T, lowers []*os.File) (merged string, upper *os.File) {
	t.Helper()
	upper = newDir(t)
	dirs := t.TempDir()
	merged, work := dirs+"/merged", dirs+"/work"
	if err := first(os.Mkdir(merged, 0o755), os.Mkdir(work, 0o755)); err != nil {
		t.Fatal(err)
	}
	var lower []string
	for _, l := range lowers {
		lower = append([]string{placeOf(t, l)}, lower...)
	}
	data := "lowerdir=" + strings.Join(lower, ":") + ",upperdir=" + upper.Name() + ",workdir=" + work + ",redirect_dir=on,metacopy=on"
	if err := syscall.Mount("overlay", merged, "overlay", 0, data); err != nil {
		testutil.Skip(t, "no overlay here: "+err.Error())
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(merged, 0); err != nil {
			t.Error(err)
		}
	})
	return merged, upper
}

// placeOf gives the path of a directory, also of an image: it is mounted again.
func placeOf(t *testing.T, layer *os.File) string {
	t.Helper()
	img, ok := strings.CutSuffix(layer.Name(), mounted)
	if !ok {
		return layer.Name()
	}
	dir := t.TempDir()
	if err := syscall.Mount(img, dir, "erofs", syscall.MS_RDONLY, ""); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, 0); err != nil {
			t.Error(err)
		}
	})
	return dir
}

// TestRandomMounted: the kernel's overlay shows of settled layers what one
// over the other gives.
func TestRandomMounted(t *testing.T) {
	testutil.NeedRoot(t)
	same := 0
	randomStacks(t, 30, 2, func(r randomStack) {
		for _, b := range backEnds {
			if b == toImage && !mountsFiles(t) {
				continue
			}
			stack, ok := settleAll(t, b, r.layers)
			if !ok {
				return
			}
			same++
			merged, _ := mountOverlay(t, stack)
			m, err := os.Open(merged)
			if err != nil {
				t.Fatal(err)
			}
			got := withoutLinks(listing(t, Flat, m))
			m.Close()
			r.compare(t, string(b), got)
		}
	})
	if same < 5 {
		t.Errorf("only %d were compared", same)
	}
}

// TestDiffUnpacked: a layer that was unpacked becomes the same layer, whoever
// did it.
func TestDiffUnpacked(t *testing.T) {
	raw := archive(t,
		dir("d").OwnedBy(7, 8).WithMode(0o2755), file("d/f", "x").WithMode(0o4755).OwnedBy(1, 70000).WithXattr("user.a", "1"), hard("d/g", "d/f"),
		file("d/.wh.gone", ""), dir("o"), file("o/.wh..wh..opq", ""), symlink("l", "d"), fifo("p"), file("\xff", ""),
	)
	upper := newDir(t)
	unpack(t, upper, raw, Options{})
	again := newDir(t)
	made := diff(t, upper, nil, DiffOptions{})
	unpack(t, again, made, Options{})
	format := options(Options{}).Format
	if got, want := listing(t, format, again), listing(t, format, upper); got != want {
		t.Errorf("got:\n%s\nwant:\n%s", got, want)
	}
	if !bytes.Contains(made, []byte("d/.wh.gone")) || !bytes.Contains(made, []byte("o/.wh..wh..opq")) {
		t.Error("whiteouts are missing")
	}
}

// TestDiffDetails: sockets are left out, names that would mean something else
// are errors, id maps are undone.
func TestDiffDetails(t *testing.T) {
	upper := newDir(t)
	path := filepath.Join(upper.Name(), "s")
	l, err := net.Listen("unix", path)
	if err != nil {
		t.Skip(err) // the path is too long for a socket
	}
	defer l.Close()
	var b bytes.Buffer
	info, err := Diff(t.Context(), &b, upper, nil, DiffOptions{})
	if err != nil || info.Entries != 0 || len(info.Skipped) != 1 {
		t.Errorf("%+v, %v", info, err)
	}
	if err := os.WriteFile(upper.Name()+"/.wh.x", nil, 0o600); err != nil {
		t.Fatal(err)
	}
	_, err = Diff(t.Context(), &b, upper, nil, DiffOptions{})
	failed(t, err, image.ErrInvalid)
}

// TestDiffIDs: what ids are on the host does not show in the layer.
func TestDiffIDs(t *testing.T) {
	testutil.NeedRoot(t)
	ids := []IDRange{{0, 100000, 65536}}
	upper := newDir(t)
	path := upper.Name() + "/f"
	capability := []byte("\x01\x00\x00\x03\x00\x20\x00\x00" + strings.Repeat("\x00", 12) + "\xa0\x86\x01\x00") // of root 100000
	if err := first(os.WriteFile(path, nil, 0o600), os.Chown(path, 100005, 100006), syscall.Setxattr(path, "security.capability", capability, 0)); err != nil {
		t.Fatal(err)
	}
	d := newDir(t)
	unpack(t, d, diff(t, upper, nil, DiffOptions{UIDs: ids, GIDs: ids}), Options{})
	entries, err := Tree(Flat, d)
	if err != nil || entries[0].UID != 5 || entries[0].GID != 6 || len(entries[0].Xattrs["security.capability"]) != 20 {
		t.Errorf("%v, %v", entries, err)
	}
	if err := os.Chown(path, 5, 5); err != nil {
		t.Fatal(err)
	}
	if _, err := Diff(t.Context(), &bytes.Buffer{}, upper, nil, DiffOptions{UIDs: ids, GIDs: ids}); err == nil {
		t.Error("an id outside of the map was taken")
	}
	if st, err := sys.Fstatat(int(upper.Fd()), "f"); err != nil || st.UID != 5 {
		t.Errorf("%+v, %v", st, err)
	}
}
