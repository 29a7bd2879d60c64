//go:build linux

package main

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

func TestCleanName(t *testing.T) {
	for in, want := range map[string]string{
		"/":                     "",
		"":                      "",
		"/etc//passwd":          "etc/passwd",
		"a/../b/./c/":           "b/c",
		"/../../etc":            "etc",
		"/bin/sh":               "usr/bin/sh",
		"/sbin":                 "usr/sbin",
		"/lib64/ld-linux.so.2":  "usr/lib64/ld-linux.so.2",
		"/usr/lib/libc.so.6":    "usr/lib/libc.so.6",
		"/usr/bin/../../bin/ls": "usr/bin/ls",
		"/library/x":            "library/x",
		"/home/bin/x":           "home/bin/x",
	} {
		if got := cleanName(in); got != want {
			t.Errorf("cleanName(%q) = %q, want %q", in, got, want)
		}
	}
}

func TestTreeRefuses(t *testing.T) {
	tr, err := newTree("/run", "/.vmrun/tmp")
	if err != nil {
		t.Fatal(err)
	}
	if err := tr.addData("/etc/file", 0o644, nil); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{
		"/run/x":        "mounts over",
		"/.vmrun/tmp/x": "mounts over",
		"/run/../run/x": "mounts over",
		"/etc/file/x":   "not a folder",
	} {
		if err := tr.addData(name, 0o644, nil); err == nil || !strings.Contains(err.Error(), text) {
			t.Errorf("%s: got %v, want an error with %q", name, err, text)
		}
	}
	for _, name := range []string{"/run", "/runs/x", "/.vmrun/tmpx"} {
		if err := tr.addDir(name, 0o755, 0); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestTreeKeepsTheFirst(t *testing.T) {
	tr, err := newTree()
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{"first", "second"} {
		if err := tr.addData("/bin/x", 0o644, []byte(text)); err != nil {
			t.Fatal(err)
		}
	}
	if e := tr.entries[tr.index["usr/bin/x"]]; string(e.data) != "first" {
		t.Errorf("got %q", e.data)
	}
	if !tr.has("/usr/bin/x") || !tr.has("/bin/x") || tr.has("/x") {
		t.Error("has is wrong")
	}
}

func TestCopyIn(t *testing.T) {
	dir := t.TempDir()
	for _, err := range []error{
		os.MkdirAll(filepath.Join(dir, "real/sub"), 0o700),
		os.WriteFile(filepath.Join(dir, "real/sub/file"), []byte("hello"), 0o640),
		os.Symlink("sub/file", filepath.Join(dir, "real/link")),
		os.Symlink("/nowhere", filepath.Join(dir, "real/dangling")),
		syscall.Mkfifo(filepath.Join(dir, "real/fifo"), 0o600),
		os.Symlink("real", filepath.Join(dir, "alias")),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	tr, err := newTree()
	if err != nil {
		t.Fatal(err)
	}
	if err := tr.copyIn(filepath.Join(dir, "alias"), "/data", 1000); err != nil {
		t.Fatal(err)
	}
	if err := tr.copyIn(filepath.Join(dir, "real/link"), "/one", 0); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]uint32{
		"data":          syscall.S_IFDIR | 0o755,
		"data/sub":      syscall.S_IFDIR | 0o755,
		"data/sub/file": syscall.S_IFREG | 0o640,
		"data/link":     syscall.S_IFLNK | 0o777,
		"data/dangling": syscall.S_IFLNK | 0o777,
		"one":           syscall.S_IFREG | 0o640,
	} {
		i, ok := tr.index[name]
		if !ok || tr.entries[i].mode != want {
			t.Errorf("%s: there %v, mode %o, want %o", name, ok, tr.entries[i].mode, want)
		}
	}
	if tr.has("/data/fifo") {
		t.Error("the fifo was copied")
	}
	if e := tr.entries[tr.index["data/sub/file"]]; e.owner != 1000 || e.size != 5 {
		t.Errorf("data/sub/file: %+v", e)
	}
	if err := tr.copyIn(filepath.Join(dir, "none"), "/none", 0); err == nil {
		t.Error("a missing file was copied")
	}
}

func TestSplitPair(t *testing.T) {
	for in, want := range map[string][2]string{
		"/a/b":         {"/a/b", "/a/b"},
		"/a:/c":        {"/a", "/c"},
		"rel":          {"/cwd/rel", "/cwd/rel"},
		"../x:/c/../d": {"/x", "/d"},
		"rel:sub":      {"/cwd/rel", "/cwd/sub"},
		"/a:":          {"/a", "/a"},
	} {
		if h, g := splitPair(in, "/cwd"); h != want[0] || g != want[1] {
			t.Errorf("splitPair(%q) = %q, %q, want %q", in, h, g, want)
		}
	}
}

func TestEtcFollowsUser(t *testing.T) {
	for uid, want := range map[int]string{0: "tester:x:1000:1000:", 4242: "tester:x:4242:4242:"} {
		tr, err := newTree()
		if err != nil {
			t.Fatal(err)
		}
		if err := tr.addBase(uid); err != nil {
			t.Fatal(err)
		}
		if err := tr.addEtc(uid); err != nil {
			t.Fatal(err)
		}
		if got := string(tr.entries[tr.index["etc/passwd"]].data); !strings.Contains(got, want) {
			t.Errorf("uid %d: %q has no %q", uid, got, want)
		}
		if e := tr.entries[tr.index["home/tester"]]; e.owner != testUser(uid) {
			t.Errorf("uid %d: home belongs to %d", uid, e.owner)
		}
	}
}
