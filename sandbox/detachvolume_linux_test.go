package sandbox_test

import (
	"errors"
	"syscall"
	"testing"

	"github.com/sandkit/sandkit/fs"
	"github.com/sandkit/sandkit/internal/testutil"
	"github.com/sandkit/sandkit/sandbox"
	"github.com/sandkit/sandkit/sandbox/volume"
)

// TestDetachedVolumes: a volume is in use for as long as a detached sandbox lives,
// also when another program adopts it, and anonymous ones are collected then.
func TestDetachedVolumes(t *testing.T) {
	testutil.Unchanged(t)
	ctx := testContext(t)
	st := openStore(t)
	vols, err := st.Volumes()
	must(t, err)
	s, _ := detached(t, st, "echo kept > /data/f; sleep 1000", sandbox.WithMount(fs.Volume("data", "/data")), sandbox.WithMount(fs.Anonymous("/tmp/a")))
	inUse := func(when string) {
		t.Helper()
		if err := vols.Remove(ctx, "data", volume.RemoveOptions{}); !errors.Is(err, volume.ErrInUse) {
			t.Errorf("%s: %v", when, err)
		}
		if _, err := vols.Collect(ctx); err != nil {
			t.Error(err)
		}
		if all, err := vols.List(ctx); err != nil || len(all) != 2 {
			t.Errorf("%s: %v, %v", when, all, err)
		}
	}
	inUse("detached")
	o := open(t, st, s)
	if _, err := o.Dial(ctx, "tcp", "127.0.0.1:1"); !errors.Is(err, sandbox.ErrNotSupported) { // and the connection to the monitor stays
		t.Error(err)
	}
	if _, err := o.Listen("tcp", "127.0.0.1:1"); !errors.Is(err, sandbox.ErrNotSupported) {
		t.Error(err)
	}
	own, err := sandbox.Adopt(ctx, st, s.ID())
	must(t, err)
	inUse("adopted")
	if _, err := own.Dial(ctx, "tcp", "127.0.0.1:1"); !errors.Is(err, syscall.ECONNREFUSED) {
		t.Error(err)
	}
	must(t, own.Detach(ctx))
	inUse("detached again")
	o = open(t, st, s)
	must(t, o.Kill())
	if code := exitCode(t, o); code != -1 {
		t.Errorf("exit code %d", code)
	}
	must(t, own.Close())
	must(t, o.Remove(ctx))
	if _, err := st.Collect(ctx, nil); err != nil {
		t.Error(err)
	}
	if all, err := vols.List(ctx); err != nil || len(all) != 1 || all[0].Name != "data" {
		t.Errorf("afterwards: %v, %v", all, err)
	}
	must(t, vols.Remove(ctx, "data", volume.RemoveOptions{}))
}
