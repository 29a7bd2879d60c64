package registry

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"strconv"
	"sync"
	"testing"

	"github.com/sandkit/sandkit/image"
	"github.com/sandkit/sandkit/image/registry/registrytest"
	"github.com/sandkit/sandkit/image/store"
)

// consumer notes what it is fed.
type consumer struct {
	most int // bytes that it reads of a layer; -1 is all
	err  error

	mu    sync.Mutex
	got   map[image.Digest][]byte
	ended map[image.Digest]error
	now   int
	peak  int
}

func (c *consumer) make(context.Context, *store.Lease, image.Image) (Consumer, error) { return c, nil }

// Feed reads a layer.
func (c *consumer) Feed(_ context.Context, l image.Layer, r io.Reader) error {
	c.mu.Lock()
	c.now++
	c.peak = max(c.peak, c.now)
	c.mu.Unlock()
	if c.most >= 0 {
		r = io.LimitReader(r, int64(c.most))
	}
	b, err := io.ReadAll(r)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now--
	if c.got == nil {
		c.got, c.ended = make(map[image.Digest][]byte), make(map[image.Digest]error)
	}
	c.got[l.Descriptor().Digest], c.ended[l.Descriptor().Digest] = b, err
	return errors.Join(err, c.err)
}

// TestConsumer: layers are handed over while they are downloaded, from their
// beginning.
func TestConsumer(t *testing.T) {
	noLeaks(t)
	s := newServer(t)
	var layers [][]byte
	for i := range 6 {
		layers = append(layers, tarOf(t, strconv.Itoa(i), 300<<10))
	}
	layers = append(layers, layers[0])
	s.AddImage("app", "latest", registrytest.Image{Layers: layers})
	path := "/blobs/" + string(image.Describe("", layers[2]).Digest)
	t.Run("all of it", func(t *testing.T) {
		s.fault(on("GET", path, 2, cut(layers[2], 100<<10)))
		fed, to := &consumer{most: -1}, newStore(t)
		c := newClient(t, Options{Concurrency: 2})
		_, err := pull(t, c, to, s.ref(t, "app"), PullOptions{Consumer: fed.make})
		must(t, err)
		for i, l := range layers {
			if !bytes.Equal(fed.got[image.Describe("", l).Digest], l) {
				t.Errorf("layer %d: fed %d bytes", i, len(fed.got[image.Describe("", l).Digest]))
			}
		}
		if fed.peak > 2 {
			t.Errorf("%d at once", fed.peak)
		}
		again := &consumer{most: -1}
		_, err = pull(t, c, to, s.ref(t, "app"), PullOptions{Consumer: again.make})
		if err != nil || len(again.got) > 0 {
			t.Errorf("fed %d layers that are there, %v", len(again.got), err)
		}
	})
	t.Run("a later pull", func(t *testing.T) {
		s.fault(on("GET", path, 1, cut(layers[2], 200<<10)))
		to := newStore(t)
		_, err := pull(t, newClient(t, Options{Retries: -1, Concurrency: 1}), to, s.ref(t, "app"), PullOptions{})
		if err == nil {
			t.Fatal("no error")
		}
		fed := &consumer{most: -1}
		_, err = pull(t, newClient(t, Options{}), to, s.ref(t, "app"), PullOptions{Consumer: fed.make})
		if err != nil || !bytes.Equal(fed.got[image.Describe("", layers[2]).Digest], layers[2]) || len(fed.got) != 4 {
			t.Errorf("fed %d layers, %v", len(fed.got), err)
		}
	})
	t.Run("a part", func(t *testing.T) {
		for _, most := range []int{0, 1, 100 << 10} {
			to := newStore(t)
			_, err := pull(t, newClient(t, Options{}), to, s.ref(t, "app"), PullOptions{Consumer: (&consumer{most: most}).make})
			must(t, err)
			sound(t, to, s.host+"/app")
		}
	})
	t.Run("an error", func(t *testing.T) {
		for _, most := range []int{0, 1, -1} {
			want := errors.New("no room")
			to := newStore(t)
			_, err := pull(t, newClient(t, Options{}), to, s.ref(t, "app"), PullOptions{Consumer: (&consumer{most: most, err: want}).make})
			var e *image.Error
			if !errors.Is(err, want) || !errors.As(err, &e) || e.Layer == "" {
				t.Errorf("%v", err)
			}
			empty(t, to)
		}
	})
	t.Run("damage", func(t *testing.T) {
		wrong := bytes.Clone(layers[2])
		wrong[len(wrong)-1] ^= 1
		s.fault(on("GET", path, -1, func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(wrong) }))
		defer s.heal()
		fed := &consumer{most: -1}
		_, err := pull(t, newClient(t, Options{}), newStore(t), s.ref(t, "app"), PullOptions{Consumer: fed.make})
		if ended := fed.ended[image.Describe("", layers[2]).Digest]; !errors.Is(err, image.ErrCorrupt) || !errors.Is(ended, image.ErrCorrupt) {
			t.Errorf("pull: %v, fed until %v", err, ended)
		}
	})
}
