package erofs

import (
	"fmt"
	iofs "io/fs"
	"math/rand/v2"
	"os"
	"os/exec"
	"path"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sandkit/sandkit/internal/sys"
	"github.com/sandkit/sandkit/internal/testutil"
)

// fsck has the format's own checker look at an image.
func fsck(tb testing.TB, img string, args ...string) {
	tb.Helper()
	if _, err := exec.LookPath("fsck.erofs"); err != nil {
		skip(tb, "no fsck.erofs")
	}
	if out, err := exec.Command("fsck.erofs", append(args, img)...).CombinedOutput(); err != nil {
		tb.Errorf("fsck.erofs: %v\n%s", err, out)
	}
}

// TestFsck: the format's own tools accept the images.
func TestFsck(t *testing.T) {
	for name, specs := range trees() {
		t.Run(name, func(t *testing.T) { fsck(t, save(t, Options{}, specs...)) })
	}
}

// TestExtract: the format's own tools find the same content.
func TestExtract(t *testing.T) {
	for _, name := range []string{"sizes", "tails", "zeros", "directories of long names", "directory of a block and 0"} {
		specs := trees()[name]
		to := t.TempDir() + "/tree"
		fsck(t, save(t, Options{}, specs...), "--extract="+to, "--no-preserve")
		seen := 0
		for _, s := range specs {
			if s.kind != 'f' {
				continue
			}
			seen++
			if b, err := os.ReadFile(to + "/" + s.path); err != nil || string(b) != s.data {
				t.Errorf("%s: %s: %d bytes instead of %d, %v", name, s.path, len(b), len(s.data), err)
			}
		}
		if l, err := os.ReadDir(to); err != nil || len(l) > seen {
			t.Errorf("%s: %d files instead of %d, %v", name, len(l), seen, err)
		}
	}
}

// TestForeign: images of the format's own tools can be read.
func TestForeign(t *testing.T) {
	if _, err := exec.LookPath("mkfs.erofs"); err != nil {
		skip(t, "no mkfs.erofs")
	}
	src := t.TempDir()
	testutil.Tree(t, src, "dir a/b 1750", "file a/c some words", "link l a/c", "fifo f", "file large "+noise(10000))
	for i := range 500 {
		testutil.Tree(t, src, fmt.Sprintf("file many/%d x", i))
	}
	for _, args := range [][]string{nil, {"-Eforce-inode-compact"}, {"-Eforce-inode-extended"}, {"-Enoinline_data"}} {
		img := t.TempDir() + "/img"
		if out, err := exec.Command("mkfs.erofs", append(args, "-T1234", img, src)...).CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		b, err := os.ReadFile(img)
		if err != nil {
			t.Fatal(err)
		}
		r := open(t, b)
		got := readLines(t, r)
		if !slices.ContainsFunc(got, func(l string) bool {
			return strings.HasPrefix(l, `"a/c" f 644 `) && strings.HasSuffix(l, ` "some words"`)
		}) {
			t.Errorf("%v: %q", args, got)
		}
		if len(got) != 508 {
			t.Errorf("%v: %d files", args, len(got))
		}
		if i, err := r.Stat("a/b"); err != nil || i.Mode() != iofs.ModeDir|iofs.ModeSticky|0o750 || i.ModTime().Unix() != 1234 {
			t.Errorf("%v: %v, %v", args, i, err)
		}
	}
}

// TestRandom: the kernel, the Reader and the checker agree on trees that
// nobody thought of.
func TestRandom(t *testing.T) {
	seeds := 20
	if testing.Short() {
		seeds = 5
	}
	for seed := range seeds {
		raw := make([]byte, 20_000)
		_, _ = rand.NewChaCha8([32]byte{byte(seed)}).Read(raw) // never fails
		specs := (&script{raw}).tree()
		if len(specs) < 50 {
			t.Errorf("a tree of %d files", len(specs))
		}
		for _, s := range specs {
			if s.kind != 'f' && s.kind != 'd' { // the kernel wants no user.* there
				for name := range s.attr.Xattrs {
					if strings.HasPrefix(name, "user.") {
						delete(s.attr.Xattrs, name)
					}
				}
			}
		}
		img := save(t, Options{}, specs...)
		if !testutil.InVM() {
			fsck(t, img)
		}
		if testutil.IsRoot() {
			if d := cmp.Diff(lines(specs), kernelLines(t, mounted(t, img))); d != "" {
				t.Errorf("-want +got:\n%s", d)
			}
		}
	}
}

// TestManyNames: a directory may have 100,000.
func TestManyNames(t *testing.T) {
	const entries = 100_000
	name := func(i int) string { return fmt.Sprintf("%x-name", uint32(i)*2654435761) }
	img := save(t, Options{}, slices.Concat([]spec{dir("d")}, many(entries, func(i int) spec { return node("d/"+name(i), 'c', 0, uint32(i)) }))...)
	check := func(fsys iofs.FS) {
		t.Helper()
		l, err := iofs.ReadDir(fsys, "d")
		if err != nil || len(l) != entries {
			t.Fatalf("%d names, %v", len(l), err)
		}
		for i := 0; i < entries; i += 997 {
			if _, err := iofs.Lstat(fsys, "d/"+name(i)); err != nil {
				t.Fatal(err)
			}
			if _, err := iofs.Lstat(fsys, "d/"+name(i)+"x"); err == nil {
				t.Fatal("a name that is not there")
			}
		}
	}
	b, err := os.ReadFile(img)
	if err != nil {
		t.Fatal(err)
	}
	check(open(t, b))
	if testutil.IsRoot() {
		check(os.DirFS(mounted(t, img)))
	}
	if !testutil.InVM() {
		fsck(t, img)
	}
}

// TestDeep: there is no limit to how deep directories go.
func TestDeep(t *testing.T) {
	depth := 10_000
	if testing.Short() {
		depth = 2000
	}
	specs, at := []spec{}, "."
	for range depth {
		at = path.Join(at, "d")
		specs = append(specs, dir(at))
	}
	specs = append(specs, file(at+"/f", "at the bottom"))
	img := save(t, Options{}, specs...)
	b, err := os.ReadFile(img)
	if err != nil {
		t.Fatal(err)
	}
	r := open(t, b)
	if got, err := r.ReadFile(at + "/f"); err != nil || string(got) != "at the bottom" {
		t.Errorf("%q, %v", got, err)
	}
	levels := 0
	err = iofs.WalkDir(r, ".", func(_ string, _ iofs.DirEntry, err error) error {
		levels++
		return err
	})
	if err != nil || levels != depth+2 {
		t.Errorf("%d levels, %v", levels, err)
	}
	if !testutil.IsRoot() {
		return
	}
	fd, err := sys.Openat(sys.AT_FDCWD, mounted(t, img), syscall.O_DIRECTORY)
	for range depth {
		if err != nil {
			break
		}
		var next *sys.FD
		next, err = sys.Openat(fd.Int(), "d", syscall.O_DIRECTORY)
		fd.Close()
		fd = next
	}
	if err != nil {
		t.Fatal(err)
	}
	defer fd.Close()
	if got, err := os.ReadFile(fmt.Sprintf("/proc/self/fd/%d/f", fd.Int())); err != nil || string(got) != "at the bottom" {
		t.Errorf("%q, %v", got, err)
	}
}
