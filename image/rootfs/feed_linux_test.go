package rootfs

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/sandkit/sandkit/image"
	"github.com/sandkit/sandkit/image/store"
	"github.com/sandkit/sandkit/internal/testutil"
)

// elsewhere is an image whose layers are in no store.
func elsewhere(tb testing.TB, layers ...items) (img image.Image, blobs map[image.Digest][]byte) {
	tb.Helper()
	from := newStore(tb)
	img = addImage(tb, from, "a", layers...)
	blobs = make(map[image.Digest][]byte)
	for _, l := range img.Layers() {
		b, err := image.ReadAll(tb.Context(), from, l.Descriptor(), 1<<20)
		must(tb, err)
		blobs[l.Descriptor().Digest] = b
	}
	_, err := from.Remove(tb.Context(), "a", true)
	must(tb, err)
	_, err = from.Collect(tb.Context(), -1)
	must(tb, err)
	return img, blobs
}

// TestFeed: layers come in any order, all at once, and are nowhere else.
func TestFeed(t *testing.T) {
	layers := []items{base, {file("lib/x", ""), gone("tmp")}, {dir("opt")}, {dir("etc"), gone("etc/group")}}
	eachBackend(t, func(t *testing.T, o Options) {
		img, blobs := elsewhere(t, layers...)
		s := newStore(t, o)
		lease := newLease(t, s)
		testutil.Unchanged(t)
		u, err := Begin(t.Context(), lease, img, o)
		must(t, err)
		var workers sync.WaitGroup
		for _, l := range slices.Backward(img.Layers()) {
			workers.Go(func() {
				if err := u.Feed(t.Context(), l, bytes.NewReader(blobs[l.Descriptor().Digest])); err != nil {
					t.Error(err)
				}
			})
		}
		workers.Wait()
		stack, err := u.Finish(t.Context())
		must(t, err)
		right(t, stack, layers...)
		must(t, u.Close())
		must(t, u.Close())
		nothingPartial(t, s)
		right(t, stack, layers...)

		// Now nothing is to be read.
		u, err = Begin(t.Context(), lease, img, o)
		must(t, err)
		for _, l := range img.Layers() {
			must(t, u.Feed(t.Context(), l, unread{t}))
		}
		again, err := u.Finish(t.Context())
		if err != nil || fmt.Sprint(again) != fmt.Sprint(stack) {
			t.Errorf("%v, %v", again, err)
		}
		must(t, u.Close())
	})
}

// unread is not to be read.
type unread struct{ t *testing.T }

func (r unread) Read([]byte) (int, error) {
	r.t.Error("read what is not needed")
	return 0, io.EOF
}

// TestFeedErrors: a layer that came wrong can come again, or from elsewhere.
func TestFeedErrors(t *testing.T) {
	eachBackend(t, func(t *testing.T, o Options) {
		img, blobs := elsewhere(t, base, items{file("etc/x", "")})
		s := newStore(t, o)
		u, err := Begin(t.Context(), newLease(t, s), img, o)
		must(t, err)
		l := img.Layers()[0]
		d := l.Descriptor().Digest
		blob := blobs[d]
		named(t, u.Feed(t.Context(), l, bytes.NewReader(append(slices.Clone(blob[:len(blob)-1]), 'x'))), image.ErrCorrupt, d)
		named(t, u.Feed(t.Context(), l, bytes.NewReader(blob[:100])), image.ErrCorrupt, d)
		named(t, u.Feed(t.Context(), l, io.MultiReader(bytes.NewReader(blob[:100]), failing{})), errStop, d)
		other, _ := elsewhere(t, items{file("other", "")})
		named(t, u.Feed(t.Context(), other.Layers()[0], unread{t}), image.ErrNotFound, other.Layers()[0].Descriptor().Digest)
		nothingPartial(t, s)
		must(t, u.Feed(t.Context(), l, bytes.NewReader(blob)))
		// The other one is nowhere.
		_, err = u.Finish(t.Context())
		named(t, err, image.ErrNotFound, img.Layers()[1].Descriptor().Digest)
		must(t, u.Close())
		nothingPartial(t, s)
	})
}

type failing struct{}

func (failing) Read([]byte) (int, error) { return 0, errStop }

// TestCloseWhileFed: a call that is under way ends, and cleans up.
func TestCloseWhileFed(t *testing.T) {
	eachBackend(t, func(t *testing.T, o Options) {
		img, blobs := elsewhere(t, items{file("a/b", "")})
		s := newStore(t, o)
		lease := newLease(t, s)
		testutil.Unchanged(t)
		u, err := Begin(t.Context(), lease, img, o)
		must(t, err)
		l := img.Layers()[0]
		r, w := io.Pipe()
		result := make(chan error)
		go func() { result <- u.Feed(t.Context(), l, r) }()
		_, err = w.Write(blobs[l.Descriptor().Digest][:10])
		must(t, err)
		must(t, u.Close())
		go func() {
			_, _ = w.Write(blobs[l.Descriptor().Digest][10:])
			_ = w.Close()
		}()
		if err := <-result; !errors.Is(err, store.ErrReleased) {
			t.Errorf("%v", err)
		}
		must(t, r.Close())
		nothingPartial(t, s)
		if err := u.Feed(t.Context(), l, unread{t}); !errors.Is(err, store.ErrReleased) {
			t.Errorf("after Close: %v", err)
		}
		must(t, (*Unpacker)(nil).Close())
	})
}

// TestBusy: a layer that somebody else unpacks is not read; Finish waits for
// it, and does it when the other one gives up.
func TestBusy(t *testing.T) {
	eachBackend(t, func(t *testing.T, o Options) {
		s := newStore(t, o)
		layers := []items{base, {file("lib/x", ""), gone("tmp")}, {gone("etc/group")}}
		img := addImage(t, s, "a", layers...)
		u, err := Begin(t.Context(), newLease(t, s), img, o)
		must(t, err)
		other := newLease(t, s)
		busy, err := other.Unpack(t.Context(), u.form.free(img.Layers()[1].DiffID()))
		must(t, err)
		must(t, u.Feed(t.Context(), img.Layers()[1], unread{t}))
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
		defer cancel()
		if _, err := u.Finish(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%v", err)
		}
		must(t, u.Close())
		result := make(chan *Stack)
		go func() {
			stack, err := Unpack(t.Context(), other, img, o)
			if err != nil {
				t.Error(err)
			}
			result <- stack
		}()
		must(t, busy.Close())
		right(t, <-result, layers...)
		nothingPartial(t, s)
	})
}

// TestNoDeadlock: two images have the same open layers in different order.
func TestNoDeadlock(t *testing.T) {
	a, b := items{file("lib/a", ""), gone("x")}, items{file("lib/b", ""), gone("y")}
	eachBackend(t, func(t *testing.T, o Options) {
		for range 10 {
			s := newStore(t, o)
			lists := [][]items{{base, a, b}, {base, b, a}, {a, b}, {b, a}}
			var workers sync.WaitGroup
			all := make([]*Stack, len(lists))
			for i, layers := range lists {
				img, lease := addImage(t, s, fmt.Sprint("i", i), layers...), newLease(t, s)
				workers.Go(func() {
					var err error
					if all[i], err = Unpack(t.Context(), lease, img, o); err != nil {
						t.Error(err)
					}
				})
			}
			workers.Wait()
			for i, layers := range lists {
				right(t, all[i], layers...)
			}
			nothingPartial(t, s)
		}
	})
}

// TestProgress: each layer is told of, from its beginning to its end, once.
func TestProgress(t *testing.T) {
	s := newStore(t)
	img := addImage(t, s, "a", base, items{dir("a")}, items{file("lib/x", "")})
	var mu sync.Mutex
	seen := make(map[image.Digest][]image.Progress)
	o := Options{Progress: func(p image.Progress) {
		mu.Lock()
		defer mu.Unlock()
		seen[p.Digest] = append(seen[p.Digest], p)
	}}
	unpack(t, s, img, o)
	for _, l := range img.Layers() {
		d := l.Descriptor()
		all := seen[d.Digest]
		if len(all) < 2 || all[0].Bytes != 0 || all[len(all)-1].Bytes != d.Size {
			t.Errorf("%v", all)
		}
		for _, p := range all {
			if p.Phase != image.PhaseUnpack || p.Total != d.Size {
				t.Errorf("%v", p)
			}
		}
	}
	seen = make(map[image.Digest][]image.Progress)
	unpack(t, s, img, o)
	if len(seen) > 0 {
		t.Errorf("nothing was to be done: %v", seen)
	}
}
