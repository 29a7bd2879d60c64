package sandbox_test

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/sandkit/sandkit/image"
	"github.com/sandkit/sandkit/image/archive"
	"github.com/sandkit/sandkit/image/store"
	"github.com/sandkit/sandkit/internal/testutil"
	"github.com/sandkit/sandkit/sandbox"
)

// imageStore makes a store with one image, "tool": busybox as every command,
// and what the image says of its programs.
func imageStore(t testing.TB, config image.RunConfig) *store.Store {
	t.Helper()
	s, err := store.Open(t.TempDir(), store.NoSync())
	if err != nil {
		t.Fatal(err)
	}
	ref, err := image.ParseRef("tool")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := archive.ImportRoot(context.Background(), s, bytes.NewReader(busyboxLayer(t)), archive.RootOptions{Ref: ref, Config: config}); err != nil {
		t.Fatal(err)
	}
	return s
}

func imageOutput(t *testing.T, s *store.Store, opts ...sandbox.Option) string {
	t.Helper()
	out, err := sandbox.Output(testContext(t), append([]sandbox.Option{sandbox.WithImage("tool"), sandbox.WithImageStore(s), sandbox.WithPull(sandbox.PullNever)}, opts...)...)
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return strings.TrimSpace(string(out))
}

// TestImage: what an image says of its program counts where no option says
// otherwise.
func TestImage(t *testing.T) {
	testutil.Unchanged(t)
	s := imageStore(t, image.RunConfig{
		Entrypoint: []string{"/bin/sh", "-c"}, Cmd: []string{`echo "$A $B $PATH $(pwd) $(id -u)"`},
		Env: []string{"A=image", "PATH=/bin", "B=image"}, WorkingDir: "/made/here", StopSignal: "SIGRTMIN+3",
	})
	if got, want := imageOutput(t, s, sandbox.WithEnv("B=mine")), "image mine /bin /made/here 0"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if got, want := imageOutput(t, s, sandbox.WithCommand("pwd"), sandbox.WithDir("/tmp")), "/tmp"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if got, want := imageOutput(t, s, sandbox.WithEntrypoint("echo", "x"), sandbox.WithCommand("y")), "x y"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if got, want := imageOutput(t, s, sandbox.WithEntrypoint(), sandbox.WithCommand("echo", "y")), "y"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

// TestCommit: what a program has changed is in the new image, and nothing else.
func TestCommit(t *testing.T) {
	testutil.Unchanged(t)
	s := imageStore(t, image.RunConfig{Cmd: []string{"sh", "-c", "echo new > /etc/new; rm /home/app/mine; mkdir -m 750 /d; ln -s x /d/link"}})
	sb, err := sandbox.New(sandbox.WithImage("tool"), sandbox.WithImageStore(s))
	if err != nil {
		t.Fatal(err)
	}
	defer sb.Close()
	if err := sb.Start(testContext(t)); err != nil {
		t.Fatal(err)
	}
	if _, err := sb.Wait(testContext(t)); err != nil {
		t.Fatal(err)
	}
	if err := sb.CopyTo(testContext(t), "/d", fstest.MapFS{"copied": {Data: []byte("copied"), Mode: 0o640}}); err != nil {
		t.Fatal(err)
	}
	if b, err := fs.ReadFile(sb.FS(), "d/copied"); err != nil || string(b) != "copied" {
		t.Errorf("%q, %v", b, err)
	}
	ref, err := image.ParseRef("tool:2")
	if err != nil {
		t.Fatal(err)
	}
	img, err := sb.Commit(testContext(t), image.CommitOptions{Ref: ref, Author: "me", Message: "done"})
	if err != nil {
		t.Fatal(err)
	}
	if n := len(img.Layers()); n != 2 {
		t.Errorf("%d layers", n)
	}
	got := imageOutput(t, s, sandbox.WithImage("tool:2"), sandbox.WithCommand("sh", "-c", `cat /etc/new; cat /home/app/mine 2>&1; stat -c "%a %u %g" /d /d/copied; readlink /d/link; cat /d/copied`))
	want := "new\ncat: can't open '/home/app/mine': No such file or directory\n750 0 0\n640 0 0\nx\ncopied"
	if got != want {
		t.Errorf("got %q\nwant %q", got, want)
	}
	if _, err := sandbox.Output(testContext(t), sandbox.WithImage("nothing"), sandbox.WithImageStore(s), sandbox.WithPull(sandbox.PullNever)); !errors.Is(err, sandbox.ErrNotFound) {
		t.Errorf("an image that is not there: %v", err)
	}
}
