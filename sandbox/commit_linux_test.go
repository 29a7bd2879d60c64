package sandbox_test

import (
	"context"
	"errors"
	"fmt"
	iofs "io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/sandkit/sandkit/fs"
	"github.com/sandkit/sandkit/image"
	"github.com/sandkit/sandkit/image/layer"
	"github.com/sandkit/sandkit/image/store"
	"github.com/sandkit/sandkit/internal/testutil"
	"github.com/sandkit/sandkit/sandbox"
)

// topLayer lists what is in an image's uppermost layer.
func topLayer(t *testing.T, img image.Image) string {
	t.Helper()
	layers := img.Layers()
	l := layers[len(layers)-1]
	packed, err := l.Open(t.Context())
	must(t, err)
	defer func() { must(t, packed.Close()) }()
	r, err := layer.NewUnpacker(packed, l.Descriptor().MediaType)
	must(t, err)
	defer func() { must(t, r.Close()) }()
	return strings.Join(listing(t, r), "\n")
}

// committed is the image of what a script has changed.
func committed(t *testing.T, s *store.Store, script string, opts ...sandbox.Option) (*sandbox.Sandbox, image.Image) {
	t.Helper()
	sb := runOf(t, append(options(tool(s), sandbox.WithCommand("/bin/sh", "-e", "-c", script)), opts...)...)
	img, err := sb.Commit(testContext(t), image.CommitOptions{Ref: imageRef(t, "new")})
	must(t, err)
	return sb, img
}

// TestCommitChanges: the layer has what was changed, and no more.
func TestCommitChanges(t *testing.T) {
	unchangedImages(t)
	s := busyboxStore(t, image.RunConfig{}, tarOf(t,
		"dir d 0750", "file d/f 0640 0:0 text", "file d/g 0600 0:0 g", "dir d/s 0755", "file d/s/x 0644 0:0 x", "dir d/s/t 0700", "file d/s/t/y 0644 0:0 y"))
	for _, c := range []struct {
		name, script string
		want         []string
	}{
		{"nothing", "true", nil},
		{"new files", "cd /d; umask 027; echo new > n; mkdir m; ln -s /x m/l; mkfifo m/p; chmod 4711 n", []string{
			"dir d 0750 0:0", "dir d/m 0750 0:0", "link d/m/l /x", "fifo d/m/p 0640 0:0", "file d/n 04711 0:0 new",
		}},
		{"changed content", "echo more >> /d/f", []string{"dir d 0750 0:0", "file d/f 0640 0:0 textmore"}},
		{"changed mode", "chmod 600 /d/f; chmod 1777 /d", []string{"dir d 01777 0:0", "file d/f 0600 0:0 text"}},
		{"removed", "rm /d/f; rm -r /d/s", []string{"dir d 0750 0:0", "file d/.wh.f 0 0:0", "file d/.wh.s 0 0:0"}},
		{"replaced", "cd /d; rm -r s; ln -s f s; rm g; echo g > h; mv h g", []string{"dir d 0750 0:0", "file d/g 0644 0:0 g", "link d/s f"}},
		{"directory by a file", "cd /d; rm -r s; echo s > s", []string{"dir d 0750 0:0", "file d/s 0644 0:0 s"}},
		{"moved", "cd /d; mv f h", []string{"dir d 0750 0:0", "file d/.wh.f 0 0:0", "file d/h 0640 0:0 text"}},
		{"hard links", "cd /d; ln f h; echo a > a; ln a b", []string{"dir d 0750 0:0", "file d/a 0644 0:0 a", "hard d/b d/a", "file d/f 0640 0:0 text", "hard d/h d/f"}},
	} {
		if strings.Contains(c.script, "rm -r") && !opaqueDirectories(t) {
			continue // the kernel cannot do it
		}
		_, img := committed(t, s, c.script)
		var got []string
		for l := range strings.SplitSeq(topLayer(t, img), "\n") {
			if name, _, _ := strings.Cut(l[strings.Index(l, " ")+1:], " "); name == "d" || strings.HasPrefix(name, "d/") {
				got = append(got, l)
			}
		}
		if want := oneOwner(c.want...); strings.Join(got, "\n") != want {
			t.Errorf("%s: the layer has\n%s\nwant\n%s", c.name, strings.Join(got, "\n"), want)
		}
	}
	sound(t, s)
}

// TestCommitReplacedDirectory: a directory that was removed and made again hides
// what was in it.
func TestCommitReplacedDirectory(t *testing.T) {
	unchangedImages(t)
	if !opaqueDirectories(t) {
		t.Skip("this kernel has no such directories for an ordinary user: see opaqueDirectories")
	}
	s := busyboxStore(t, image.RunConfig{}, tarOf(t, "dir d 0755", "file d/old 0644 0:0 x", "dir d/s 0755", "file d/s/old 0644 0:0 x"))
	sb, img := committed(t, s, "rm -r /d; mkdir -m 711 /d /d/s; echo new > /d/s/new; mv /home /house")
	if l := topLayer(t, img); !strings.Contains(l, "d/.wh..wh..opq") || strings.Contains(l, "d/s/old") {
		t.Errorf("the layer has\n%s", l)
	}
	sameAsImage(t, sb, s, "new", "/d", "/house")
}

// sameAsImage compares what a sandbox has with what one of a committed image
// begins with.
func sameAsImage(t *testing.T, sb *sandbox.Sandbox, s *store.Store, name string, paths ...string) {
	t.Helper()
	var before []string
	for _, p := range paths {
		var b strings.Builder
		must(t, sb.Archive(testContext(t), p, &b))
		before = append(before, listing(t, strings.NewReader(b.String()))...)
	}
	if got, want := shown(t, s, name, paths...), strings.Join(before, "\n"); got != want {
		t.Errorf("the image has\n%s\nwant\n%s", got, want)
	}
}

// TestCommitOwners: owners and attributes are those inside.
func TestCommitOwners(t *testing.T) {
	testutil.NeedRoot(t)
	unchangedImages(t)
	s := busyboxStore(t, image.RunConfig{}, tarOf(t, "dir d 0755 5:6", "file d/f 0644 7:8 x"))
	lanes(t, func(t *testing.T, lane sandbox.Option) {
		sb, img := committed(t, s, "chown 1:2 /d; echo x > /d/max; chown 65535:65535 /d/max; echo y > /d/new; chmod 600 /d/f; chown 0:9 /d/new; chown 3:4 /bin/sh",
			lane, sandbox.WithCapabilities("CHOWN", "DAC_OVERRIDE", "FOWNER"))
		l := topLayer(t, img)
		for _, want := range []string{"dir d 0755 1:2", "file d/max 0644 65535:65535", "file d/new 0644 0:9", "file d/f 0600 7:8"} {
			if !strings.Contains(l, want) {
				t.Errorf("the layer has not %q:\n%s", want, l)
			}
		}
		sameAsImage(t, sb, s, "new", "/d", "/bin/busybox")
	})
}

// TestCommitOfAUser: files of a program that is not root inside, where there may
// be no other user.
func TestCommitOfAUser(t *testing.T) {
	unchangedImages(t)
	s := busyboxStore(t, image.RunConfig{User: "lone"}, tarOf(t, "dir d 0777"))
	sb := runOf(t, tool(s), sandbox.WithCommand("sh", "-c", "echo x > /d/mine; echo y > /tmp/y; chmod 600 /d/mine"))
	must(t, sb.CopyTo(testContext(t), "/d", mapFile("copied", "c")))
	owner := "0:0"
	if !testutil.IsRoot() {
		owner = "1001:1001" // there is no other
	}
	info, err := iofs.Stat(sb.FS(), "d/copied")
	must(t, err)
	if st, ok := info.Sys().(*syscall.Stat_t); !ok || fmt.Sprintf("%d:%d", st.Uid, st.Gid) != owner {
		t.Errorf("copied: %+v, want %s", st, owner)
	}
	img, err := sb.Commit(testContext(t), image.CommitOptions{Ref: imageRef(t, "new")})
	must(t, err)
	layers := img.Layers()
	r, err := layers[len(layers)-1].Open(t.Context())
	must(t, err)
	defer func() { must(t, r.Close()) }()
	all := headers(t, r)
	if h := all["d/mine"]; h == nil || h.Uid != 1001 || h.Gid != 1001 || h.Mode != 0o600 {
		t.Errorf("%+v", h)
	}
	if out := imageOutput(t, s, sandbox.WithImage("new"), sandbox.WithCommand("cat", "/d/mine", "/tmp/y", "/d/copied")); out != "x\ny\nc" {
		t.Errorf("%q", out)
	}
}

func TestCommitAttributes(t *testing.T) {
	unchangedImages(t)
	if !opaqueDirectories(t) && !testutil.IsRoot() {
		t.Skip("this kernel's tmpfs has no attributes of users")
	}
	s := busyboxStore(t, image.RunConfig{})
	f, err := sandbox.Probe(testContext(t))
	must(t, err)
	if !f.Version.AtLeast(6, 6) {
		t.Skip("until Linux 6.6 a tmpfs has no attributes of users")
	}
	sb := runOf(t, withProbe(t), tool(s), sandbox.WithCommand(probePath, "create|/f|text", "setxattr|/f|user.mine|value"))
	_, err = sb.Commit(testContext(t), image.CommitOptions{Ref: imageRef(t, "new")})
	must(t, err)
	lease, err := s.Lease(t.Context())
	must(t, err)
	defer func() { must(t, lease.Release()) }()
	again := runOf(t, sandbox.WithImage("new"), sandbox.WithImageStore(s), sandbox.WithCommand("/bin/sh", "-c", "chmod 600 /f"))
	img, err := again.Commit(testContext(t), image.CommitOptions{})
	must(t, err)
	layers := img.Layers()
	r, err := layers[len(layers)-1].Open(t.Context())
	must(t, err)
	defer func() { must(t, r.Close()) }()
	tr, err := layer.NewUnpacker(r, "")
	must(t, err)
	defer func() { must(t, tr.Close()) }()
	if h := headers(t, tr)["f"]; h == nil || h.PAXRecords["SCHILY.xattr.user.mine"] != "value" || h.Mode != 0o600 {
		t.Errorf("%+v", h)
	}
}

// TestCommitSparse: holes take hardly any space in a layer that is packed.
func TestCommitSparse(t *testing.T) {
	unchangedImages(t)
	s := busyboxStore(t, image.RunConfig{})
	sb := runOf(t, tool(s), sandbox.WithCommand("sh", "-c", "dd if=/bin/busybox of=/big bs=1 count=1 seek=20000000 2>/dev/null"))
	img, err := sb.Commit(testContext(t), image.CommitOptions{Ref: imageRef(t, "new"), Compression: image.Zstd})
	must(t, err)
	layers := img.Layers()
	if n := layers[len(layers)-1].Descriptor().Size; n > 100_000 {
		t.Errorf("the layer has %d bytes", n)
	}
	if out := imageOutput(t, s, sandbox.WithImage("new"), sandbox.WithCommand("stat", "-c", "%s", "/big")); out != "20000001" {
		t.Errorf("size %q", out)
	}
}

// TestCommitLeavesOut: mounts and volumes are no part of the image.
func TestCommitLeavesOut(t *testing.T) {
	unchangedImages(t)
	s := busyboxStore(t, image.RunConfig{Volumes: map[string]struct{}{"/vol/": {}, "home/app": {}, "/way/vol": {}}},
		tarOf(t, "dir real/vol 0777", "link way up/../deep/real", "dir up 0755", "link deep /"))
	host := t.TempDir()
	must(t, os.Chmod(host, 0o777))
	must(t, os.WriteFile(filepath.Join(host, "secret"), []byte("secret"), 0o644))
	sb, img := committed(t, s,
		"echo x > /vol/x; echo x > /home/app/x; echo x > /t/x; echo x > /b/x; echo x >> /etc/given; echo x >> /etc/group || true; echo x > /dev/shm/x; echo x > /real/vol/x; [ -s /real/hidden ]; echo kept > /kept",
		sandbox.WithMount(fs.Tmpfs("/t", 1<<20)), sandbox.WithMount(fs.Bind(host, "/b")), sandbox.WithMount(fs.File("/etc/given", 0o644, []byte("secret"))),
		sandbox.WithMount(fs.File("/way/hidden", 0o644, []byte("secret"))),
		sandbox.WithMount(fs.File("/etc/group", 0o644, []byte("secret"))))
	l := topLayer(t, img)
	for _, name := range []string{" vol", "home/app/x", "t/x", "b/x", "secret", "given", "group", "shm", "hidden", "real/vol"} {
		if strings.Contains(l, name) {
			t.Errorf("the layer has %q:\n%s", name, l)
		}
	}
	if !strings.Contains(l, "file kept") {
		t.Errorf("the layer has\n%s", l)
	}
	must(t, sb.Close())
	if out := imageOutput(t, s, sandbox.WithImage("new"), sandbox.WithCommand("sh", "-c", "ls /vol /t /b; cat /etc/group | grep -c root; ls /home/app")); !strings.Contains(out, "1\nmine") {
		t.Errorf("%q", out)
	}
}

// TestCommitConfig: the configuration is what the sandbox ran with.
func TestCommitConfig(t *testing.T) {
	unchangedImages(t)
	created := time.Unix(1_600_000_000, 0).UTC()
	s := newStore(t)
	addConfig(t, s, "tool", image.Config{
		Author: "somebody", History: []image.History{{CreatedBy: "first"}},
		Config: image.RunConfig{Env: []string{"PATH=/bin", "A=1", "B=1"}, Entrypoint: []string{"sh", "-c"}, Cmd: []string{"echo image"}, Labels: map[string]string{"k": "v"}, StopSignal: "SIGQUIT"},
	}, busyboxLayer(t))
	sb := runOf(t, tool(s), sandbox.WithCommand("echo mine"), sandbox.WithEnv("B=2", "C=2"), sandbox.WithDir("/tmp"), sandbox.WithUser("0:0"), sandbox.WithStop(syscall.SIGINT, time.Second))
	img, err := sb.Commit(testContext(t), image.CommitOptions{Ref: imageRef(t, "new:1"), Author: "me", Message: "done", Created: created})
	must(t, err)
	c := img.Config()
	if c.Author != "me" || c.Comment != "done" || !c.Created.Equal(created) || c.Architecture == "" {
		t.Errorf("configuration %+v", c)
	}
	if n := len(c.History); n != 2 || c.History[0].CreatedBy != "first" || c.History[1].CreatedBy != "sh -c echo mine" || c.History[1].Comment != "done" || c.History[1].Author != "me" {
		t.Errorf("history %+v", c.History)
	}
	r := c.Config
	if !slices.Equal(r.Entrypoint, []string{"sh", "-c"}) || !slices.Equal(r.Cmd, []string{"echo mine"}) || r.WorkingDir != "/tmp" || r.User != "0:0" || r.Labels["k"] != "v" || r.StopSignal != "2" {
		t.Errorf("run configuration %+v", r)
	}
	if out := imageOutput(t, s, sandbox.WithImage("new:1"), sandbox.WithCommand("echo $A$B$C; pwd")); out != "122\n/tmp" {
		t.Errorf("%q", out)
	}
	if _, err := s.Lookup(t.Context(), "new:1"); err != nil {
		t.Error(err)
	}
	changed, err := sb.Commit(testContext(t), image.CommitOptions{Changes: []string{`CMD ["echo changed"]`, "ENV C=3 D=$B", "LABEL l=m", "VOLUME /v", "WORKDIR sub"}})
	must(t, err)
	if r := changed.Config().Config; !slices.Equal(r.Cmd, []string{"echo changed"}) || !slices.Contains(r.Env, "D=2") || !slices.Contains(r.Env, "C=3") || r.Labels["l"] != "m" || r.Labels["k"] != "v" || r.WorkingDir != "/tmp/sub" || len(r.Volumes) != 1 {
		t.Errorf("changed configuration %+v", r)
	}
	if _, err := sb.Commit(testContext(t), image.CommitOptions{Changes: []string{"RUN true"}}); !errors.Is(err, image.ErrInvalid) || !strings.Contains(err.Error(), "RUN") {
		t.Errorf("change that there is not: %v", err)
	}
	// Without a name it can be found by its id.
	again, err := sb.Commit(testContext(t), image.CommitOptions{Author: "me", Message: "other"})
	must(t, err)
	if out := imageOutput(t, s, sandbox.WithImage(string(again.ID())), sandbox.WithCommand("echo x")); out != "x" {
		t.Errorf("by its id: %q", out)
	}
	sound(t, s)
}

// TestCommitTwice: the same changes give the same layer, however it is packed.
func TestCommitTwice(t *testing.T) {
	unchangedImages(t)
	s := busyboxStore(t, image.RunConfig{})
	sb, first := committed(t, s, "echo x > /new; rm /bin/ls; touch -d @1600000000 /new")
	top := func(img image.Image) image.Layer { return img.Layers()[len(img.Layers())-1] }
	for _, c := range []image.Compression{image.Plain, image.Gzip, image.Zstd} {
		var digests []image.Digest
		for range 2 {
			img, err := sb.Commit(testContext(t), image.CommitOptions{Ref: imageRef(t, "new"), Compression: c})
			must(t, err)
			l := top(img)
			if want, _ := layer.MediaType(c); l.Descriptor().MediaType != want || l.DiffID() != top(first).DiffID() {
				t.Errorf("%v: %+v, diffID %s, want %s", c, l.Descriptor(), l.DiffID(), top(first).DiffID())
			}
			digests = append(digests, l.Descriptor().Digest)
		}
		if digests[0] != digests[1] {
			t.Errorf("%v: %v", c, digests)
		}
		if out := imageOutput(t, s, sandbox.WithImage("new"), sandbox.WithCommand("cat", "/new")); out != "x" {
			t.Errorf("%v: %q", c, out)
		}
	}
	sound(t, s)
}

// TestCommitChain: an image that was committed runs and can be committed again.
func TestCommitChain(t *testing.T) {
	unchangedImages(t)
	s := busyboxStore(t, image.RunConfig{})
	name := "tool"
	for i := range 5 {
		next := fmt.Sprintf("next:%d", i)
		sb := runOf(t, tool(s), sandbox.WithImage(name), sandbox.WithCommand("sh", "-c", fmt.Sprintf("echo %d >> /log; rm -f /f%d; echo x > /f%d; mkdir -p /d/%d", i, i-1, i, i)))
		img, err := sb.Commit(testContext(t), image.CommitOptions{Ref: imageRef(t, next)})
		must(t, err)
		if n := len(img.Layers()); n != i+2 {
			t.Errorf("%s has %d layers", next, n)
		}
		sameAsImage(t, sb, s, next, "/d", "/log")
		must(t, sb.Close())
		name = next
	}
	if out := imageOutput(t, s, sandbox.WithImage(name), sandbox.WithCommand("sh", "-c", "cat /log; echo /f*; ls /d")); out != "0\n1\n2\n3\n4\n/f4\n0\n1\n2\n3\n4" {
		t.Errorf("%q", out)
	}
	sound(t, s)
}

// TestCommitErrors: what cannot be is said, and leaves nothing.
func TestCommitErrors(t *testing.T) {
	unchangedImages(t)
	s := busyboxStore(t, image.RunConfig{})
	sb, err := sandbox.New(tool(s), sandbox.WithCommand("true"))
	must(t, err)
	if _, err := sb.Commit(testContext(t), image.CommitOptions{}); !errors.Is(err, sandbox.ErrNotRunning) {
		t.Errorf("before the start: %v", err)
	}
	must(t, sb.Close())
	if _, err := sb.Commit(testContext(t), image.CommitOptions{}); !errors.Is(err, sandbox.ErrClosed) {
		t.Errorf("closed: %v", err)
	}
	if _, err := runOf(t, sandbox.WithCommand("true")).Commit(testContext(t), image.CommitOptions{}); !errors.Is(err, errors.ErrUnsupported) || !strings.Contains(err.Error(), "WithImage") {
		t.Errorf("no image: %v", err)
	}
	sb = runOf(t, tool(s), sandbox.WithCommand("sh", "-c", "echo x > /x"))
	before, err := s.Usage(t.Context())
	must(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := sb.Commit(ctx, image.CommitOptions{Ref: imageRef(t, "new")}); !errors.Is(err, context.Canceled) {
		t.Errorf("context that has ended: %v", err)
	}
	if _, err := sb.Commit(testContext(t), image.CommitOptions{Compression: "none such"}); err == nil {
		t.Error("there is a compression 99")
	}
	after, err := s.Usage(t.Context())
	must(t, err)
	if after.Total() != before.Total() || len(after.Images) != 1 {
		t.Errorf("the store has %+v, had %+v", after, before)
	}
	bad := runOf(t, tool(s), sandbox.WithCommand("sh", "-c", "echo x > /.wh.bad"))
	if _, err := bad.Commit(testContext(t), image.CommitOptions{Ref: imageRef(t, "new")}); !errors.Is(err, image.ErrInvalid) {
		t.Errorf("a name that is a whiteout: %v", err)
	}
	if _, err := s.Lookup(t.Context(), "new"); !errors.Is(err, image.ErrNotFound) {
		t.Errorf("name of a commit that failed: %v", err)
	}
	sound(t, s)
}

// TestCommitUnreadable: what a program has hidden from itself is committed, too,
// by those who may read everything.
func TestCommitUnreadable(t *testing.T) {
	unchangedImages(t)
	s := busyboxStore(t, image.RunConfig{})
	sb := runOf(t, tool(s), sandbox.WithCommand("sh", "-c", "mkdir /d; echo x > /d/f; chmod 000 /d/f; mkdir /d/e; echo y > /d/e/y; chmod 0 /d/e; chmod 300 /d"))
	_, err := sb.Commit(testContext(t), image.CommitOptions{Ref: imageRef(t, "new")})
	if !testutil.IsRoot() {
		if _, found := s.Lookup(t.Context(), "new"); !errors.Is(err, iofs.ErrPermission) || !strings.Contains(err.Error(), `"d"`) || !errors.Is(found, image.ErrNotFound) {
			t.Errorf("%v, %v", err, found)
		}
		return
	}
	must(t, err)
	if out := imageOutput(t, s, sandbox.WithImage("new"), sandbox.WithCommand("sh", "-c", "stat -c %a /d /d/f /d/e; cat /d/f /d/e/y")); out != "300\n0\n0\nx\ny" {
		t.Errorf("%q", out)
	}
	if info, err := iofs.Stat(sb.FS(), "d/f"); err != nil || info.Mode() != 0 {
		t.Errorf("afterwards: %v, %v", info, err)
	}
}
