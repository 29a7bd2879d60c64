//go:build linux

package main

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// readCpio reads a "newc" archive the way the kernel does.
func readCpio(t *testing.T, b []byte) map[string]entry {
	t.Helper()
	res := map[string]entry{}
	for off := 0; ; {
		if len(b) < off+110 || string(b[off:off+6]) != "070701" {
			t.Fatalf("no header at %d", off)
		}
		field := func(i int) int {
			v, err := strconv.ParseUint(string(b[off+6+8*i:off+14+8*i]), 16, 32)
			if err != nil {
				t.Fatal(err)
			}
			return int(v)
		}
		size, nameSize := field(6), field(11)
		name := string(b[off+110 : off+110+nameSize-1])
		data := (off + 110 + nameSize + 3) &^ 3
		if name == "TRAILER!!!" {
			return res
		}
		if _, ok := res[name]; ok {
			t.Errorf("%s is there twice", name)
		}
		res[name] = entry{name: name, mode: uint32(field(1)), owner: field(2), size: int64(size), data: b[data : data+size]}
		if field(2) != field(3) {
			t.Errorf("%s: user %d but group %d", name, field(2), field(3))
		}
		off = (data + size + 3) &^ 3
	}
}

// sampleTree has one entry of each kind, of sizes that need all paddings.
func sampleTree(t *testing.T) *tree {
	t.Helper()
	file := filepath.Join(t.TempDir(), "host")
	if err := os.WriteFile(file, []byte("of the host"), 0o640); err != nil {
		t.Fatal(err)
	}
	tr, err := newTree("/run")
	if err != nil {
		t.Fatal(err)
	}
	for i := range 5 {
		if err := tr.addData(fmt.Sprintf("/data/n%d", i), 0o600, bytes.Repeat([]byte{'x', 0}, i)); err != nil {
			t.Fatal(err)
		}
	}
	for _, err := range []error{
		tr.addFile(file, "/bin/tool", 1000),
		tr.addDir("/tmp", 0o1777, 0),
		tr.addLink("/data/link", "../bin/tool"),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	return tr
}

func TestArchiveIsReadBack(t *testing.T) {
	file := filepath.Join(t.TempDir(), "initrd")
	size, err := sampleTree(t).writeTo(file)
	if err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if int64(len(b)) != size {
		t.Errorf("%d bytes were announced, %d written", size, len(b))
	}
	got := readCpio(t, b)
	for _, want := range []entry{
		{name: "bin", mode: syscall.S_IFLNK | 0o777, data: []byte("usr/bin")},
		{name: "usr", mode: syscall.S_IFDIR | 0o755},
		{name: "usr/bin/tool", mode: syscall.S_IFREG | 0o640, owner: 1000, data: []byte("of the host")},
		{name: "tmp", mode: syscall.S_IFDIR | 0o1777},
		{name: "data/link", mode: syscall.S_IFLNK | 0o777, data: []byte("../bin/tool")},
		{name: "data/n0", mode: syscall.S_IFREG | 0o600},
		{name: "data/n3", mode: syscall.S_IFREG | 0o600, data: []byte("x\x00x\x00x\x00")},
	} {
		e, ok := got[want.name]
		if !ok || e.mode != want.mode || e.owner != want.owner || !bytes.Equal(e.data, want.data) {
			t.Errorf("%s: got %+v, want %+v", want.name, e, want)
		}
	}
}

func TestArchiveListedByCpio(t *testing.T) {
	tool, err := exec.LookPath("cpio")
	if err != nil {
		t.Skip("no cpio program; TestArchiveIsReadBack reads the archive too")
	}
	file := filepath.Join(t.TempDir(), "initrd")
	tr := sampleTree(t)
	if _, err := tr.writeTo(file); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), tool, "-t", "--quiet", "-F", file)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("cpio: %v: %s", err, out)
	}
	var want strings.Builder
	for _, e := range tr.entries {
		fmt.Fprintln(&want, e.name)
	}
	if string(out) != want.String() {
		t.Errorf("cpio lists\n%swant\n%s", out, want.String())
	}
}

func TestArchiveRefusesWhatItCannotHold(t *testing.T) {
	file := filepath.Join(t.TempDir(), "f")
	if err := os.WriteFile(file, []byte("12345"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, e := range map[string]entry{
		"too large":  {name: "f", size: 1 << 32, file: file},
		"has grown":  {name: "f", size: 4, file: file},
		"has shrunk": {name: "f", size: 6, file: file},
		"has gone":   {name: "f", size: 5, file: file + "x"},
	} {
		if err := newCpioWriter(io.Discard).write(e); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}
