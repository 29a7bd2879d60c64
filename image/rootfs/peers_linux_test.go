package rootfs

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/sandkit/sandkit/image/layer"
	"github.com/sandkit/sandkit/internal/testutil"
)

// peer runs another program.
func peer(t *testing.T, name string, args ...string) {
	t.Helper()
	if _, err := exec.LookPath(name); err != nil {
		testutil.Skip(t, name+" is not installed")
	}
	var stderr bytes.Buffer
	cmd := exec.CommandContext(t.Context(), name, args...)
	cmd.Stderr = &stderr
	cmd.Env = append(os.Environ(), "HOME="+t.TempDir(), "XDG_RUNTIME_DIR="+t.TempDir())
	if err := cmd.Run(); err != nil {
		t.Fatalf("%s %q: %v: %s", name, args, err, stderr.String())
	}
}

// TestUmoci: skopeo and umoci make the same tree of the same image.
func TestUmoci(t *testing.T) {
	testutil.NeedRoot(t)
	eachBackend(t, func(t *testing.T, o Options) {
		s := newStore(t, o)
		// umoci goes by the order of a layer's entries in what others leave open.
		layers := []items{
			base,
			{file("lib/x", "x"), file("tmp/y", ""), hard("etc/link", "etc/passwd"), dir("etc"), gone("etc/group")},
			{dir("var"), opaque("var/x"), dir("var/x"), file("var/x/4", "4"), gone("tmp")},
		}
		stack := unpack(t, s, addImage(t, s, "a", layers...), o)
		tmp := t.TempDir()
		layout, bundle := filepath.Join(tmp, "layout"), filepath.Join(tmp, "bundle")
		peer(t, "skopeo", "--insecure-policy", "--tmpdir", tmp, "copy", "-q", "oci:"+s.Dir()+":docker.io/library/a:latest", "oci:"+layout+":a")
		peer(t, "umoci", "unpack", "--image", layout+":a", bundle)
		d, err := os.Open(filepath.Join(bundle, "rootfs"))
		must(t, err)
		defer d.Close()
		if got, want := stack.list(t), listing(t, layer.Flat, d); got != want {
			t.Errorf("got:\n%s\numoci:\n%s", got, want)
		}
	})
}
