package rootfs

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/sandkit/sandkit/image"
	"github.com/sandkit/sandkit/image/layer"
	"github.com/sandkit/sandkit/image/store"
	"github.com/sandkit/sandkit/internal/sys"
	"github.com/sandkit/sandkit/internal/testutil"
	"github.com/sandkit/sandkit/internal/testutil/tarball"
)

// item is an entry of a test's layer.
type item = tarball.Entry

var (
	dir     = tarball.Dir
	file    = tarball.File
	symlink = tarball.Symlink
	hard    = tarball.Hard
	gone    = tarball.Gone
	opaque  = tarball.Opaque
)

// items is a layer.
type items []item

// tar makes the layer's tar.
func (l items) tar(tb testing.TB) []byte {
	tb.Helper()
	raw, err := l.write()
	must(tb, err)
	return raw
}

func (l items) write() ([]byte, error) { return tarball.Make(l...) }

func (l items) String() string {
	var b strings.Builder
	for _, e := range l {
		fmt.Fprintf(&b, "  %c %s %s %o %d:%d\n", e.Typeflag, e.Name, e.Linkname, e.Mode, e.Uid, e.Gid)
	}
	return b.String()
}

func must(tb testing.TB, err error) {
	tb.Helper()
	if err != nil {
		tb.Fatal(err)
	}
}

// newStore makes a store: in memory, unless the back end is EROFS, whose images
// the kernel mounts only from other file systems.
func newStore(tb testing.TB, o ...Options) *store.Store {
	tb.Helper()
	dir := ""
	if len(o) > 0 && o[0].Backend == EROFS {
		dir = tb.TempDir()
	} else {
		dir = inMemory(tb)
	}
	s, err := store.Open(filepath.Join(dir, "store"), store.NoSync())
	must(tb, err)
	return s
}

// inMemory gives a directory that is fast where there is one: some disks take
// long to make files when many were removed.
func inMemory(tb testing.TB) string {
	tb.Helper()
	dir, err := os.MkdirTemp("/dev/shm", "sandkit-rootfs-") //nolint:usetesting // TempDir is on a disk
	if err != nil {
		return tb.TempDir()
	}
	tb.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			tb.Error(err)
		}
	})
	f, err := os.Open(dir)
	must(tb, err)
	defer f.Close()
	if err := sys.SetXattr(int(f.Fd()), "user.test", []byte("1")); err != nil {
		return tb.TempDir() // attributes of users since Linux 6.6
	}
	must(tb, sys.RemoveXattr(int(f.Fd()), "user.test"))
	return dir
}

func newLease(tb testing.TB, s *store.Store) *store.Lease {
	tb.Helper()
	l, err := s.Lease(context.Background())
	must(tb, err)
	tb.Cleanup(func() {
		if err := l.Release(); err != nil {
			tb.Error(err)
		}
	})
	return l
}

// addImage adds an image to a store; half of its layers are gzipped.
func addImage(tb testing.TB, s *store.Store, name string, layers ...items) image.Image {
	tb.Helper()
	var tars [][]byte
	for _, l := range layers {
		tars = append(tars, l.tar(tb))
	}
	return addTars(tb, s, name, tars...)
}

func addTars(tb testing.TB, s *store.Store, name string, tars ...[]byte) image.Image {
	tb.Helper()
	ctx := context.Background()
	l, err := s.Lease(ctx)
	must(tb, err)
	must(tb, errors.Join(putImage(ctx, l, name, tars...), l.Release()))
	img, err := s.Image(ctx, name, image.Platform{})
	must(tb, err)
	return img
}

// putImage adds an image under a lease.
func putImage(ctx context.Context, l *store.Lease, name string, tars ...[]byte) error {
	var errs []error
	put := func(mediaType string, content any) image.Descriptor {
		raw, ok := content.([]byte)
		if !ok {
			var err error
			raw, err = json.Marshal(content)
			errs = append(errs, err)
		}
		d, err := l.Put(ctx, mediaType, raw)
		errs = append(errs, err)
		return d
	}
	host := image.HostPlatform()
	c := image.Config{OS: host.OS, Architecture: host.Architecture, RootFS: image.RootFS{Type: "layers", DiffIDs: []image.Digest{}}}
	m := image.Manifest{SchemaVersion: 2, MediaType: image.MediaTypeOCIManifest, Layers: []image.Descriptor{}}
	for i, raw := range tars {
		mediaType, blob := image.MediaTypeOCILayer, raw
		if i%2 == 0 {
			var b bytes.Buffer
			w, err := layer.NewPacker(&b, image.Gzip)
			if err != nil {
				return err
			}
			_, err = w.Write(raw)
			errs = append(errs, err, w.Close())
			mediaType, blob = image.MediaTypeOCILayerGzip, b.Bytes()
		}
		m.Layers = append(m.Layers, put(mediaType, blob))
		c.RootFS.DiffIDs = append(c.RootFS.DiffIDs, image.Describe("", raw).Digest)
	}
	m.Config = put(image.MediaTypeOCIConfig, c)
	d := put(m.MediaType, m)
	r, err := image.ParseRef(name)
	if err := errors.Join(append(errs, err)...); err != nil {
		return err
	}
	return l.Tag(ctx, r, d)
}

// backends are those that can be had here.
func backends() []Backend {
	if !testutil.IsRoot() {
		return []Backend{Directory}
	}
	return []Backend{Directory, EROFS}
}

// eachBackend runs a test with each back end.
func eachBackend(t *testing.T, f func(t *testing.T, o Options)) {
	for _, b := range backends() {
		t.Run(b.String(), func(t *testing.T) { f(t, Options{Backend: b}) })
	}
}

// unpack unpacks what must be fine.
func unpack(tb testing.TB, s *store.Store, img image.Image, o Options) *Stack {
	tb.Helper()
	stack, err := Unpack(tb.Context(), newLease(tb, s), img, o)
	must(tb, err)
	return stack
}

// list gives what a stack shows, without mounting it all.
func (s *Stack) list(tb testing.TB) string {
	tb.Helper()
	var dirs []*os.File
	for _, l := range s.Layers {
		f, err := os.Open(l.Path)
		must(tb, err)
		defer f.Close()
		dirs = append(dirs, f)
	}
	return listing(tb, s.Format, dirs...)
}

// listing is a tree as text. Which names are the same file is left out: a copy
// in an upper layer leaves the others behind, as overlayfs does.
func listing(tb testing.TB, format layer.Format, dirs ...*os.File) string {
	tb.Helper()
	entries, err := layer.Tree(format, dirs...)
	must(tb, err)
	var b strings.Builder
	for _, e := range entries {
		e.Link = ""
		if e.Type == "symlink" && !testutil.IsRoot() {
			e.UID, e.GID = 0, 0 // there is nowhere to record them
		}
		b.WriteString(e.String() + "\n")
	}
	return b.String()
}

// oracle is what layers mean that are unpacked one over the other.
type oracle struct {
	tree string
	root Attr
	ok   bool // they can be
}

// oracles are those that were asked for: the same layers are asked for again
// and again.
var oracles sync.Map

func flat(tb testing.TB, layers ...items) (tree string, root Attr, ok bool) {
	tb.Helper()
	var tars [][]byte
	for _, l := range layers {
		tars = append(tars, l.tar(tb))
	}
	key := sha256.Sum256(bytes.Join(tars, []byte("next")))
	known, found := oracles.Load(key)
	if !found {
		known = unpackFlat(tb, tars)
		oracles.Store(key, known)
	}
	o := known.(oracle)
	return o.tree, o.root, o.ok
}

func unpackFlat(tb testing.TB, tars [][]byte) oracle {
	tb.Helper()
	d, err := os.Open(inMemory(tb))
	must(tb, err)
	defer d.Close()
	must(tb, d.Chmod(0o755))
	f := form{rootless: !testutil.IsRoot()}
	described := false
	for _, raw := range tars {
		info, err := layer.Apply(tb.Context(), d, bytes.NewReader(raw), layer.Options{Format: layer.Flat, Rootless: f.rootless})
		if errors.Is(err, image.ErrInvalid) {
			return oracle{}
		}
		must(tb, err)
		described = described || info.Root
	}
	o := oracle{root: defaultAttr, ok: true}
	if described {
		a, err := readAttr(d, f)
		must(tb, err)
		o.root = *a
	}
	o.tree = listing(tb, layer.Flat, d)
	return o
}

// right checks that a stack shows what its layers mean.
func right(tb testing.TB, s *Stack, layers ...items) {
	tb.Helper()
	want, root, ok := flat(tb, layers...)
	if !ok {
		tb.Fatal("not to be unpacked flat")
	}
	if got := s.list(tb); got != want {
		tb.Errorf("layers:\n%v\ngot:\n%s\nwant:\n%s", layers, got, want)
	}
	if got := fmt.Sprint(s.Root); got != fmt.Sprint(root) {
		tb.Errorf("root is %s, want %s", got, fmt.Sprint(root))
	}
}

// nothingPartial checks that nothing half-done is left in a store.
func nothingPartial(tb testing.TB, s *store.Store) {
	tb.Helper()
	if left, err := filepath.Glob(s.Dir() + "/unpack/*"); err != nil || len(left) > 0 {
		tb.Errorf("left: %v, %v", left, err)
	}
}

// keys are the kinds of the trees in a store.
func keys(tb testing.TB, s *store.Store) map[string]int {
	tb.Helper()
	entries, err := os.ReadDir(s.Dir() + "/layers")
	must(tb, err)
	kinds := make(map[string]int)
	for _, e := range entries {
		kind, _, _ := strings.Cut(e.Name(), ".")
		_, class, _ := strings.Cut(kind, "-")
		kinds[class]++
	}
	return kinds
}
