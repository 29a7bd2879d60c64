package rootfs

import (
	"context"
	"errors"
	"os"
	"sync/atomic"
	"testing"

	"github.com/sandkit/sandkit/image"
	"github.com/sandkit/sandkit/image/store"
	"github.com/sandkit/sandkit/internal/testutil"
)

// corrupt changes a byte of a blob.
func corrupt(tb testing.TB, s *store.Store, d image.Descriptor, i int) {
	tb.Helper()
	path := s.Dir() + "/blobs/sha256/" + d.Digest.Encoded()
	must(tb, os.Chmod(path, 0o600))
	b, err := os.ReadFile(path)
	must(tb, err)
	if len(b) > 0 {
		b[(17+i)%len(b)] ^= 1
	}
	must(tb, os.WriteFile(path, b, 0o600))
}

// TestCorrupt: a layer that is not what it should be is never used, and what it
// leaves is nothing.
func TestCorrupt(t *testing.T) {
	eachBackend(t, func(t *testing.T, o Options) {
		for n := range 2 {
			s := newStore(t, o)
			top := items{file("etc/x", ""), gone("tmp")}
			img := addImage(t, s, "a", base, top)
			d := img.Layers()[n].Descriptor()
			good, err := os.ReadFile(s.Dir() + "/blobs/sha256/" + d.Digest.Encoded())
			must(t, err)
			corrupt(t, s, d, 0)
			lease := newLease(t, s)
			testutil.Unchanged(t)
			_, err = Unpack(t.Context(), lease, img, o)
			named(t, err, image.ErrCorrupt, d.Digest)
			nothingPartial(t, s)
			must(t, os.WriteFile(s.Dir()+"/blobs/sha256/"+d.Digest.Encoded(), good, 0o600))
			right(t, unpack(t, s, img, o), base, top)
		}
	})
}

// named checks that an error is what it should be, and names the layer.
func named(tb testing.TB, err, want error, layer image.Digest) {
	tb.Helper()
	e, ok := errors.AsType[*image.Error](err)
	if !errors.Is(err, want) || !ok || e.Layer != layer || e.Image == "" && e.Op == "unpack" {
		tb.Errorf("%v, want %v of layer %s", err, want, layer)
	}
}

// TestWrongDiffID: the configuration may lie about a layer's tar.
func TestWrongDiffID(t *testing.T) {
	s := newStore(t)
	img := addImage(t, s, "a", base)
	wrong := lying{img, image.Describe("", []byte("something else")).Digest}
	_, err := Unpack(t.Context(), newLease(t, s), wrong, Options{})
	named(t, err, image.ErrCorrupt, img.Layers()[0].Descriptor().Digest)
	if got := keys(t, s); len(got) != 0 {
		t.Errorf("kept: %v", got)
	}
}

// lying is an image that says a wrong diffID.
type lying struct {
	image.Image
	diffID image.Digest
}

func (l lying) Layers() []image.Layer {
	return []image.Layer{lyingLayer{l.Image.Layers()[0], l.diffID}}
}

type lyingLayer struct {
	image.Layer
	diffID image.Digest
}

func (l lyingLayer) DiffID() image.Digest { return l.diffID }

func TestLimits(t *testing.T) {
	eachBackend(t, func(t *testing.T, o Options) {
		s := newStore(t, o)
		img := addImage(t, s, "a", base, items{file("a", ""), file("b", ""), gone("lib")})
		o.Limits.Entries = int64(len(base)) - 1
		_, err := Unpack(t.Context(), newLease(t, s), img, o)
		named(t, err, image.ErrTooLarge, img.Layers()[0].Descriptor().Digest)
		nothingPartial(t, s)
	})
}

// TestMissing: a blob that is nowhere.
func TestMissing(t *testing.T) {
	s := newStore(t)
	img := addImage(t, s, "a", base, items{file("a", "")})
	d := img.Layers()[1].Descriptor()
	must(t, os.Remove(s.Dir()+"/blobs/sha256/"+d.Digest.Encoded()))
	_, err := Unpack(t.Context(), newLease(t, s), img, Options{})
	named(t, err, image.ErrNotFound, d.Digest)
	nothingPartial(t, s)
}

// TestCancelled: at each step, the context ends.
func TestCancelled(t *testing.T) {
	layers := []items{base, {file("lib/x", ""), gone("tmp")}, {dir("etc"), gone("etc/group")}, {file("lib/x", "x"), dir("lib")}}
	eachBackend(t, func(t *testing.T, o Options) {
		steps := 0
		for done := false; !done; steps++ {
			s := newStore(t, o)
			img := addImage(t, s, "a", layers...)
			lease := newLease(t, s)
			ctx, cancel := context.WithCancelCause(t.Context())
			var n atomic.Int64
			o.fault = func(string) error {
				if n.Add(1) == int64(steps)+1 {
					cancel(errStop)
				}
				return nil
			}
			_, err := Unpack(ctx, lease, img, o)
			done = n.Load() <= int64(steps)
			if err == nil && !done && ctx.Err() == nil || err != nil && (done || !errors.Is(err, errStop)) {
				t.Errorf("step %d: %v", steps, err)
			}
			nothingPartial(t, s)
			o.fault = nil
			right(t, unpack(t, s, img, o), layers...)
			cancel(nil)
		}
		if steps < 10 {
			t.Errorf("only %d steps", steps)
		}
	})
}

var errStop = errors.New("stopped by the test")

// TestEveryStepFails: the error is told, nothing is left, and the next attempt
// succeeds.
func TestEveryStepFails(t *testing.T) {
	layers := []items{base, {file("lib/x", ""), gone("tmp")}, {dir("etc"), gone("etc/group")}, {file("lib/x", "x"), dir("lib")}}
	eachBackend(t, func(t *testing.T, o Options) {
		steps := 0
		for done := false; !done; steps++ {
			s := newStore(t, o)
			img := addImage(t, s, "a", layers...)
			var n atomic.Int64
			o.fault = func(string) error {
				if n.Add(1) == int64(steps)+1 {
					return errStop
				}
				return nil
			}
			_, err := Unpack(t.Context(), newLease(t, s), img, o)
			done = n.Load() <= int64(steps)
			if done != (err == nil) || err != nil && !errors.Is(err, errStop) {
				t.Errorf("step %d: %v", steps, err)
			}
			nothingPartial(t, s)
			o.fault = nil
			right(t, unpack(t, s, img, o), layers...)
		}
	})
}
