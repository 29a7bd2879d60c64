package transfer

import (
	"errors"
	"io"
	iofs "io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"testing/fstest"

	"github.com/sandkit/sandkit/internal/testutil"
)

func TestFS(t *testing.T) {
	testutil.Unchanged(t)
	dir, root := newRoot(t, "file etc/passwd inside", "dir a/b", "link a/abs /etc/passwd", "link a/up ../../../etc", "link loop loop", "link out /canary")
	if err := os.WriteFile(filepath.Join(dir, "../canary"), []byte("outside"), 0o644); err != nil {
		t.Fatal(err)
	}
	v := NewFS(root, own())
	if err := os.Remove(filepath.Join(dir, "loop")); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(filepath.Join(dir, "out")); err != nil {
		t.Fatal(err)
	}
	if err := fstest.TestFS(v, "etc/passwd", "a/b", "a/abs"); err != nil {
		t.Error(err)
	}
	for _, p := range []string{"a/abs", "a/up/passwd", "etc/passwd"} {
		if b, err := v.ReadFile(p); err != nil || string(b) != "inside" {
			t.Errorf("%s: %q, %v", p, b, err)
		}
	}
	testutil.Tree(t, dir, "link loop loop", "link out /canary", "link out2 ../canary")
	for p, want := range map[string]error{
		"loop": syscall.ELOOP, "out": iofs.ErrNotExist, "out2": iofs.ErrNotExist, "../canary": iofs.ErrInvalid,
		"/etc": iofs.ErrInvalid, "none": iofs.ErrNotExist, "etc/passwd/x": syscall.ENOTDIR,
	} {
		_, e1 := v.Open(p)
		_, e2 := v.Stat(p)
		_, e3 := v.ReadFile(p)
		_, e4 := v.ReadDir(p)
		for _, err := range []error{e1, e2, e3, e4} {
			var pe *iofs.PathError
			if !errors.Is(err, want) || !errors.As(err, &pe) || pe.Path != p {
				t.Errorf("%s: %v, want %v", p, err, want)
			}
		}
	}
	if to, err := v.ReadLink("a/abs"); to != "/etc/passwd" || err != nil {
		t.Errorf("link: %q, %v", to, err)
	}
	if _, err := v.ReadLink("etc"); !errors.Is(err, syscall.EINVAL) {
		t.Errorf("link of a directory: %v", err)
	}
	if i, err := v.Lstat("loop"); err != nil || i.Mode().Type() != iofs.ModeSymlink {
		t.Errorf("lstat: %v, %v", i, err)
	}
	if _, err := v.ReadFile("etc"); !errors.Is(err, syscall.EISDIR) {
		t.Errorf("directory as a file: %v", err)
	}
}

// TestFSNeverWaits: FIFOs, sockets and devices are not even opened.
func TestFSNeverWaits(t *testing.T) {
	testutil.Unchanged(t)
	dir, root := newRoot(t, "fifo f", "link l f")
	l, err := net.Listen("unix", filepath.Join(dir, "s"))
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	names := []string{"f", "l", "s"}
	if err := syscall.Mknod(filepath.Join(dir, "d"), syscall.S_IFCHR|0o666, 1<<8|3); err == nil {
		names = append(names, "d")
	}
	v := NewFS(root, IDs{})
	for _, name := range names {
		_, err := v.Open(name)
		if s, ok := errors.AsType[*SpecialError](err); !ok || !errors.Is(err, iofs.ErrInvalid) || !strings.Contains(err.Error(), "not a regular file") {
			t.Errorf("open %s: %v %v", name, err, s)
		}
		if _, err := v.ReadFile(name); err == nil {
			t.Errorf("read %s worked", name)
		}
		if _, err := v.Stat(name); err != nil {
			t.Errorf("stat %s: %v", name, err)
		}
	}
}

func TestFSOwners(t *testing.T) {
	_, root := newRoot(t, "file f x")
	owner := func(ids IDs) [2]uint32 {
		st := must(NewFS(root, ids).Stat("f")).Sys().(*syscall.Stat_t)
		return [2]uint32{st.Uid, st.Gid}
	}
	if got := owner(own()); got != [2]uint32{0, 0} {
		t.Errorf("mapped: %v", got)
	}
	if got, want := owner(IDs{}), [2]uint32{uint32(os.Getuid()), uint32(os.Getgid())}; got != want {
		t.Errorf("as it is: %v, want %v", got, want)
	}
	none := func(uint32) (uint32, bool) { return 7, false }
	if got := owner(IDs{Inside: IDMap{none, none}}); got != [2]uint32{nobody, nobody} {
		t.Errorf("not mapped: %v", got)
	}
	entry := must(NewFS(root, own()).ReadDir("."))[0]
	if st := must(entry.Info()).Sys().(*syscall.Stat_t); st.Uid != 0 {
		t.Errorf("entry: %d", st.Uid)
	}
}

// TestFSHugeFile: a size that is only a promise takes no memory.
func TestFSHugeFile(t *testing.T) {
	dir, root := newRoot(t, "file f x")
	if err := os.Truncate(filepath.Join(dir, "f"), 1<<42); err != nil {
		t.Fatal(err)
	}
	f := must(NewFS(root, IDs{}).Open("f"))
	defer f.Close()
	if n, err := io.CopyN(io.Discard, f, 100); n != 100 || err != nil {
		t.Error(n, err)
	}
	if i := must(f.Stat()); i.Size() != 1<<42 || i.Name() != "f" {
		t.Error(i)
	}
}

// TestFSReadDirInParts reads a directory as its programs change it.
func TestFSReadDirInParts(t *testing.T) {
	dir, root := newRoot(t, "file a x", "file b x", "file c x")
	d := must(NewFS(root, IDs{}).Open(".")).(iofs.ReadDirFile)
	defer d.Close()
	seen := map[string]bool{}
	for {
		entries, err := d.ReadDir(1)
		for _, e := range entries {
			seen[e.Name()] = true
		}
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil || len(entries) != 1 {
			t.Fatal(entries, err)
		}
		_ = os.Remove(filepath.Join(dir, "b"))
	}
	if !seen["a"] || !seen["c"] {
		t.Errorf("seen %v", seen)
	}
	if _, err := d.Read(nil); !errors.Is(err, syscall.EISDIR) {
		t.Errorf("read: %v", err)
	}
}
