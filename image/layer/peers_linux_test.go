package layer

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/sandkit/sandkit/image"
	"github.com/sandkit/sandkit/internal/testutil"
)

// TestGNUTar: what GNU tar makes of a tree, and what it reads of ours.
func TestGNUTar(t *testing.T) {
	testutil.NeedRoot(t)
	src := newDir(t)
	unpack(t, src, archive(t, dir("./"),
		dir("d").WithMode(0o2755).OwnedBy(1, 2), file("d/f", "x").WithMode(0o4755).OwnedBy(70000, 3).WithXattr("user.a", "1\x00"), hard("d/h", "d/f"), fifo("p"),
		char("c", 1, 3), symlink("l", strings.Repeat("t/", 200)), file(strings.Repeat("n", 200), "long").At(someTime), file("old", "").At(someTime.AddDate(-60, 0, 0)),
	), Options{})
	want := listing(t, Flat, src)
	for _, format := range []string{"posix", "gnu"} {
		args := []string{"-C", src.Name(), "--format=" + format, "-c", "."}
		if format == "posix" {
			args = append([]string{"--xattrs", "--xattrs-include=*"}, args...)
		}
		raw := output(t, nil, "tar", args...)
		d := newDir(t)
		unpack(t, d, raw, Options{})
		got := listing(t, Flat, d)
		if format == "gnu" { // it has neither nanoseconds nor attributes
			got, want = strings.ReplaceAll(got, ".123456789Z", "Z"), strings.ReplaceAll(strings.ReplaceAll(want, ".123456789Z", "Z"), ` user.a="1\x00"`, "")
		}
		if got != want {
			t.Errorf("%s: got:\n%s\nwant:\n%s", format, got, want)
		}
	}
	d := newDir(t)
	output(t, diff(t, src, nil, DiffOptions{}), "tar", "-C", d.Name(), "--xattrs", "--xattrs-include=*", "-p", "-x")
	if got, want := listing(t, Flat, d), listing(t, Flat, src); got != want {
		t.Errorf("GNU tar reads:\n%s\nwant:\n%s", got, want)
	}
}

func output(t *testing.T, stdin []byte, name string, args ...string) []byte {
	t.Helper()
	if _, err := exec.LookPath(name); err != nil {
		testutil.Skip(t, "no "+name)
	}
	cmd := exec.CommandContext(t.Context(), name, args...)
	cmd.Stdin = bytes.NewReader(stdin)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s: %v: %s", name, err, stderr.Bytes())
	}
	return out
}

// TestUmoci: umoci unpacks the same layers to the same tree, and takes those
// that we make.
func TestUmoci(t *testing.T) {
	testutil.NeedRoot(t)
	layers := [][]item{
		{
			dir("etc"), file("etc/passwd", "root").OwnedBy(5, 6), dir("usr"), dir("usr/lib"), file("usr/lib/a", "a").WithMode(0o4755), symlink("lib", "usr/lib"),
			dir("tmp").WithMode(0o1777).OwnedBy(7, 7), hard("usr/lib/b", "usr/lib/a"), dir("var"), dir("var/x"), file("var/x/1", "1"), file("var/x/2", ""), fifo("p"),
		},
		{dir("var"), dir("var/x"), file("var/x/.wh.1", ""), file("var/x/3", "3"), file("lib/c", "through the link"), file("tmp/y", ""), hard("etc/l", "etc/passwd")},
		{dir("var"), file("var/x/.wh..wh..opq", ""), dir("var/x"), file("var/x/4", "").At(someTime.AddDate(1, 0, 0)), file(".wh.p", "")},
	}
	stack, _ := toDir.stacked(t, layers)
	images, _ := toImage.stacked(t, layers)
	var blobs [][]byte
	for i, l := range layers {
		raw := archive(t, l...)
		if i == 2 {
			raw = diff(t, images[2], images[:2], DiffOptions{})
			if !bytes.Equal(diff(t, stack[2], stack[:2], DiffOptions{}), raw) {
				t.Error("directories are another layer than images")
			}
		}
		blobs = append(blobs, raw)
	}
	dir := t.TempDir()
	writeLayout(t, dir+"/oci", blobs)
	output(t, nil, "umoci", "unpack", "--image", dir+"/oci:latest", dir+"/bundle")
	rootfs, err := os.Open(dir + "/bundle/rootfs")
	if err != nil {
		t.Fatal(err)
	}
	defer rootfs.Close()
	want := withoutLinks(listing(t, Flat, rootfs))
	for _, layers := range [][]*os.File{stack, images} {
		if got := withoutLinks(listing(t, OverlayTrusted, layers...)); got != want {
			t.Errorf("got:\n%s\numoci:\n%s", got, want)
		}
	}
}

// writeLayout writes an OCI layout with one image.
func writeLayout(t *testing.T, dir string, layers [][]byte) {
	t.Helper()
	put := func(mediaType string, b []byte) image.Descriptor {
		d := image.Describe(mediaType, b)
		path := filepath.Join(dir, "blobs", "sha256", d.Digest.Encoded())
		if err := first(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, b, 0o600)); err != nil {
			t.Fatal(err)
		}
		return d
	}
	marshal := func(v any) []byte {
		b, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	config := image.Config{OS: "linux", Architecture: image.HostPlatform().Architecture, RootFS: image.RootFS{Type: "layers"}}
	m := image.Manifest{SchemaVersion: 2, MediaType: image.MediaTypeOCIManifest}
	for _, l := range layers {
		config.RootFS.DiffIDs = append(config.RootFS.DiffIDs, image.Describe("", l).Digest)
		m.Layers = append(m.Layers, put(image.MediaTypeOCILayerGzip, pack(t, image.Gzip, l)))
	}
	m.Config = put(image.MediaTypeOCIConfig, marshal(config))
	d := put(image.MediaTypeOCIManifest, marshal(m))
	d.Annotations = map[string]string{"org.opencontainers.image.ref.name": "latest"}
	index := image.Index{SchemaVersion: 2, Manifests: []image.Descriptor{d}}
	if err := first(os.WriteFile(dir+"/index.json", marshal(index), 0o600), os.WriteFile(dir+"/oci-layout", []byte(`{"imageLayoutVersion":"1.0.0"}`), 0o600)); err != nil {
		t.Fatal(err)
	}
}
