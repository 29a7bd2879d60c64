package archive

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"

	"github.com/sandkit/sandkit/image"
	"github.com/sandkit/sandkit/image/layer"
	"github.com/sandkit/sandkit/image/store"
	"github.com/sandkit/sandkit/internal/testutil"
)

// peer runs another program and gives what it says.
func peer(t *testing.T, name string, args ...string) []byte {
	t.Helper()
	if _, err := exec.LookPath(name); err != nil {
		testutil.Skip(t, name+" is not installed")
	}
	var stderr bytes.Buffer
	cmd := exec.CommandContext(t.Context(), name, args...)
	cmd.Stderr = &stderr
	cmd.Env = append(os.Environ(), "HOME="+t.TempDir(), "XDG_RUNTIME_DIR="+t.TempDir())
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s %q: %v: %s", name, args, err, stderr.String())
	}
	return out
}

func skopeo(t *testing.T, args ...string) []byte {
	t.Helper()
	tmp := t.TempDir()
	return peer(t, "skopeo", append([]string{"--insecure-policy", "--tmpdir", tmp}, args...)...)
}

// parts are what an image consists of, whatever its manifest.
func parts(t *testing.T, s *store.Store, name string) []string {
	t.Helper()
	img, err := s.Image(t.Context(), name, host)
	must(t, err)
	list := []string{string(img.ID())}
	for _, l := range img.Layers() {
		list = append(list, string(l.DiffID()))
	}
	return list
}

// TestPeersRead: what is written here, skopeo takes, and writes again in each
// of its formats, which is read here: nothing changes on the way.
func TestPeersRead(t *testing.T) {
	s := filled(t)
	dir := t.TempDir()
	layout := filepath.Join(dir, "layout")
	must(t, ExportDir(t.Context(), s, layout, ExportOptions{Format: OCI}, "app:1"))
	sources := []string{"oci:" + layout + ":1"}
	for _, f := range []Format{Docker, OCI, DockerLegacy} {
		path := filepath.Join(dir, f.String()+".tar")
		must(t, os.WriteFile(path, export1(t, s, f, "app:1"), 0o600))
		if f != DockerLegacy {
			sources = append(sources, "oci-archive:"+path+":1")
		}
		if f != OCI {
			sources = append(sources, "docker-archive:"+path+":app:1")
		}
	}
	want := parts(t, s, "app:1")
	for _, source := range sources {
		var config struct {
			RootFS struct {
				DiffIDs []string `json:"diff_ids"`
			} `json:"rootfs"`
		}
		if err := json.Unmarshal(skopeo(t, "inspect", "--config", "--raw", source), &config); err != nil || !slices.Equal(config.RootFS.DiffIDs, want[1:]) {
			t.Errorf("skopeo reads %v from %s, %v; want %v", config.RootFS.DiffIDs, source, err, want[1:])
		}
	}
	for i, source := range sources {
		for _, format := range []string{"oci", "oci-archive", "docker-archive"} {
			if format == "docker-archive" && i > 0 {
				continue // once is enough
			}
			path := filepath.Join(t.TempDir(), "copy")
			skopeo(t, "copy", "-q", source, format+":"+path+":example.com/app:2")
			to := newStore(t)
			found, err := ImportFile(t.Context(), to, path, ImportOptions{})
			if err != nil || len(found) != 1 || found[0].Ref.String() != "example.com/app:2" {
				t.Errorf("%s from %s: %v, %v", format, source, found, err)
				continue
			}
			sound(t, to)
			got := parts(t, to, "example.com/app:2")
			if !slices.Equal(got[1:], want[1:]) || got[0] != want[0] {
				t.Errorf("%s from %s: %q, want %q", format, source, got, want)
			}
		}
	}
}

// TestStoreIsLayout: other programs read the store itself.
func TestStoreIsLayout(t *testing.T) {
	s := filled(t)
	path := filepath.Join(t.TempDir(), "copy.tar")
	skopeo(t, "copy", "-q", "oci:"+s.Dir()+":docker.io/library/app:1", "oci-archive:"+path+":app:1")
	to := newStore(t)
	if _, err := ImportFile(t.Context(), to, path, ImportOptions{}); err != nil {
		t.Fatal(err)
	}
	if a, b := parts(t, s, "app:1"), parts(t, to, "app:1"); !slices.Equal(a, b) {
		t.Errorf("%q became %q", a, b)
	}
}

// TestUmoci: it unpacks what is written here, and what it makes is read.
func TestUmoci(t *testing.T) {
	if !testutil.IsRoot() {
		return // it needs a directory of this user, but owners of files, too
	}
	s := filled(t)
	dir := t.TempDir()
	layout, bundle := filepath.Join(dir, "layout"), filepath.Join(dir, "bundle")
	must(t, ExportDir(t.Context(), s, layout, ExportOptions{}, "app:1"))
	peer(t, "umoci", "unpack", "--image", layout+":1", bundle)
	for name, want := range map[string]string{"etc/hostname": "sandkit\n", "etc/motd": "hello\n"} {
		if got, err := os.ReadFile(filepath.Join(bundle, "rootfs", name)); err != nil || string(got) != want {
			t.Errorf("%s has %q, %v", name, got, err)
		}
	}
	must(t, os.WriteFile(filepath.Join(bundle, "rootfs", "new"), []byte("new"), 0o600))
	peer(t, "umoci", "repack", "--image", layout+":2", bundle)
	to := newStore(t)
	found, err := ImportFile(t.Context(), to, layout, ImportOptions{})
	if err != nil || len(found) != 2 {
		t.Fatalf("%v, %v", found, err)
	}
	sound(t, to)
	old, repacked := parts(t, to, "app:1"), parts(t, to, "app:2")
	if len(repacked) != len(old)+1 || !slices.Equal(repacked[1:len(old)], old[1:]) {
		t.Errorf("%q became %q", old, repacked)
	}
}

// TestPackings: layers and whole archives may be packed with zstd as well.
func TestPackings(t *testing.T) {
	s := newStore(t)
	pack := func(b []byte) []byte {
		var out bytes.Buffer
		w, err := layer.NewPacker(&out, image.Zstd)
		must(t, err)
		_, err = w.Write(b)
		must(t, err)
		must(t, w.Close())
		return out.Bytes()
	}
	root := tarOf(t, "a", "b")
	img, err := ImportRoot(t.Context(), s, bytes.NewReader(pack(root)), RootOptions{Ref: ref(t, "z")})
	if err != nil || img.Layers()[0].DiffID() != image.Describe("", root).Digest {
		t.Fatal(err)
	}
	for _, f := range []Format{OCI, DockerLegacy} {
		to := newStore(t)
		if _, err := Import(t.Context(), to, bytes.NewReader(pack(export1(t, s, f, "z"))), ImportOptions{}); err != nil {
			t.Fatal(err)
		}
		if a, b := parts(t, s, "z"), parts(t, to, "z"); !slices.Equal(a, b) {
			t.Errorf("%v: %q became %q", f, a, b)
		}
	}
}
