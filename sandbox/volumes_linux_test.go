package sandbox_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/sandkit/sandkit/fs"
	"github.com/sandkit/sandkit/image"
	"github.com/sandkit/sandkit/image/store"
	"github.com/sandkit/sandkit/internal/testutil"
	"github.com/sandkit/sandkit/sandbox"
	"github.com/sandkit/sandkit/sandbox/volume"
)

// newVolumes is a store in a directory that the test removes.
func newVolumes(t testing.TB) *volume.Store {
	t.Helper()
	v, err := volume.Open(filepath.Join(t.TempDir(), "volumes"), volume.NoSync())
	must(t, err)
	t.Cleanup(func() { must(t, v.Close()) })
	return v
}

// inImage runs a script in the image "tool" and gives what it prints.
func inImage(t *testing.T, s *store.Store, script string, opts ...sandbox.Option) string {
	t.Helper()
	return imageOutput(t, s, append(opts, sandbox.WithCommand("sh", "-c", script))...)
}

// volumeNames lists a store.
func volumeNames(t testing.TB, v *volume.Store, filters ...volume.Filter) string {
	t.Helper()
	list, err := v.List(t.Context(), filters...)
	must(t, err)
	var names []string
	for _, l := range list {
		names = append(names, l.Name)
	}
	return strings.Join(names, " ")
}

// TestVolumePersists: what one sandbox leaves in a volume the next one finds,
// with the same owners, whoever started them, and the host has those owners on
// its disk.
func TestVolumePersists(t *testing.T) {
	unchangedImages(t)
	s, v := busyboxStore(t, image.RunConfig{}), newVolumes(t)
	with := sandbox.Options(sandbox.WithVolumeStore(v), sandbox.WithMount(fs.Volume("data", "/data")))
	lanes(t, func(t *testing.T, lane sandbox.Option) {
		defer func() { must(t, v.Remove(t.Context(), "data", volume.RemoveOptions{})) }()
		script := "echo one > /data/f; mkdir -m 750 /data/d"
		owner := "0:0"
		private := testutil.IsRoot() && !strings.HasSuffix(t.Name(), "hostusers") // there root has no capabilities
		if private {
			script += "; chown 7:8 /data/f"
			owner = "7:8"
		}
		inImage(t, s, script, lane, with)
		const look = "cat /data/f; stat -c '%n %a %u:%g' /data/f /data/d"
		want := "one\n/data/f 644 " + owner + "\n/data/d 750 0:0"
		if out := inImage(t, s, look, lane, with); out != want {
			t.Errorf("%q, want %q", out, want)
		}
		got, err := v.Get("data")
		must(t, err)
		st, err := os.Stat(got.Path + "/f")
		must(t, err)
		uid := uint32(os.Getuid())
		if private {
			uid = 7
		}
		if sys := st.Sys().(*syscall.Stat_t); sys.Uid != uid {
			t.Errorf("on the host the file belongs to %d", sys.Uid)
		}
		ro := fs.Volume("data", "/data")
		ro.ReadOnly = true
		if out := inImage(t, s, "cat /data/f; echo x > /data/f || echo no", lane, sandbox.WithVolumeStore(v), sandbox.WithMount(ro)); out != "one\nno" {
			t.Errorf("read-only: %q", out)
		}
		part := fs.Volume("data", "/p")
		part.Subpath = "d"
		other := fs.Volume("data", "/q")
		if out := inImage(t, s, "echo two > /p/g; cat /q/d/g", lane, sandbox.WithVolumeStore(v), sandbox.WithMount(part), sandbox.WithMount(other)); out != "two" {
			t.Errorf("twice in one sandbox: %q", out)
		}
		if names := volumeNames(t, v); names != "data" {
			t.Errorf("volumes: %s", names)
		}
	})
}

// TestVolumeUsers: a program of another user inside uses a volume as it may.
func TestVolumeUsers(t *testing.T) {
	unchangedImages(t)
	s, v := busyboxStore(t, image.RunConfig{}), newVolumes(t)
	with := sandbox.Options(sandbox.WithVolumeStore(v), sandbox.WithMount(fs.Volume("data", "/home/app")))
	// An ordinary user has one id, whatever that is called inside.
	if out := inImage(t, s, "cat mine; echo; echo more > new; stat -c %u:%g mine new", with, sandbox.WithUser("1000:1000"), sandbox.WithDir("/home/app")); out != "mine\n1000:1000\n1000:1000" {
		t.Errorf("%q", out)
	}
	want := "1000:1000"
	if !testutil.IsRoot() {
		want = "0:0"
	}
	if out := inImage(t, s, "stat -c %u:%g /home/app/new", with, sandbox.WithUser("0")); out != want {
		t.Errorf("%q", out)
	}
}

// contentLayer is what copies are made of. Owners are root's where only root can
// have others.
func contentLayer(t *testing.T) []byte {
	return tarOf(t, "dir c 1755 7:8", "dir c/sub 0715 9:9", "file c/sub/f 0604 9:9 content", "hard c/h c/sub/f", "link c/l sub/f",
		"file c/x 4755 0:0 x", "fifo c/p 0600", "dir empty 0705 5:6", "link to/c /c", "file c/gone 0644 0:0 gone", "file plain 0644 0:0 f")
}

// TestVolumeCopyUp: an empty volume gets what the root has in its place, once.
func TestVolumeCopyUp(t *testing.T) {
	unchangedImages(t)
	s := busyboxStore(t, image.RunConfig{}, contentLayer(t), tarOf(t, "gone c/gone", "file c/added 0600 0:0 added"))
	lanes(t, func(t *testing.T, lane sandbox.Option) {
		v := newVolumes(t)
		with := func(m fs.Mount) sandbox.Option {
			return sandbox.Options(lane, sandbox.WithVolumeStore(v), sandbox.WithMount(m))
		}
		const look = "cd /c; find . | sort; stat -c '%n %F %a %u:%g %Y' . sub sub/f h x p; stat -c %h h; readlink l; cat sub/f added"
		want := inImage(t, s, look, lane)
		for _, m := range []fs.Mount{fs.Volume("data", "/c"), fs.Anonymous("/c"), fs.Volume("data", "/c"), fs.Volume("linked", "/to/c")} {
			if out := inImage(t, s, look, with(m)); out != want {
				t.Errorf("%v:\n%s\nwant\n%s", m, out, want)
			}
		}
		none := fs.Volume("none", "/c")
		none.NoCopy = true
		if out := inImage(t, s, "ls /c", with(none)); out != "" {
			t.Errorf("no copy: %q", out)
		}
		if out := inImage(t, s, "stat -c %a /empty; ls /empty", with(fs.Volume("own", "/empty"))); out != "705" {
			t.Errorf("directory without content: %q", out)
		}
		// What is there stays, also in another place.
		inImage(t, s, "echo kept > /v/kept", with(fs.Volume("kept", "/v")))
		if out := inImage(t, s, "ls /c", with(fs.Volume("kept", "/c"))); out != "kept" {
			t.Errorf("a volume with content: %q", out)
		}
		err := fails(t, tool(s), with(fs.Volume("file", "/plain")), sandbox.WithCommand("true"))
		if e, ok := errors.AsType[*sandbox.Error](err); !ok || e.Stage != sandbox.StageMount || e.Path != "/plain" || !errors.Is(err, syscall.ENOTDIR) {
			t.Errorf("over a file: %v", err)
		}
		if names := volumeNames(t, v); names != "data file kept linked none own" {
			t.Errorf("volumes: %s", names)
		}
	})
}

// TestVolumeCopyUpDirectory: the same for a root that is a directory of the host.
func TestVolumeCopyUpDirectory(t *testing.T) {
	testutil.Unchanged(t)
	root, v := t.TempDir(), newVolumes(t)
	must(t, os.Chmod(root, 0o755))
	must(t, os.MkdirAll(root+"/c/d", 0o750))
	must(t, os.WriteFile(root+"/c/d/f", []byte("content"), 0o640))
	must(t, os.Mkdir(root+"/bin", 0o755))
	b, err := os.ReadFile(testutil.Probe(t))
	must(t, err)
	must(t, os.WriteFile(root+"/bin/probe", b, 0o755))
	for _, o := range []sandbox.Option{sandbox.WithRootfs(root), sandbox.WithRootfsWritable(root)} {
		out := probe(t, options(o, sandbox.WithVolumeStore(v), sandbox.WithMount(fs.Anonymous("/c"))), "read|/c/d/f")
		gives(t, out[0], "content")
	}
	if names := volumeNames(t, v); names != "" {
		t.Errorf("volumes: %s", names)
	}
}

// TestVolumeOnce: of sandboxes that start at the same time, one fills the
// volume, and all find it filled.
func TestVolumeOnce(t *testing.T) {
	unchangedImages(t)
	s, v := busyboxStore(t, image.RunConfig{}, contentLayer(t)), newVolumes(t)
	var wg sync.WaitGroup
	for range 6 {
		wg.Go(func() {
			out, err := sandbox.Output(testContext(t), tool(s), sandbox.WithVolumeStore(v), sandbox.WithMount(fs.Volume("data", "/c")),
				sandbox.WithCommand("sh", "-c", "cat /c/sub/f; echo x >> /c/count"))
			if err != nil || string(out) != "content" {
				t.Errorf("%q, %v", out, err)
			}
		})
	}
	wg.Wait()
	d, err := v.Get("data")
	must(t, err)
	if b, err := os.ReadFile(d.Path + "/count"); err != nil || string(b) != strings.Repeat("x\n", 6) {
		t.Errorf("%q, %v", b, err)
	}
}
