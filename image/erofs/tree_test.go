package erofs

import (
	"bytes"
	"fmt"
	"io"
	iofs "io/fs"
	"maps"
	"path"
	"slices"
	"strings"
	"testing"
)

// spec is a file of a tree, by its type's letter: f, d, l, c, b, p or s. A hard
// link (h) has the path of another as its data.
type spec struct {
	path  string
	kind  byte
	data  string
	attr  Attr
	major uint32
	minor uint32
}

func (s spec) with(a Attr) spec { s.attr = a; return s }

func file(path, data string) spec {
	return spec{path: path, kind: 'f', data: data, attr: Attr{Mode: 0o644}}
}

func dir(path string) spec {
	return spec{path: path, kind: 'd', attr: Attr{Mode: 0o755}}
}

func link(path, to string) spec {
	return spec{path: path, kind: 'l', data: to, attr: Attr{Mode: 0o777}}
}
func hard(path, to string) spec { return spec{path: path, kind: 'h', data: to} }
func node(path string, kind byte, major, minor uint32) spec {
	return spec{path: path, kind: kind, attr: Attr{Mode: 0o600}, major: major, minor: minor}
}

// memory is an image in memory. It counts writes.
type memory struct {
	b      []byte
	writes int
}

func (m *memory) WriteAt(p []byte, at int64) (int, error) {
	m.writes++
	if end := int(at) + len(p); end > len(m.b) {
		m.b = slices.Grow(m.b, end-len(m.b))[:end]
	}
	return copy(m.b[at:], p), nil
}

// build writes a tree and finishes the image. Parents come first.
func build(w *Writer, specs []spec) error {
	root := w.Dir()
	nodes := map[string]*Node{".": root}
	for _, s := range specs {
		n, err := makeNode(w, nodes, s)
		if err != nil {
			return fmt.Errorf("%s: %w", s.path, err)
		}
		if s.path == "." {
			continue
		}
		nodes[s.path] = n
		nodes[path.Dir(s.path)].Add(path.Base(s.path), n)
	}
	return w.Finish(root)
}

func makeNode(w *Writer, nodes map[string]*Node, s spec) (*Node, error) {
	types := map[byte]uint32{'c': typeChar, 'b': typeBlock, 'p': typeFIFO, 's': typeSocket}
	switch s.kind {
	case 'f':
		return w.File(s.attr, strings.NewReader(s.data))
	case 'l':
		return w.Symlink(s.attr, s.data)
	case 'h':
		return nodes[s.data], nil
	case 'd':
		n := nodes[s.path]
		if n == nil {
			n = w.Dir()
		}
		n.SetAttr(s.attr)
		return n, nil
	}
	return w.Special(s.attr, types[s.kind], s.major, s.minor)
}

// write gives the image of a tree.
func write(tb testing.TB, o Options, specs ...spec) *memory {
	tb.Helper()
	var m memory
	w := NewWriter(&m, o)
	if err := build(w, specs); err != nil {
		tb.Fatal(err)
	}
	if int64(len(m.b)) != w.Size() {
		tb.Fatalf("image of %d bytes, the writer says %d", len(m.b), w.Size())
	}
	return &m
}

func open(tb testing.TB, b []byte) *Reader {
	tb.Helper()
	r, err := Open(bytes.NewReader(b), int64(len(b)))
	if err != nil {
		tb.Fatal(err)
	}
	return r
}

// lines describes a tree that was specified, one line for each name.
func lines(specs []spec) []string {
	byPath := map[string]spec{".": dir(".")}
	links, subdirs := map[string]int{}, map[string]int{}
	for _, s := range specs {
		target := s.path
		if s.kind == 'h' {
			target = s.data
			s = byPath[target]
		}
		byPath[target] = s
		links[target]++
		if s.kind == 'd' && s.path != "." {
			subdirs[path.Dir(s.path)]++
		}
	}
	out := []string{}
	add := func(name string, s spec) {
		n := links[s.path]
		if s.kind == 'd' {
			n = 2 + subdirs[s.path]
		}
		out = append(out, describe(name, string(s.kind), s.attr, uint32(n), s.major, s.minor, s.data))
	}
	add(".", byPath["."])
	for _, s := range specs {
		switch {
		case s.path == ".":
		case s.kind == 'h':
			add(s.path, byPath[s.data])
		default:
			add(s.path, s)
		}
	}
	slices.Sort(out)
	return out
}

func describe(name, kind string, a Attr, nlink, major, minor uint32, data string) string {
	var x strings.Builder
	for _, k := range slices.Sorted(maps.Keys(a.Xattrs)) {
		fmt.Fprintf(&x, " %s=%q", k, short(string(a.Xattrs[k])))
	}
	return fmt.Sprintf("%q %s %o %d:%d %d.%09d n%d %d:%d%s %q", name, kind, a.Mode, a.UID, a.GID, a.MtimeSec, a.MtimeNsec,
		nlink, major, minor, x.String(), short(data))
}

// short keeps failures readable.
func short(s string) string {
	if len(s) < 64 {
		return s
	}
	return fmt.Sprintf("%s... (%d bytes, %x)", s[:32], len(s), checksum([]byte(s)))
}

// readLines describes what a Reader has.
func readLines(tb testing.TB, r *Reader) []string {
	tb.Helper()
	out, err := walkLines(r)
	if err != nil {
		tb.Fatal(err)
	}
	return out
}

func walkLines(r *Reader) ([]string, error) {
	out := []string{}
	err := iofs.WalkDir(r, ".", func(name string, d iofs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		i, err := d.Info()
		if err != nil {
			return err
		}
		st := i.Sys().(*Stat)
		kinds := map[uint32]string{
			typeRegular: "f", typeDir: "d", typeSymlink: "l", typeChar: "c", typeBlock: "b", typeFIFO: "p", typeSocket: "s",
		}
		var data string
		switch kind := st.Mode & typeMask; kind {
		case typeRegular:
			f, err := r.Open(name)
			if err != nil {
				return err
			}
			b, err := io.ReadAll(f)
			if err != nil {
				return err
			}
			data = string(b)
		case typeSymlink:
			if data, err = r.ReadLink(name); err != nil {
				return err
			}
		}
		a := Attr{st.Mode & 0o7777, st.UID, st.GID, st.MtimeSec, st.MtimeNsec, st.Xattrs}
		out = append(out, describe(name, kinds[st.Mode&typeMask], a, st.Nlink, st.Major(), st.Minor(), data))
		return nil
	})
	slices.Sort(out)
	return out, err
}
