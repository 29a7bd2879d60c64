package sandbox_test

import (
	"archive/tar"
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/sandkit/sandkit/image"
	"github.com/sandkit/sandkit/image/store"
	"github.com/sandkit/sandkit/internal/testutil"
	"github.com/sandkit/sandkit/sandbox"
)

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// unchangedImages is testutil.Unchanged for tests with images, which are kept
// ready for a while.
func unchangedImages(t testing.TB) {
	t.Helper()
	sandbox.Trim()
	testutil.Unchanged(t)
	t.Cleanup(sandbox.Trim)
}

func newStore(t testing.TB) *store.Store {
	t.Helper()
	s, err := store.Open(t.TempDir(), store.NoSync())
	must(t, err)
	return s
}

func imageRef(t testing.TB, name string) image.Ref {
	t.Helper()
	ref, err := image.ParseRef(name)
	must(t, err)
	return ref
}

// tarTime is when everything in tarOf was changed.
var tarTime = time.Unix(1700000000, 0)

// tarOf makes a layer, one line each; an owner is "uid:gid":
//
//	dir a/b 0750 1000:1000
//	file a/b/c 0644 0:0 content to the end of the line
//	link a/l ../../etc
//	hard a/h a/b/c
//	fifo f 0600
//	gone a/b
//	opaque a
func tarOf(t testing.TB, lines ...string) []byte {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, line := range lines {
		h, content := tarEntry(t, line)
		must(t, w.WriteHeader(h))
		_, err := w.Write([]byte(content))
		must(t, err)
	}
	must(t, w.Close())
	return b.Bytes()
}

func tarEntry(t testing.TB, line string) (h *tar.Header, content string) {
	t.Helper()
	f := append(strings.SplitN(line, " ", 5), "", "", "", "")
	h = &tar.Header{Name: f[1], ModTime: tarTime, Mode: 0o755}
	if f[0] != "link" && f[0] != "hard" && f[2] != "" {
		mode, err := strconv.ParseInt(f[2], 8, 32)
		must(t, err)
		h.Mode = mode
	}
	if uid, gid, ok := strings.Cut(f[3], ":"); ok {
		h.Uid, _ = strconv.Atoi(uid)
		h.Gid, _ = strconv.Atoi(gid)
	}
	dir, base := "", f[1]
	if i := strings.LastIndex(f[1], "/"); i >= 0 {
		dir, base = f[1][:i+1], f[1][i+1:]
	}
	switch f[0] {
	case "dir":
		h.Typeflag = tar.TypeDir
	case "file":
		h.Typeflag, h.Size, content = tar.TypeReg, int64(len(f[4])), f[4]
	case "link":
		h.Typeflag, h.Linkname = tar.TypeSymlink, f[2]
	case "hard":
		h.Typeflag, h.Linkname = tar.TypeLink, f[2]
	case "fifo":
		h.Typeflag = tar.TypeFifo
	case "gone":
		h.Typeflag, h.Name = tar.TypeReg, dir+".wh."+base
	case "opaque":
		h.Typeflag, h.Name = tar.TypeReg, f[1]+"/.wh..wh..opq"
	default:
		t.Fatalf("%q is no entry", line)
	}
	return h, content
}

// tools are what busybox is called in the images of these tests.
var tools = strings.Fields("sh cat ls echo id pwd env true touch rm mkdir ln sleep stat chown chmod grep mv cp readlink dd mkfifo mknod sync find sort")

// busyboxLayer is a layer with /bin, where busybox is every command.
func busyboxLayer(t testing.TB) []byte {
	t.Helper()
	path, err := exec.LookPath("busybox")
	must(t, err)
	busybox, err := os.ReadFile(path)
	must(t, err)
	lines := []string{
		"dir ./ 0755", "dir bin 0755", "dir etc 0755", "dir tmp 1777", "dir home/app 0700 1000:1000",
		"file bin/busybox 0755 0:0 " + string(busybox),
		"file etc/passwd 0644 0:0 root:x:0:0::/root:/bin/sh\napp:x:1000:1000::/home/app:/bin/sh\nlone:x:1001:1001::/:/bin/sh\n",
		"file etc/group 0644 0:0 root:x:0:\napp:x:1000:\nmore:x:77:app\nlone:x:1001:\n",
		"file home/app/mine 0600 1000:1000 mine",
	}
	for _, tool := range tools {
		lines = append(lines, "link bin/"+tool+" busybox")
	}
	return tarOf(t, lines...)
}

// addImage adds an image of these layers to a store.
func addImage(t testing.TB, s *store.Store, name string, config image.RunConfig, layers ...[]byte) image.Image {
	t.Helper()
	return addConfig(t, s, name, image.Config{Config: config}, layers...)
}

func addConfig(t testing.TB, s *store.Store, name string, c image.Config, layers ...[]byte) image.Image {
	t.Helper()
	host := image.HostPlatform()
	c.OS, c.Architecture, c.Variant = host.OS, host.Architecture, host.Variant
	c.RootFS = image.RootFS{Type: "layers", DiffIDs: []image.Digest{}}
	m := image.Manifest{SchemaVersion: 2, MediaType: image.MediaTypeOCIManifest, Layers: []image.Descriptor{}}
	lease, err := s.Lease(t.Context())
	must(t, err)
	put := func(mediaType string, content []byte) image.Descriptor {
		d, err := lease.Put(t.Context(), mediaType, content)
		must(t, err)
		return d
	}
	for _, l := range layers {
		d := put(image.MediaTypeOCILayer, l)
		m.Layers = append(m.Layers, d)
		c.RootFS.DiffIDs = append(c.RootFS.DiffIDs, d.Digest)
	}
	config, err := json.Marshal(c)
	must(t, err)
	m.Config = put(image.MediaTypeOCIConfig, config)
	manifest, err := json.Marshal(m)
	must(t, err)
	target := put(m.MediaType, manifest)
	must(t, lease.Tag(t.Context(), imageRef(t, name), target))
	must(t, lease.Release())
	img, err := s.Image(t.Context(), name, image.Platform{})
	must(t, err)
	return img
}

// busyboxStore is a store with the image "tool", which has busybox and the
// layers on top.
func busyboxStore(t testing.TB, config image.RunConfig, layers ...[]byte) *store.Store {
	t.Helper()
	s := newStore(t)
	if len(config.Env) == 0 {
		config.Env = []string{"PATH=/bin"}
	}
	addImage(t, s, "tool", config, slices.Insert(layers, 0, busyboxLayer(t))...)
	return s
}

// tool chooses the image "tool" of a store.
func tool(s *store.Store) sandbox.Option {
	return sandbox.Options(sandbox.WithImage("tool"), sandbox.WithImageStore(s), sandbox.WithPull(sandbox.PullNever))
}

// sound fails the test if a store is damaged, or has what nobody needs.
func sound(t testing.TB, s *store.Store) {
	t.Helper()
	problems, err := s.Verify(t.Context(), false)
	if err != nil || len(problems) > 0 {
		t.Errorf("the store is damaged: %v, %v", problems, err)
	}
}

// fails starts a sandbox and gives the error.
func fails(t testing.TB, opts ...sandbox.Option) error {
	t.Helper()
	out, err := sandbox.Output(testContext(t), opts...)
	if err == nil {
		t.Errorf("it worked, and said %q", out)
	}
	return err
}

// mapFile is a file system of one file.
func mapFile(name, content string) fstest.MapFS {
	return fstest.MapFS{name: {Data: []byte(content), Mode: 0o644}}
}
