package layer

import (
	"archive/tar"
	"bytes"
	"errors"
	"maps"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/sandkit/sandkit/image"
	"github.com/sandkit/sandkit/internal/testutil"
)

// item is an entry of a test's tar.
type item struct {
	tar.Header
	content string
}

var someTime = time.Unix(1_500_000_000, 123456789)

func header(kind byte, name string, mode int64) tar.Header {
	return tar.Header{Typeflag: kind, Name: name, Mode: mode, ModTime: someTime, Format: tar.FormatPAX}
}

func dir(name string) item { return item{header(tar.TypeDir, name+"/", 0o755), ""} }

func file(name, content string) item {
	h := header(tar.TypeReg, name, 0o644)
	h.Size = int64(len(content))
	return item{h, content}
}

func symlink(name, target string) item {
	h := header(tar.TypeSymlink, name, 0o777)
	h.Linkname = target
	return item{h, ""}
}

func hard(name, target string) item {
	h := header(tar.TypeLink, name, 0o644)
	h.Linkname = target
	return item{h, ""}
}

func char(name string, major, minor int64) item {
	h := header(tar.TypeChar, name, 0o666)
	h.Devmajor, h.Devminor = major, minor
	return item{h, ""}
}

func fifo(name string) item { return item{header(tar.TypeFifo, name, 0o622), ""} }

func (i item) mode(m int64) item { i.Mode = m; return i }

func (i item) owner(uid, gid int64) item { i.Uid, i.Gid = int(uid), int(gid); return i }

func (i item) at(t time.Time) item { i.ModTime = t; return i }

func (i item) xattr(name, value string) item {
	records := map[string]string{paxXattr + name: value}
	maps.Copy(records, i.PAXRecords)
	i.PAXRecords = records
	return i
}

// archive makes a tar.
func archive(tb testing.TB, items ...item) []byte {
	tb.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, i := range items {
		h := i.Header
		if err := w.WriteHeader(&h); err != nil {
			tb.Fatalf("%s: %v", i.Name, err)
		}
		if _, err := w.Write([]byte(i.content)); err != nil {
			tb.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		tb.Fatal(err)
	}
	return b.Bytes()
}

// options are those of whoever runs the tests.
func options(o Options) Options {
	if !testutil.IsRoot() {
		o.Rootless = true
		if o.Format == OverlayTrusted {
			o.Format = OverlayUser
		}
	}
	return o
}

// newDir is a fresh directory to unpack to. Directories of any mode are
// removed at the end.
func newDir(tb testing.TB) *os.File {
	tb.Helper()
	f, err := os.Open(tb.TempDir())
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		w := newWriter(f, &Options{Format: Flat}, DefaultLimits(), new(Info))
		if err := w.list(w.root); err != nil {
			tb.Error(err)
		}
		for _, c := range w.root.children {
			if err := w.remove(c); err != nil {
				tb.Error(err)
			}
		}
		w.back.close()
		f.Close()
	})
	return f
}

// unpack unpacks what must be fine.
func unpack(tb testing.TB, dir *os.File, raw []byte, o Options) *Info {
	tb.Helper()
	info, err := Apply(tb.Context(), dir, bytes.NewReader(raw), options(o))
	if err != nil {
		tb.Fatal(err)
	}
	return info
}

// entriesOf lists a tree.
func entriesOf(tb testing.TB, format Format, dirs ...*os.File) []Entry {
	tb.Helper()
	entries, err := Tree(format, dirs...)
	if err != nil {
		tb.Fatal(err)
	}
	return entries
}

// listing is a tree as text: path, type and what is given with it.
func listing(tb testing.TB, format Format, dirs ...*os.File) string {
	tb.Helper()
	var b strings.Builder
	for _, e := range entriesOf(tb, format, dirs...) {
		b.WriteString(e.String() + "\n")
	}
	return b.String()
}

// namesOf is a tree's paths and types: "a/ a/f l->t".
func namesOf(tb testing.TB, format Format, dirs ...*os.File) string {
	tb.Helper()
	var all []string
	for _, e := range entriesOf(tb, format, dirs...) {
		s := string(e.Path)
		switch e.Type {
		case "dir":
			s += "/"
		case "symlink":
			s += "->" + e.Target
		case "file":
			if e.Link != "" {
				s += "=" + string(e.Link)
			}
		default:
			s += ":" + e.Type
		}
		all = append(all, s)
	}
	return strings.Join(all, " ")
}

// failed checks that an error is a layer's, and matches.
func failed(tb testing.TB, err, want error) {
	tb.Helper()
	if _, ok := errors.AsType[*image.Error](err); !ok || !errors.Is(err, want) {
		tb.Fatalf("%v (%T), want an *image.Error that is %v", err, err, want)
	}
}
