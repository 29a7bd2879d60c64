package sandbox_test

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"fmt"
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

// tree is what copies are made of.
var tree = fstest.MapFS{
	".":        {Mode: iofs.ModeDir | 0o755},
	"d":        {Mode: iofs.ModeDir | 0o750},
	"d/f":      {Data: []byte("text"), Mode: 0o604},
	"d/set":    {Data: []byte("x"), Mode: 0o755 | iofs.ModeSetuid},
	"d/e":      {Mode: iofs.ModeDir | 0o700},
	"d/e/deep": {Data: bytes.Repeat([]byte("abc"), 100_000), Mode: 0o400},
	"d/l":      {Data: []byte("/etc/passwd"), Mode: iofs.ModeSymlink | 0o777},
}

// TestCopy: what is copied in comes out again.
func TestCopy(t *testing.T) {
	unchangedImages(t)
	roots(t, func(t *testing.T, root sandbox.Option) {
		sb, out := started(t, root, loop("mkdir /tmp/in"))
		awaitLine(t, out, "ready")
		round := func(dir string) {
			must(t, sb.CopyTo(testContext(t), dir, tree))
			info, err := iofs.Stat(sb.FS(), strings.TrimPrefix(dir, "/")+"/d/f")
			must(t, err)
			if st, ok := info.Sys().(*syscall.Stat_t); !ok || st.Uid != 0 || st.Gid != 0 || info.Mode() != 0o604 {
				t.Errorf("%s: %v %+v", dir, info, st)
			}
			host := t.TempDir()
			must(t, sb.CopyFrom(testContext(t), dir+"/d", host))
			for name, f := range tree {
				if name == "." {
					continue
				}
				info, err := os.Lstat(filepath.Join(host, name))
				must(t, err)
				if want := f.Mode &^ iofs.ModeSetuid; info.Mode() != want {
					t.Errorf("%s: %s came back as %v, want %v", dir, name, info.Mode(), want)
				}
				if st, ok := info.Sys().(*syscall.Stat_t); !ok || int(st.Uid) != os.Getuid() {
					t.Errorf("%s: %s belongs to %+v", dir, name, st)
				}
				if f.Mode.IsRegular() {
					if b, err := os.ReadFile(filepath.Join(host, name)); err != nil && testutil.IsRoot() || err == nil && !bytes.Equal(b, f.Data) {
						t.Errorf("%s: content of %s: %d bytes, %v", dir, name, len(b), err)
					}
				}
			}
			var b bytes.Buffer
			must(t, sb.Archive(testContext(t), dir+"/d/.", &b))
			names := map[string]*tar.Header{}
			for tr := tar.NewReader(&b); ; {
				h, err := tr.Next()
				if errors.Is(err, io.EOF) {
					break
				}
				must(t, err)
				names[strings.Trim(strings.TrimPrefix(h.Name, "./"), "/")] = h
			}
			if h := names["f"]; h == nil || h.Uid != 0 || h.Gid != 0 || h.Mode != 0o604 || len(names) < 5 {
				t.Errorf("%s: archive of %v: %+v", dir, names, h)
			}
		}
		round("/tmp/in")
		must(t, sb.Kill())
		_, _ = sb.Wait(testContext(t))
		if _, err := iofs.Stat(sb.FS(), "tmp/in"); err == nil { // not when /tmp was mounted
			round("/tmp/in")
			round("/tmp/new")
		}
		for _, c := range []struct {
			what string
			err  error
			want error
		}{
			{"no parent", sb.CopyTo(testContext(t), "/none/none", tree), iofs.ErrNotExist},
			{"no source", sb.CopyFrom(testContext(t), "/none", t.TempDir()), iofs.ErrNotExist},
			{"nothing to archive", sb.Archive(testContext(t), "/none", io.Discard), iofs.ErrNotExist},
			{"writer that fails", sb.Archive(testContext(t), "/.", brokenWriter{}), syscall.ENOSPC},
		} {
			if e, ok := errors.AsType[*sandbox.Error](c.err); !ok || !errors.Is(c.err, c.want) || e.Op == "" {
				t.Errorf("%s: %v", c.what, c.err)
			}
		}
		must(t, sb.Close())
		for _, err := range []error{
			sb.CopyTo(testContext(t), "/tmp", tree), sb.CopyFrom(testContext(t), "/tmp", t.TempDir()), sb.Archive(testContext(t), "/", io.Discard),
		} {
			if !errors.Is(err, sandbox.ErrClosed) {
				t.Errorf("closed: %v", err)
			}
		}
	})
}

type brokenWriter struct{}

// Write fails.
func (brokenWriter) Write([]byte) (int, error) { return 0, syscall.ENOSPC }

func TestCopyBeforeTheStart(t *testing.T) {
	sb, err := sandbox.New(sandbox.WithCommand("true"))
	must(t, err)
	_, err = iofs.ReadFile(sb.FS(), "etc/passwd")
	for _, err := range []error{
		err, sb.CopyTo(testContext(t), "/tmp", tree), sb.CopyFrom(testContext(t), "/tmp", t.TempDir()), sb.Archive(testContext(t), "/", io.Discard),
	} {
		if !errors.Is(err, sandbox.ErrNotRunning) {
			t.Errorf("not started: %v", err)
		}
	}
	must(t, sb.Close())
}

// TestCopyIntoMounts: while the sandbox runs, copies go to what is mounted.
func TestCopyIntoMounts(t *testing.T) {
	unchangedImages(t)
	s := busyboxStore(t, image.RunConfig{})
	lanes(t, func(t *testing.T, lane sandbox.Option) {
		host := filepath.Join(t.TempDir(), "host")
		must(t, os.Mkdir(host, 0o755))
		sb, out := started(t, lane, tool(s), sandbox.WithMount(fs.Tmpfs("/t", 1<<20)), sandbox.WithMount(fs.Bind(host, "/b")),
			sandbox.WithMount(fs.BindRO(host, "/ro")), loop("true"))
		awaitLine(t, out, "ready")
		for _, dir := range []string{"/t", "/b"} {
			must(t, sb.CopyTo(testContext(t), dir, mapFile("f", "text")))
			if b, err := iofs.ReadFile(sb.FS(), dir[1:]+"/f"); err != nil || string(b) != "text" {
				t.Errorf("%s: %q, %v", dir, b, err)
			}
			must(t, sb.CopyFrom(testContext(t), dir+"/f", filepath.Join(t.TempDir(), "x")))
		}
		info, err := os.Stat(filepath.Join(host, "f"))
		must(t, err)
		if st, ok := info.Sys().(*syscall.Stat_t); !ok || int(st.Uid) != os.Getuid() {
			t.Errorf("on the host it belongs to %+v", st)
		}
		if err := sb.CopyTo(testContext(t), "/ro", mapFile("g", "text")); !errors.Is(err, syscall.EROFS) {
			t.Errorf("read-only mount: %v", err)
		}
		if err := sb.CopyTo(testContext(t), "/t", mapFile("g", strings.Repeat("x", 2<<20))); !errors.Is(err, syscall.ENOSPC) {
			t.Errorf("full mount: %v", err)
		}
		if _, err := iofs.Stat(sb.FS(), "t/g"); !errors.Is(err, iofs.ErrNotExist) {
			t.Errorf("half a file: %v", err)
		}
		ctx, cancel := context.WithCancel(testContext(t))
		cancel()
		if err := sb.CopyTo(ctx, "/t", mapFile("h", "x")); !errors.Is(err, context.Canceled) {
			t.Errorf("context that has ended: %v", err)
		}
		ro, out := started(t, lane, tool(s), sandbox.WithReadOnlyRootfs(), sandbox.WithMount(fs.Tmpfs("/t", 1<<20)), loop("true"))
		awaitLine(t, out, "ready")
		if err := ro.CopyTo(testContext(t), "/tmp", mapFile("f", "x")); !errors.Is(err, syscall.EROFS) {
			t.Errorf("read-only root: %v", err)
		}
		must(t, ro.CopyTo(testContext(t), "/t", mapFile("f", "x")))
		must(t, ro.Kill())
		_, _ = ro.Wait(testContext(t))
		if err := ro.CopyTo(testContext(t), "/tmp", mapFile("f", "x")); !errors.Is(err, syscall.EROFS) {
			t.Errorf("read-only root after the end: %v", err)
		}
	})
}

// TestCopyAgainstASwapper: a program that exchanges the directory for links out
// of the root, all the time, gets nothing written there.
func TestCopyAgainstASwapper(t *testing.T) {
	unchangedImages(t)
	outside := filepath.Join(t.TempDir(), "outside")
	must(t, os.MkdirAll(filepath.Join(outside, "sub"), 0o777))
	must(t, os.Chmod(outside, 0o777))
	script := fmt.Sprintf(`cd /tmp; mkdir d d/sub; ln -s %s evil; ln -s /etc evil2; echo ready
while :; do mv d a; mv evil d; mv d evil; mv evil2 d; mv d evil2; mv a d; done`, outside)
	before := contents(t, outside)
	roots(t, func(t *testing.T, root sandbox.Option) {
		sb, out := started(t, root, sandbox.WithCommand("/bin/sh", "-c", script))
		awaitLine(t, out, "ready")
		copies := 500
		if testing.Short() {
			copies = 50
		}
		worked := 0
		src := fstest.MapFS{".": {Mode: iofs.ModeDir | 0o755}, "sub": {Mode: iofs.ModeDir | 0o755}, "sub/file": {Data: []byte("x"), Mode: 0o644}, "canary": {Data: []byte("x"), Mode: 0o644}}
		for range copies {
			if err := sb.CopyTo(testContext(t), "/tmp/d", src); err == nil {
				worked++
			}
			_ = sb.Archive(testContext(t), "/tmp/d", io.Discard)
		}
		t.Logf("%d of %d copies worked", worked, copies)
		if after := contents(t, outside); after != before {
			t.Errorf("outside there is\n%s", after)
		}
		if _, err := os.Lstat("/etc/canary"); !errors.Is(err, iofs.ErrNotExist) {
			t.Fatal("/etc of the host was written to")
		}
	})
}
