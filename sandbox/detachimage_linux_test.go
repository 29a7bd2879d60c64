package sandbox_test

import (
	"context"
	iofs "io/fs"
	"testing"

	"github.com/sandkit/sandkit/image"
	"github.com/sandkit/sandkit/sandbox"
)

// TestDetachedRoots: further processes and files from another program, whatever
// the root is.
func TestDetachedRoots(t *testing.T) {
	unchangedImages(t)
	roots(t, func(t *testing.T, root sandbox.Option) {
		st := openStore(t)
		s, _ := detached(t, st, "while :; do sleep 1; done", root)
		o := open(t, st, s)
		run := func(script string) {
			p, err := o.Exec(testContext(t), sandbox.WithCommand("/bin/sh", "-c", script))
			must(t, err)
			_, err = p.Wait(testContext(t))
			must(t, err)
		}
		run("mkdir /tmp/in")
		must(t, o.CopyTo(testContext(t), "/tmp/in", mapFile("note", "hello\n")))
		run("read x < /tmp/in/note; echo $x > /tmp/in/out")
		if b, err := iofs.ReadFile(o.FS(), "tmp/in/out"); err != nil || string(b) != "hello\n" {
			t.Errorf("%q, %v", b, err)
		}
		must(t, o.Stop(testContext(t)))
	})
}

// TestDetachedKeepsImage: the monitor has a lease of its own.
func TestDetachedKeepsImage(t *testing.T) {
	unchangedImages(t)
	images := busyboxStore(t, image.RunConfig{})
	st := openStore(t)
	s, _ := detached(t, st, "while :; do sleep 1; done", tool(images))
	must(t, s.Close())
	sandbox.Trim() // this program keeps nothing of the image
	if _, err := images.Remove(testContext(t), "tool", true); err != nil {
		t.Fatal(err)
	}
	if _, err := images.Collect(testContext(t), -1); err != nil {
		t.Fatal(err)
	}
	sound(t, images)
	usage := func() int64 {
		u, err := images.Usage(context.Background())
		must(t, err)
		return u.Total()
	}
	const program = 100 << 10 // less than the image's one program has
	if n := usage(); n < program {
		t.Errorf("%d bytes are left of an image that a sandbox uses", n)
	}
	own, err := sandbox.Adopt(testContext(t), st, s.ID())
	must(t, err)
	must(t, own.Close())
	if _, err := images.Collect(testContext(t), -1); err != nil {
		t.Fatal(err)
	}
	if n := usage(); n > program {
		t.Errorf("%d bytes are left of an image that nobody uses", n)
	}
	if _, err := st.Lookup(s.ID()); err == nil {
		t.Error("the record is left")
	}
}
