package sandbox_test

import (
	"archive/tar"
	"bytes"
	"errors"
	"io"
	iofs "io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"testing/fstest"

	"github.com/sandkit/sandkit/fs"
	"github.com/sandkit/sandkit/image"
	"github.com/sandkit/sandkit/internal/testutil"
	"github.com/sandkit/sandkit/sandbox"
)

// roots calls test with a sandbox option for each kind of root; all have /bin/sh
// and a writable /tmp.
func roots(t *testing.T, test func(t *testing.T, root sandbox.Option)) {
	t.Helper()
	s := busyboxStore(t, image.RunConfig{})
	lanes(t, func(t *testing.T, lane sandbox.Option) {
		t.Run("image", func(t *testing.T) { test(t, sandbox.Options(lane, tool(s))) })
		t.Run("rootfs", func(t *testing.T) { test(t, sandbox.Options(lane, sandbox.WithRootfs(busyboxRoot(t)))) })
		t.Run("writable", func(t *testing.T) { test(t, sandbox.Options(lane, sandbox.WithRootfsWritable(busyboxRoot(t)))) })
		t.Run("host tools", func(t *testing.T) { test(t, lane) })
	})
}

// busyboxRoot is a directory with busybox as sh and as some other commands.
func busyboxRoot(t *testing.T) string {
	t.Helper()
	dir := testutil.Root(t, "dir run")
	for _, name := range tools {
		must(t, os.Symlink("busybox", filepath.Join(dir, "bin", name)))
	}
	for tr := tar.NewReader(bytes.NewReader(busyboxLayer(t))); ; {
		h, err := tr.Next()
		must(t, err)
		if h.Name == "bin/busybox" {
			content, err := io.ReadAll(tr)
			must(t, err)
			must(t, os.WriteFile(filepath.Join(dir, h.Name), content, 0o755))
			return dir
		}
	}
}

// loop is a program that says "ready" and goes on until it is killed.
func loop(script string) sandbox.Option {
	return sandbox.WithCommand("/bin/sh", "-c", script+"; echo ready; while :; do sleep 1; done")
}

func TestFS(t *testing.T) {
	unchangedImages(t)
	secret := filepath.Join(t.TempDir(), "secret")
	must(t, os.WriteFile(secret, []byte("outside"), 0o644))
	roots(t, func(t *testing.T, root sandbox.Option) {
		sb, out := started(t, root, loop("mkdir -p /tmp/d/e; cd /tmp/d; echo text > f; chmod 640 f; ln -s f l; ln -s /tmp/d/f abs; ln -s ../../../../../../tmp/d/f up; ln -s "+
			secret+" out; ln -s / root; mkfifo p; ln -s loop loop"))
		awaitLine(t, out, "ready")
		view := sb.FS()
		look := func(when string) {
			for _, name := range []string{"tmp/d/f", "tmp/d/l", "tmp/d/abs", "tmp/d/up", "tmp/d/root/tmp/d/f"} {
				if b, err := iofs.ReadFile(view, name); err != nil || string(b) != "text\n" {
					t.Errorf("%s: %s: %q, %v", when, name, b, err)
				}
			}
			for name, want := range map[string]error{
				"tmp/d/out": iofs.ErrNotExist, "tmp/d/loop": syscall.ELOOP, "tmp/d/p": iofs.ErrInvalid, "none": iofs.ErrNotExist, "../x": iofs.ErrInvalid, "/tmp": iofs.ErrInvalid,
			} {
				if f, err := view.Open(name); !errors.Is(err, want) {
					t.Errorf("%s: %s: %v, %v; want %v", when, name, f, err, want)
				}
			}
			info, err := iofs.Stat(view, "tmp/d/f")
			must(t, err)
			if st, ok := info.Sys().(*syscall.Stat_t); !ok || st.Uid != 0 || st.Gid != 0 || info.Mode() != 0o640 {
				t.Errorf("%s: %+v", when, info)
			}
			if to, err := iofs.ReadLink(view, "tmp/d/out"); err != nil || to != secret {
				t.Errorf("%s: link to %q, %v", when, to, err)
			}
		}
		look("running")
		must(t, sb.Kill())
		_, _ = sb.Wait(testContext(t))
		look("ended")
		sub, err := iofs.Sub(view, "tmp/d/e")
		must(t, err)
		must(t, fstest.TestFS(sub))
		f, err := view.Open("tmp/d/f")
		must(t, err)
		must(t, sb.Close())
		for _, name := range []string{".", "tmp/d/f"} {
			_, e1 := view.Open(name)
			_, e2 := iofs.Stat(view, name)
			_, e3 := iofs.ReadDir(view, name)
			_, e4 := iofs.ReadLink(view, name)
			for _, err := range []error{e1, e2, e3, e4} {
				if _, ok := errors.AsType[*iofs.PathError](err); !ok || !errors.Is(err, sandbox.ErrClosed) {
					t.Errorf("closed: %s: %v", name, err)
				}
			}
		}
		if b, err := io.ReadAll(f); err != nil || string(b) != "text\n" {
			t.Errorf("file that is open: %q, %v", b, err)
		}
		must(t, f.Close())
	})
}

// TestSmallFS runs the tests of the standard library for a whole root.
func TestSmallFS(t *testing.T) {
	unchangedImages(t)
	s := newStore(t)
	addImage(t, s, "tool", image.RunConfig{}, tarOf(t, "dir d 0755", "file d/f 0644 0:0 text", "link d/l f"))
	// As a mount, since every byte of the image is read on its own.
	probe := fs.BindRO(testutil.Probe(t), "/probe")
	probe.HostOwners = true // not every file system can do without
	sb := runOf(t, tool(s), sandbox.WithMount(probe), sandbox.WithCommand("/probe"))
	for _, skip := range []string{"proc", "sys", "dev"} {
		if entries, err := iofs.ReadDir(sb.FS(), skip); err != nil || len(entries) > 0 {
			t.Errorf("%s, when nothing runs: %v, %v", skip, entries, err)
		}
	}
	if err := fstest.TestFS(sb.FS(), "d/f", "d/l", "probe", "proc"); err != nil {
		t.Error(err)
	}
}

// runOf is a sandbox whose program has ended well. The test closes it.
func runOf(t *testing.T, opts ...sandbox.Option) *sandbox.Sandbox {
	t.Helper()
	var errOut bytes.Buffer
	sb, err := sandbox.New(append(options(sandbox.WithStderr(&errOut)), opts...)...)
	must(t, err)
	t.Cleanup(func() { must(t, sb.Close()) })
	must(t, sb.Start(testContext(t)))
	if _, err := sb.Wait(testContext(t)); err != nil {
		t.Fatalf("%v: %s", err, errOut.Bytes())
	}
	return sb
}

// headers gives a tar's headers by name.
func headers(t *testing.T, r io.Reader) map[string]*tar.Header {
	t.Helper()
	all := make(map[string]*tar.Header)
	for tr := tar.NewReader(r); ; {
		h, err := tr.Next()
		if errors.Is(err, io.EOF) {
			return all
		}
		must(t, err)
		all[strings.Trim(strings.TrimPrefix(h.Name, "./"), "/")] = h
	}
}
