package sandbox_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	iofs "io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/sandkit/sandkit/image"
	"github.com/sandkit/sandkit/image/archive"
	"github.com/sandkit/sandkit/internal/testutil"
	"github.com/sandkit/sandkit/sandbox"
)

// pairs writes two files that are always the same, but for a moment between the
// two writes, and counts in a third.
const pairs = `i=0; mkdir /pair; echo ready; while :; do i=$((i+1)); echo $i > /pair/a; echo $i > /pair/b; done`

// TestCommitPauses: the image never has half of what belongs together, and the
// program goes on.
func TestCommitPauses(t *testing.T) {
	unchangedImages(t)
	needGroups(t)
	s := busyboxStore(t, image.RunConfig{})
	sb, out := started(t, tool(s), sandbox.WithCommand("sh", "-c", pairs))
	awaitLine(t, out, "ready")
	last := -1
	for range 5 {
		awaitChange(t, sb, "pair/b")
		_, err := sb.Commit(testContext(t), image.CommitOptions{Ref: imageRef(t, "new")})
		must(t, err)
		var a, b int
		text := imageOutput(t, s, sandbox.WithImage("new"), sandbox.WithCommand("sh", "-c", "cat /pair/a /pair/b"))
		n, _ := fmt.Sscan(text, &a, &b)
		// Between two writes there may be a pause: then one is a step ahead, or
		// is just being written.
		if n == 2 && a != b && a != b+1 || a < last || n == 0 {
			t.Errorf("half of it: %q, before %d", text, last)
		}
		last = a
	}
	awaitChange(t, sb, "pair/b")
	// Without a pause it works as well.
	if _, err := sb.Commit(testContext(t), image.CommitOptions{Ref: imageRef(t, "new"), NoPause: true}); err != nil && !strings.Contains(err.Error(), "unexpected EOF") {
		t.Error(err)
	}
}

// awaitChange waits until the program changes a file.
func awaitChange(t *testing.T, sb *sandbox.Sandbox, name string) {
	t.Helper()
	ctx := testContext(t)
	read := func() string {
		b, err := iofs.ReadFile(sb.FS(), name)
		if err != nil && !errors.Is(err, iofs.ErrNotExist) {
			t.Fatal(err)
		}
		return string(b)
	}
	for before := read(); ; {
		if now := read(); now != before && now != "" {
			return
		}
		if ctx.Err() != nil {
			t.Fatalf("%s does not change", name)
		}
	}
}

// TestCommitLeavesItPaused: who has paused a sandbox finds it paused, whatever
// commits are made meanwhile.
func TestCommitLeavesItPaused(t *testing.T) {
	unchangedImages(t)
	needGroups(t)
	s := busyboxStore(t, image.RunConfig{})
	sb, out := started(t, tool(s), sandbox.WithCommand("sh", "-c", pairs))
	awaitLine(t, out, "ready")
	awaitChange(t, sb, "pair/b")
	must(t, sb.Pause(testContext(t)))
	state := func() string {
		a, err := iofs.ReadFile(sb.FS(), "pair/a")
		must(t, err)
		b, err := iofs.ReadFile(sb.FS(), "pair/b")
		must(t, err)
		return string(a) + string(b)
	}
	before := state()
	var all sync.WaitGroup
	for range 3 {
		all.Go(func() {
			if _, err := sb.Commit(context.Background(), image.CommitOptions{}); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	for range 1000 {
		if now := state(); now != before {
			t.Fatalf("it goes on: %q, before %q", now, before)
		}
	}
	must(t, sb.Pause(testContext(t))) // again
	_, err := sb.Commit(testContext(t), image.CommitOptions{})
	must(t, err)
	must(t, sb.Resume(testContext(t)))
	awaitChange(t, sb, "pair/b")
	// A commit that fails does not leave it paused.
	ctx, cancel := context.WithCancel(testContext(t))
	cancel()
	if _, err := sb.Commit(ctx, image.CommitOptions{}); err == nil {
		t.Error("a commit without time worked")
	}
	awaitChange(t, sb, "pair/b")
	must(t, sb.Pause(testContext(t)))
	must(t, sb.Kill())
	if _, err := sb.Wait(testContext(t)); err == nil {
		t.Error("killed without an error")
	}
}

// TestCommitAndClose: a sandbox that is closed while it is committed.
func TestCommitAndClose(t *testing.T) {
	unchangedImages(t)
	s := busyboxStore(t, image.RunConfig{})
	for range 10 {
		sb, out := started(t, tool(s), sandbox.WithCommand("sh", "-c", "dd if=/dev/zero of=/big bs=1M count=8 2>/dev/null; echo ready; sleep 1000"))
		awaitLine(t, out, "ready")
		done := make(chan error)
		go func() {
			_, err := sb.Commit(testContext(t), image.CommitOptions{Ref: imageRef(t, "new"), NoPause: !testutil.IsRoot()})
			done <- err
		}()
		must(t, sb.Close())
		if err := <-done; err != nil && !errors.Is(err, sandbox.ErrClosed) {
			t.Errorf("commit: %v", err)
		}
	}
	sound(t, s)
}

// TestCommitWithoutGroups: who has no cgroups is told what to do.
func TestCommitWithoutGroups(t *testing.T) {
	unchangedImages(t)
	s := busyboxStore(t, image.RunConfig{})
	sb, out := started(t, tool(s), loop("echo x > /new"))
	awaitLine(t, out, "ready")
	_, err := sb.Commit(testContext(t), image.CommitOptions{Ref: imageRef(t, "new")})
	if err == nil {
		return // this user has cgroups
	}
	if !errors.Is(err, sandbox.ErrNotSupported) || !strings.Contains(err.Error(), "NoPause") || testutil.IsRoot() {
		t.Error(err)
	}
	_, err = sb.Commit(testContext(t), image.CommitOptions{Ref: imageRef(t, "new"), NoPause: true})
	must(t, err)
	if got := imageOutput(t, s, sandbox.WithImage("new"), sandbox.WithCommand("cat", "/new")); got != "x" {
		t.Errorf("%q", got)
	}
}

// TestCommitPeers: other programs take what was committed.
func TestCommitPeers(t *testing.T) {
	for _, name := range []string{"skopeo", "umoci"} {
		if _, err := exec.LookPath(name); err != nil {
			if testutil.InVM() {
				t.Skip("the virtual machine has few programs; the native lanes run this")
			}
			testutil.Skip(t, name+" is not installed")
		}
	}
	unchangedImages(t)
	s := busyboxStore(t, image.RunConfig{}, tarOf(t, "dir d 0755", "file d/old 0644 0:0 x", "file gone 0644 0:0 x"))
	sb := runOf(t, tool(s), sandbox.WithCommand("sh", "-c", "echo new > /d/new; rm /gone /d/old; chmod 700 /d; ln -s /d /link"))
	for _, c := range []image.Compression{image.Gzip, image.Zstd} {
		_, err := sb.Commit(testContext(t), image.CommitOptions{Ref: imageRef(t, "new:1"), Compression: c})
		must(t, err)
		dir := t.TempDir()
		layout := filepath.Join(dir, "layout")
		must(t, archive.ExportDir(t.Context(), s, layout, archive.ExportOptions{Format: archive.OCI}, "new:1"))
		run := func(name string, args ...string) []byte {
			cmd := exec.CommandContext(t.Context(), name, args...)
			cmd.Env = append(os.Environ(), "HOME="+dir, "XDG_RUNTIME_DIR="+dir)
			out, err := cmd.CombinedOutput()
			if err != nil {
				t.Fatalf("%s %q: %v: %s", name, args, err, out)
			}
			return out
		}
		if out := run("skopeo", "--insecure-policy", "--tmpdir", dir, "inspect", "--config", "oci:"+layout+":1"); !bytes.Contains(out, []byte("echo new")) {
			t.Errorf("skopeo says %s", out)
		}
		to := "docker-archive:" + filepath.Join(dir, "a.tar") + ":new:1"
		if c == image.Zstd {
			to = "oci:" + filepath.Join(dir, "copy") + ":1" // Docker's formats have no zstd
		}
		run("skopeo", "--insecure-policy", "--tmpdir", dir, "copy", "oci:"+layout+":1", to)
		if c == image.Zstd {
			continue // nor have older versions of umoci
		}
		args := []string{"unpack", "--image", layout + ":1", filepath.Join(dir, "bundle")}
		if !testutil.IsRoot() {
			args = append([]string{"unpack", "--rootless"}, args[1:]...)
		}
		run("umoci", args...)
		root := filepath.Join(dir, "bundle", "rootfs")
		for name, want := range map[string]bool{"d/new": true, "d/old": false, "gone": false, "link": true} {
			if _, err := os.Lstat(filepath.Join(root, name)); (err == nil) != want {
				t.Errorf("umoci: %s: %v", name, err)
			}
		}
		must(t, os.Chmod(filepath.Join(root, "home"), 0o755)) // or nobody could remove it
	}
}

// TestManySandboxesOfAnImage: nothing of them stays.
func TestManySandboxesOfAnImage(t *testing.T) {
	unchangedImages(t)
	s := busyboxStore(t, image.RunConfig{Cmd: []string{"/bin/true"}})
	n := 200
	if testing.Short() {
		n = 40
	}
	for i := range n {
		sb, err := sandbox.New(tool(s))
		must(t, err)
		must(t, sb.Start(testContext(t)))
		if i%2 == 0 {
			if _, err := sb.Wait(testContext(t)); err != nil {
				t.Error(err)
			}
		}
		must(t, sb.Close())
		if i%40 == 0 {
			sandbox.Trim()
		}
	}
	sandbox.Trim()
	leases, err := os.ReadDir(filepath.Join(s.Dir(), "leases"))
	if err != nil || len(leases) > 0 {
		t.Errorf("leases: %v, %v", leases, err)
	}
}
