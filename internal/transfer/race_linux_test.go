package transfer

import (
	"bytes"
	"errors"
	"fmt"
	iofs "io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"testing/fstest"

	"github.com/sandkit/sandkit/internal/testutil"
)

// while runs f in a loop until the test ends.
func while(t *testing.T, f func()) {
	t.Helper()
	stop, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		for {
			select {
			case <-stop:
				return
			default:
				f()
			}
		}
	}()
	t.Cleanup(func() { close(stop); <-done })
}

func rounds() int {
	if testing.Short() {
		return 100
	}
	return 500
}

// outside makes a directory beside the root that must stay as it is.
func outside(t *testing.T, dir string) string {
	t.Helper()
	at := filepath.Join(filepath.Dir(dir), "outside")
	testutil.Tree(t, at, "file f outside", "dir d", "file d/x outside", "dir d/e", "dir e")
	before := list(t, at)
	info := must(os.Stat(at))
	t.Cleanup(func() {
		if after := list(t, at); after != before {
			t.Errorf("outside there is\n%sinstead of\n%s", after, before)
		}
		if now := must(os.Stat(at)); now.Mode() != info.Mode() || !now.ModTime().Equal(info.ModTime()) {
			t.Errorf("the outside itself was changed: %v, %v", now, info)
		}
	})
	return at
}

// swap makes something inside a link to somewhere else, and itself again. It
// can do only what a program inside can.
func swap(t *testing.T, dir, at, aside string, targets ...string) {
	t.Helper()
	r, err := os.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Close() })
	n := 0
	while(t, func() {
		_ = r.Rename(at, aside)
		_ = r.Symlink(targets[n%len(targets)], at)
		_ = r.Remove(at)
		_ = r.Rename(aside, at)
		n++
	})
}

// TestRacingCopyIn: the destination, and what is below it, become links to the
// outside and back again all the time.
func TestRacingCopyIn(t *testing.T) {
	testutil.Unchanged(t)
	dir, root := newRoot(t, "dir in/d/e", "dir etc")
	out := outside(t, dir)
	for at, up := range map[string]string{"in": "..", "in/d": "../..", "in/d/e": "../../.."} {
		swap(t, dir, at, "aside-"+strings.ReplaceAll(at, "/", "-"), up+"/outside", out, "/etc", "/proc/self/cwd")
	}
	failed, worked := 0, 0
	for range rounds() {
		err := CopyIn(t.Context(), root, "/in", sample(), CopyOptions{IDs: own()})
		if err == nil {
			worked++
			continue
		}
		failed++
		if !known(err) {
			t.Fatalf("%v", err)
		}
	}
	t.Logf("%d copies worked, %d failed", worked, failed)
}

// known tells whether an error is one that a race explains.
func known(err error) bool {
	for _, k := range []error{
		ErrConflict, ErrChanged, ErrNoDirectory, iofs.ErrNotExist, syscall.ENOTDIR, syscall.ELOOP, iofs.ErrExist, syscall.EISDIR,
		ErrCopyDirectory, ErrNotDirectory, iofs.ErrPermission, syscall.EAGAIN,
	} {
		if errors.Is(err, k) {
			return true
		}
	}
	return false
}

// TestRacingNames: a program exchanges the very names that are written.
func TestRacingNames(t *testing.T) {
	testutil.Unchanged(t)
	dir, root := newRoot(t, "dir in")
	out := outside(t, dir)
	in := filepath.Join(dir, "in")
	while(t, func() {
		names, _ := os.ReadDir(in)
		for _, n := range names {
			p := filepath.Join(in, n.Name())
			_ = os.RemoveAll(p)
			_ = os.Symlink(out+"/f", p)
			_ = os.Remove(p)
			_ = os.Symlink(out, p)
		}
	})
	for range rounds() {
		if err := CopyIn(t.Context(), root, "/in", sample(), CopyOptions{IDs: own()}); err != nil && !known(err) {
			t.Fatalf("%v", err)
		}
	}
}

// TestNeverHalf: whoever reads a file that is replaced sees all of the old or
// all of the new.
func TestNeverHalf(t *testing.T) {
	testutil.Unchanged(t)
	dir, root := newRoot(t, "file f "+strings.Repeat("0", 200000))
	n := 0
	while(t, func() {
		b, err := os.ReadFile(filepath.Join(dir, "f"))
		if err != nil || len(b) != 200000 || bytes.Count(b, b[:1]) != len(b) {
			t.Errorf("read %d bytes, %v", len(b), err)
		}
	})
	for range min(rounds(), 300) {
		n++
		src := fstest.MapFS{"f": {Data: bytes.Repeat([]byte{byte('0' + n%10)}, 200000), Mode: 0o644}}
		if err := CopyIn(t.Context(), root, "/", src, CopyOptions{IDs: own()}); err != nil {
			t.Fatal(err)
		}
	}
}

// TestRacingCopyOut: a tar, a directory of the host and the view never have
// anything of the outside.
func TestRacingCopyOut(t *testing.T) {
	testutil.Unchanged(t)
	dir, root := newRoot(t, "file d/f inside", "file d/x inside", "file d/e/f inside")
	out := outside(t, dir)
	swap(t, dir, "d", "aside1", out, "../outside")
	swap(t, dir, "d/e", "aside2", out, "../../outside")
	swap(t, dir, "d/f", "aside3", out+"/f", "../../outside/f")
	view := NewFS(root, IDs{})
	host := t.TempDir()
	for n := range rounds() / 3 {
		var b bytes.Buffer
		if err := CopyOut(t.Context(), root, "/", &b, OutOptions{}); err != nil {
			if !known(err) {
				t.Fatalf("copy out: %v", err)
			}
			b.Reset() // it ends in the middle
		}
		for _, e := range entries(t, &b) {
			if strings.HasSuffix(e, " outside") {
				t.Fatalf("the tar has something of the outside: %q", e)
			}
		}
		to := filepath.Join(host, fmt.Sprint(n))
		if err := CopyOutTo(t.Context(), root, "d", to, OutOptions{}); err != nil && !known(err) {
			t.Fatalf("copy out: %v", err)
		}
		for _, p := range []string{"d/f", "d/e/f", "d/x"} {
			if b, err := view.ReadFile(p); err == nil && string(b) != "inside" || err != nil && !known(err) {
				t.Fatalf("%s: %q, %v", p, b, err)
			}
		}
	}
	if err := filepath.WalkDir(host, func(p string, d iofs.DirEntry, err error) error {
		if err == nil && d.Type().IsRegular() && string(must(os.ReadFile(p))) != "inside" {
			t.Errorf("%s has something of the outside", p)
		}
		return err
	}); err != nil {
		t.Fatal(err)
	}
}
