package layer

import (
	"bytes"
	"errors"
	"os"
	"strings"
	"testing"

	"github.com/sandkit/sandkit/image"
	"github.com/sandkit/sandkit/internal/testutil"
	"github.com/sandkit/sandkit/internal/testutil/tarball"
)

// item is an entry of a test's tar.
type item = tarball.Entry

var (
	someTime = tarball.Time
	dir      = tarball.Dir
	file     = tarball.File
	symlink  = tarball.Symlink
	hard     = tarball.Hard
	char     = tarball.Char
	fifo     = tarball.FIFO
)

// archive makes a tar.
func archive(tb testing.TB, items ...item) []byte {
	tb.Helper()
	raw, err := tarball.Make(items...)
	if err != nil {
		tb.Fatal(err)
	}
	return raw
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
