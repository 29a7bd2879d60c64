package layer

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/sandkit/sandkit/internal/sys"
	"github.com/sandkit/sandkit/internal/testutil"
)

// backEnd is a form that layers are unpacked to, each for itself.
type backEnd string

const (
	toDir   backEnd = "directory"
	toImage backEnd = "image"
)

var backEnds = []backEnd{toDir, toImage}

// eachBackEnd tests both.
func eachBackEnd(t *testing.T, f func(t *testing.T, b backEnd)) {
	t.Helper()
	for _, b := range backEnds {
		t.Run(string(b), func(t *testing.T) { f(t, b) })
	}
}

// options are those of whoever runs the tests. An image is the same whoever
// writes it.
func (b backEnd) options(o Options) Options {
	if b == toImage {
		return o
	}
	return options(o)
}

// format is what a layer has then.
func (b backEnd) format() Format { return b.options(Options{}).Format }

// full tells whether layers have all that they can have.
func (b backEnd) full() bool { return b == toImage || testutil.IsRoot() }

// testLayer is an unpacked layer. File is a directory, and with images, once
// they are finished, the mount of one; where that is impossible it is the
// image itself.
type testLayer struct {
	file   *os.File
	info   *Info
	format Format
	staged *Staged
}

// mounted follows the path of an image in the name of a mount of it.
const mounted = " mounted"

// apply unpacks a layer.
func (b backEnd) apply(tb testing.TB, r io.Reader, o Options) (*testLayer, error) {
	tb.Helper()
	o = b.options(o)
	l := &testLayer{format: o.Format}
	var err error
	if b == toDir {
		l.file = newDir(tb)
		l.info, err = Apply(tb.Context(), l.file, r, o)
		return l, err
	}
	l.file = newImage(tb)
	if l.staged, err = Stage(tb.Context(), l.file, r, o); err == nil {
		l.info = l.staged.Info()
	}
	return l, err
}

// newImage is an empty file.
func newImage(tb testing.TB) *os.File {
	tb.Helper()
	f, err := os.OpenFile(filepath.Join(tb.TempDir(), "image"), os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { f.Close() })
	return f
}

// unpack unpacks what must be fine, and does not settle it.
func (b backEnd) unpack(tb testing.TB, raw string, o Options) *testLayer {
	tb.Helper()
	l, err := b.apply(tb, strings.NewReader(raw), o)
	if err != nil {
		tb.Fatal(err)
	}
	l.finish(tb)
	return l
}

func (l *testLayer) settle(lowers []*os.File) (changed bool, err error) {
	if l.staged != nil {
		return l.staged.Settle(lowers)
	}
	return Settle(l.file, lowers, l.info, l.format)
}

// finish completes an image, and mounts it where that is possible. The kernel
// and our reader must find the same in it.
func (l *testLayer) finish(tb testing.TB) {
	tb.Helper()
	if l.staged == nil {
		return
	}
	if err := l.staged.Finish(); err != nil {
		tb.Fatal(err)
	}
	if !testutil.IsRoot() {
		return
	}
	fd, err := sys.MountDetached("erofs", l.file.Name(), 0, [2]string{"ro"})
	if errors.Is(err, syscall.ENOTBLK) || errors.Is(err, syscall.ENODEV) {
		tb.Logf("images are not mounted: %v", err) // files since Linux 6.12
		return
	}
	if err != nil {
		tb.Fatal(err)
	}
	m := fd.File(l.file.Name() + mounted)
	tb.Cleanup(func() { m.Close() })
	if got, want := contents(tb, m), contents(tb, l.file); got != want {
		tb.Errorf("the kernel finds:\n%s\nwe find:\n%s", got, want)
	}
	l.file = m
}

// mountsFiles tells whether the kernel mounts images.
func mountsFiles(tb testing.TB) bool {
	tb.Helper()
	return strings.HasSuffix(toImage.unpack(tb, "", Options{}).file.Name(), mounted)
}

// contents is everything that a layer has, also what overlayfs does not show:
// whiteouts, and its attributes. Whose whiteouts are is of no consequence.
func contents(tb testing.TB, layer *os.File) string {
	tb.Helper()
	roots, err := sourcesOf([]*os.File{layer})
	if err != nil {
		tb.Fatal(err)
	}
	var b strings.Builder
	for _, e := range entriesOf(tb, Flat, layer) {
		if e.Type == "char" && e.Major == 0 && e.Minor == 0 {
			fmt.Fprintf(&b, "%q whiteout\n", string(e.Path))
			continue
		}
		b.WriteString(e.String())
		if e.Type == "dir" {
			marks(tb, &b, roots[0], string(e.Path))
		}
		b.WriteString("\n")
	}
	marks(tb, &b, roots[0], "")
	return b.String()
}

// marks says whether a directory is opaque.
func marks(tb testing.TB, b *strings.Builder, root source, path string) {
	tb.Helper()
	dirs := []source{root}
	for part := range strings.SplitSeq(path, "/") {
		if part == "" {
			continue
		}
		d, err := dirs[len(dirs)-1].open(part)
		if err != nil {
			tb.Fatal(err)
		}
		defer d.close()
		dirs = append(dirs, d)
	}
	all, err := dirs[len(dirs)-1].xattrs("")
	if err != nil {
		tb.Fatal(err)
	}
	for _, f := range []Format{OverlayTrusted, OverlayUser} {
		if string(all[f.xattrPrefix()+"opaque"]) == "y" {
			b.WriteString(" opaque")
		}
	}
}

// stack unpacks layers each for itself, and settles them. Over one that does
// not fit, or is no layer, there is none.
func (b backEnd) stack(tb testing.TB, layers [][]item) (stack []*os.File, err error) {
	tb.Helper()
	for _, items := range layers {
		l, err := b.apply(tb, strings.NewReader(string(archive(tb, items...))), Options{})
		if err == nil {
			_, err = l.settle(stack)
		}
		if err != nil {
			return nil, err
		}
		l.finish(tb)
		stack = append(stack, l.file)
	}
	return stack, nil
}

// stacked is stack for what must be fine, with the tree that it shows.
func (b backEnd) stacked(tb testing.TB, layers [][]item) (stack []*os.File, names string) {
	tb.Helper()
	stack, err := b.stack(tb, layers)
	if err != nil {
		tb.Fatal(err)
	}
	return stack, namesOf(tb, b.format(), stack...)
}

// sameLayers checks that layers are the same in both forms.
func sameLayers(tb testing.TB, dirs, images []*os.File) {
	tb.Helper()
	if !testutil.IsRoot() || len(dirs) != len(images) {
		return // directories have not everything
	}
	for i := range dirs {
		if got, want := contents(tb, images[i]), contents(tb, dirs[i]); got != want {
			tb.Errorf("layer %d: image:\n%s\ndirectory:\n%s", i, got, want)
		}
	}
	if got, want := listing(tb, OverlayTrusted, images...), listing(tb, OverlayTrusted, dirs...); got != want {
		tb.Errorf("images:\n%s\ndirectories:\n%s", got, want)
	}
}
