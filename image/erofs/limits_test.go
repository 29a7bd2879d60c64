package erofs

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"runtime"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"

	"github.com/sandkit/sandkit/image"
)

// TestInput: what cannot be in an image is refused, by name.
func TestInput(t *testing.T) {
	long := map[string][]byte{"user.x": make([]byte, maxXattrValue+1)}
	for name, c := range map[string]struct {
		specs []spec
		opts  Options
		want  string
		large bool // matches image.ErrTooLarge
	}{
		"mode":         {[]spec{file("a", "").with(Attr{Mode: 0o100644})}, Options{}, `mode "0100644"`, false},
		"mode of dir":  {[]spec{dir("a").with(Attr{Mode: 0o40755})}, Options{}, `mode "040755"`, false},
		"nanoseconds":  {[]spec{file("a", "").with(Attr{MtimeNsec: 1e9})}, Options{}, `mtime "1000000000"`, false},
		"xattr":        {[]spec{file("a", "").with(Attr{Xattrs: long})}, Options{}, `xattr "user.x": size of the value is 65536, more than`, true},
		"xattr name":   {[]spec{file("a", "").with(Attr{Xattrs: map[string][]byte{"user." + strings.Repeat("x", 251): nil}})}, Options{}, "length of the name is 256", true},
		"xattr kind":   {[]spec{file("a", "").with(Attr{Xattrs: map[string][]byte{"system.x": nil}})}, Options{}, `xattr "system.x"`, false},
		"xattr empty":  {[]spec{file("a", "").with(Attr{Xattrs: map[string][]byte{"user.": nil}})}, Options{}, `xattr "user."`, false},
		"xattr acl":    {[]spec{file("a", "").with(Attr{Xattrs: map[string][]byte{"system.posix_acl_accessx": nil}})}, Options{}, "posix", false},
		"xattr nul":    {[]spec{file("a", "").with(Attr{Xattrs: map[string][]byte{"user.a\x00": nil}})}, Options{}, "xattr", false},
		"xattrs":       {[]spec{file("a", "").with(xattrs(5, 60000))}, Options{}, "size of all is 300052, more than the limit of 262148", true},
		"xattrs root":  {[]spec{dir(".").with(xattrs(256, 100))}, Options{}, "number of attributes of the root", true},
		"xattr list":   {[]spec{file("a", "").with(xattrs(7000, 0))}, Options{}, "list of names", true},
		"link":         {[]spec{link("a", "")}, Options{}, "symbolic link", false},
		"link nul":     {[]spec{link("a", "b\x00")}, Options{}, "symbolic link", false},
		"long link":    {[]spec{link("a", strings.Repeat("l", 4096))}, Options{}, "length is 4096", true},
		"major":        {[]spec{node("a", 'c', 4096, 0)}, Options{}, `device "4096:0"`, false},
		"minor":        {[]spec{node("a", 'b', 0, 1<<20)}, Options{}, `device "0:1048576"`, false},
		"fifo":         {[]spec{node("a", 'p', 1, 0)}, Options{}, `device "1:0"`, false},
		"type":         {[]spec{node("a", 'x', 1, 0)}, Options{}, `type "00"`, false},
		"name":         {[]spec{file("a", ""), file("b\x00", "")}, Options{}, `name "b\x00"`, false},
		"long name":    {[]spec{file(strings.Repeat("n", 256), "")}, Options{}, "length is 256", true},
		"in a file":    {[]spec{file("a", ""), file("a/b", "")}, Options{}, `name "b"`, false},
		"block size":   {nil, Options{BlockSize: 4095}, `block size "4095"`, false},
		"small blocks": {nil, Options{BlockSize: 256}, `block size "256"`, false},
		"no blocks":    {nil, Options{BlockSize: -4096}, `block size "-4096"`, false},
		"volume name":  {nil, Options{VolumeName: "more than sixteen"}, "volume name", true},
		"limit":        {nil, Options{MaxBytes: -1}, "limit", false},
	} {
		t.Run(name, func(t *testing.T) {
			var m memory
			err := build(NewWriter(&m, c.opts), c.specs)
			var bad *InputError
			if !errors.Is(err, image.ErrInvalid) || !errors.As(err, &bad) || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%v", err)
			}
			if errors.Is(err, image.ErrTooLarge) != c.large {
				t.Errorf("too large: %v: %v", !c.large, err)
			}
			if bytes.Contains(m.b, le.AppendUint32(nil, superMagic)) {
				t.Error("the image has a superblock")
			}
		})
	}
}

// TestNodes: names come and go until the end.
func TestNodes(t *testing.T) {
	var m memory
	w := NewWriter(&m, Options{})
	root, d := w.Dir(), w.Dir()
	f, err := w.File(Attr{Mode: 0o600}, strings.NewReader("f"))
	if err != nil {
		t.Fatal(err)
	}
	g, err := w.File(Attr{Mode: 0o600}, strings.NewReader("nobody's"))
	if err != nil {
		t.Fatal(err)
	}
	root.Add("x", g)
	root.Add("x", d)
	root.Add("b", f)
	root.Add("a", f)
	root.Add("gone", g)
	root.Remove("gone")
	root.Remove("never")
	d.Add("f", f)
	var names []string
	for name, n := range root.Names() {
		names = append(names, name)
		if root.Lookup(name) != n || n.IsDir() != (name == "x") {
			t.Errorf("%s: another file", name)
		}
	}
	if !slices.Equal(names, []string{"a", "b", "x"}) || root.Lookup("gone") != nil || f.Lookup("a") != nil {
		t.Errorf("%q", names)
	}
	if err := w.Finish(root); err != nil {
		t.Fatal(err)
	}
	for _, err := range []error{w.Finish(root), second(w.File(Attr{}, nil)), second(w.Symlink(Attr{}, "x")), second(w.Special(Attr{}, typeFIFO, 0, 0))} {
		if !errors.Is(err, ErrFinished) {
			t.Errorf("after the end: %v", err)
		}
	}
	want := lines([]spec{file("a", "f").with(Attr{Mode: 0o600}), hard("b", "a"), dir("x"), hard("x/f", "a")})
	if d := cmp.Diff(want, readLines(t, open(t, m.b))); d != "" {
		t.Error(d)
	}
}

func second(_ *Node, err error) error { return err }

// TestNoTree: directories that are no tree are refused.
func TestNoTree(t *testing.T) {
	for name, f := range map[string]func(w *Writer, root *Node) *Node{
		"two names":       func(w *Writer, root *Node) *Node { d := w.Dir(); root.Add("a", d); root.Add("b", d); return root },
		"root below":      func(w *Writer, root *Node) *Node { d := w.Dir(); root.Add("a", d); d.Add("r", root); return root },
		"root in root":    func(_ *Writer, root *Node) *Node { root.Add("r", root); return root },
		"none":            func(*Writer, *Node) *Node { return nil },
		"other writer":    func(_ *Writer, root *Node) *Node { root.Add("x", NewWriter(discard{}, Options{}).Dir()); return root },
		"other root":      func(*Writer, *Node) *Node { return NewWriter(discard{}, Options{}).Dir() },
		"nil":             func(_ *Writer, root *Node) *Node { root.Add("x", nil); return root },
		"dot":             func(w *Writer, root *Node) *Node { root.Add(".", w.Dir()); return root },
		"dots":            func(w *Writer, root *Node) *Node { root.Add("..", w.Dir()); return root },
		"slash":           func(w *Writer, root *Node) *Node { root.Add("a/b", w.Dir()); return root },
		"attributes":      func(_ *Writer, root *Node) *Node { root.SetAttr(Attr{MtimeNsec: 1 << 31}); return root },
		"attr. of a file": func(w *Writer, root *Node) *Node { f, _ := w.File(Attr{}, nil); f.SetAttr(Attr{}); return root },
		"file as root":    func(w *Writer, _ *Node) *Node { f, _ := w.File(Attr{}, nil); return f },
	} {
		w := NewWriter(discard{}, Options{})
		if err := w.Finish(f(w, w.Dir())); err == nil || errors.Is(err, ErrFinished) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// failing is a file that fails after some bytes.
type failing struct {
	memory
	left int
}

var errDisk = errors.New("disk is gone")

func (f *failing) WriteAt(b []byte, at int64) (int, error) {
	if f.left -= len(b); f.left < 0 {
		return 0, errDisk
	}
	return f.memory.WriteAt(b, at)
}

// TestWriteFails: wherever writing fails, the error is returned and there is no
// superblock.
func TestWriteFails(t *testing.T) {
	specs := slices.Concat(trees()["sizes"], trees()["directories of long names"], trees()["hard links"])
	whole := write(t, Options{}, specs...)
	for left := 0; left < len(whole.b)-4096; left += 1_000_000 {
		f := failing{left: left}
		err := build(NewWriter(&f, Options{}), specs)
		if !errors.Is(err, errDisk) {
			t.Fatalf("after %d bytes: %v", left, err)
		}
		if _, err := Open(bytes.NewReader(f.b), int64(len(f.b))); err == nil {
			t.Fatalf("after %d bytes: it can be opened", left)
		}
	}
}

// TestLimit: MaxBytes is what an image may have, and not a byte more.
func TestLimit(t *testing.T) {
	for _, name := range []string{"tails", "directories of long names", "root with large attributes", "attributes"} {
		specs := trees()[name]
		whole := write(t, Options{}, specs...)
		size := int64(len(whole.b))
		if same := write(t, Options{MaxBytes: size}, specs...); !bytes.Equal(same.b, whole.b) {
			t.Errorf("%s: the limit changes the image", name)
		}
		for limit := int64(1); limit < size; limit += max(1, (size-limit)/3) {
			var m memory
			err := build(NewWriter(&m, Options{MaxBytes: limit}), specs)
			if !errors.Is(err, image.ErrTooLarge) || int64(len(m.b)) > limit+slack {
				t.Fatalf("%s: limit %d of %d: %v, %d bytes written", name, limit, size, err, len(m.b))
			}
		}
	}
}

// TestContentFails: a file whose content fails is not there, others are.
func TestContentFails(t *testing.T) {
	broken := errors.New("broken")
	for _, n := range []int{0, 1, 5000, windowSize, 2*windowSize + 77} {
		var m memory
		w := NewWriter(&m, Options{})
		root := w.Dir()
		for name, r := range map[string]io.Reader{
			"error": io.MultiReader(strings.NewReader(noise(n)), iotest.ErrReader(broken)),
			"idle":  io.MultiReader(strings.NewReader(noise(n)), idle{}),
			"liar":  io.MultiReader(strings.NewReader(noise(n)), liar{}),
		} {
			f, err := w.File(Attr{}, r)
			if f != nil || err == nil || name == "error" && !errors.Is(err, broken) || name == "idle" && !errors.Is(err, io.ErrNoProgress) {
				t.Errorf("%d bytes, %s: %v", n, name, err)
			}
		}
		f, err := w.File(Attr{Mode: 0o644}, iotest.DataErrReader(iotest.HalfReader(strings.NewReader(noise(9000)))))
		if err != nil {
			t.Fatal(err)
		}
		root.Add("f", f)
		if err := w.Finish(root); err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(lines([]spec{file("f", noise(9000))}), readLines(t, open(t, m.b))); d != "" {
			t.Error(d)
		}
	}
}

type (
	idle struct{}
	liar struct{}
)

func (idle) Read([]byte) (int, error)   { return 0, nil }
func (liar) Read(b []byte) (int, error) { return len(b) + 1, nil }

// TestSameBytes: the same input gives the same image, however it is read.
func TestSameBytes(t *testing.T) {
	for name, specs := range trees() {
		if a, b := write(t, Options{}, specs...), write(t, Options{}, specs...); !bytes.Equal(a.b, b.b) {
			t.Errorf("%s: two images", name)
		}
	}
	a, b := write(t, Options{}), write(t, Options{UUID: [16]byte{1}, VolumeName: "v"})
	if bytes.Equal(a.b, b.b) {
		t.Error("UUID and volume name are not in it")
	}
}

// TestLargeWrites: the image is written in large pieces.
func TestLargeWrites(t *testing.T) {
	m := write(t, Options{}, slices.Concat(trees()["tails"], []spec{file("large", noise(20<<20))})...)
	if average := len(m.b) / m.writes; average < 256<<10 {
		t.Errorf("%d writes of %d bytes", m.writes, average)
	}
}

// TestMemory: a name costs little until the image is finished.
func TestMemory(t *testing.T) {
	const entries, dirs = 100_000, 1000
	var before, after runtime.MemStats
	names := make([]string, entries)
	for i := range names {
		names[i] = fmt.Sprintf("name of %8d", i)
	}
	w := NewWriter(discard{}, Options{})
	root := w.Dir()
	runtime.GC()
	runtime.ReadMemStats(&before)
	var d *Node
	for i, name := range names {
		if i%(entries/dirs) == 0 {
			d = w.Dir()
			root.Add(name, d)
		}
		f, err := w.File(Attr{}, nil)
		if err != nil {
			t.Fatal(err)
		}
		d.Add(name, f)
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	if each := (int64(after.HeapAlloc) - int64(before.HeapAlloc)) / entries; each > 200 {
		t.Errorf("%d bytes for each entry", each)
	}
	if err := w.Finish(root); err != nil {
		t.Fatal(err)
	}
	runtime.KeepAlive(names)
}
