package registry

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/sandkit/sandkit/image"
	"github.com/sandkit/sandkit/image/registry/registrytest"
	"github.com/sandkit/sandkit/image/store"
	"github.com/sandkit/sandkit/internal/testutil"
)

// one adds an image of one layer and gives the layer.
func one(t testing.TB, s *server, size int) (content []byte, path string) {
	t.Helper()
	content = tarOf(t, "layer", size)
	s.AddImage("app", "latest", registrytest.Image{Layers: [][]byte{content}})
	return content, "/blobs/" + string(image.Describe("", content).Digest)
}

// cut sends so many bytes of what is asked for, and then closes the
// connection.
func cut(content []byte, after int) http.HandlerFunc {
	return func(w http.ResponseWriter, req *http.Request) {
		from := rangeStart(req)
		w.Header().Set("Content-Length", strconv.Itoa(len(content)-from))
		if from > 0 {
			w.Header().Set("Content-Range", fmt.Sprintf("bytes %d-%d/%d", from, len(content)-1, len(content)))
			w.WriteHeader(http.StatusPartialContent)
		}
		_, _ = w.Write(content[from:min(from+after, len(content))])
	}
}

func rangeStart(req *http.Request) int {
	var from int
	if _, err := fmt.Sscanf(req.Header.Get("Range"), "bytes=%d-", &from); err != nil {
		return 0
	}
	return from
}

// sent counts the bytes of a blob that were sent.
func sent(s *server, path string) *atomic.Int64 {
	n := new(atomic.Int64)
	s.fault(func(w http.ResponseWriter, req *http.Request) bool {
		if req.Method == http.MethodGet && strings.Contains(req.URL.Path, path) {
			s.Registry.ServeHTTP(&countingWriter{w, n}, req)
			return true
		}
		return false
	})
	return n
}

type countingWriter struct {
	http.ResponseWriter
	n *atomic.Int64
}

func (c *countingWriter) Write(b []byte) (int, error) {
	n, err := c.ResponseWriter.Write(b)
	c.n.Add(int64(n))
	return n, err
}

// TestResume: a download that breaks goes on where it stopped, in the same pull
// and in a later one.
func TestResume(t *testing.T) {
	testutil.Unchanged(t)
	s := newServer(t)
	content, path := one(t, s, 3<<20)
	t.Run("same pull", func(t *testing.T) {
		s.fault(on("GET", path, 4, cut(content, 300<<10)))
		n := sent(s, path)
		to := newStore(t)
		_, err := pull(t, newClient(t, Options{}), to, s.ref(t, "app"), PullOptions{})
		must(t, err)
		if got := n.Load(); got == 0 || got > int64(len(content)-4*(200<<10)) {
			t.Errorf("%d of %d bytes were sent at the end", got, len(content))
		}
		sound(t, to, s.host+"/app")
		s.heal()
	})
	t.Run("later pull", func(t *testing.T) {
		s.fault(on("GET", path, 1, cut(content, 2<<20)))
		to := newStore(t)
		c := newClient(t, Options{Retries: -1})
		_, err := pull(t, c, to, s.ref(t, "app"), PullOptions{})
		if !errors.Is(err, image.ErrCorrupt) {
			t.Fatalf("%v", err)
		}
		empty(t, to)
		n := sent(s, path)
		var first atomic.Int64
		first.Store(-1)
		_, err = pull(t, c, to, s.ref(t, "app"), PullOptions{Progress: func(p image.Progress) {
			if strings.Contains(path, string(p.Digest)) {
				first.CompareAndSwap(-1, p.Bytes)
			}
		}})
		must(t, err)
		if got := n.Load(); got > int64(len(content)-(1<<20)) || first.Load() < 1<<20 {
			t.Errorf("%d of %d bytes were sent, progress began at %d", got, len(content), first.Load())
		}
		sound(t, to, s.host+"/app")
		s.heal()
	})
	t.Run("what is there is damaged", func(t *testing.T) {
		wrong := bytes.Clone(content)
		wrong[5] ^= 1
		s.fault(on("GET", path, 1, cut(wrong, 1<<20)))
		to := newStore(t)
		c := newClient(t, Options{Retries: -1})
		if _, err := pull(t, c, to, s.ref(t, "app"), PullOptions{}); err == nil {
			t.Fatal("no error")
		}
		_, err := pull(t, c, to, s.ref(t, "app"), PullOptions{})
		must(t, err)
		sound(t, to, s.host+"/app")
		s.heal()
	})
	t.Run("no ranges", func(t *testing.T) {
		s.fault(on("GET", path, 1, cut(content, 1<<20)))
		s.fault(on("GET", path, -1, func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(content) }))
		to := newStore(t)
		_, err := pull(t, newClient(t, Options{}), to, s.ref(t, "app"), PullOptions{})
		must(t, err)
		sound(t, to, s.host+"/app")
		s.heal()
	})
}

// TestRangeLies: a part of a blob that was not asked for is an error.
func TestRangeLies(t *testing.T) {
	s := newServer(t)
	content, path := one(t, s, 1<<20)
	half := len(content) / 2
	for name, lie := range map[string]struct {
		header string
		body   []byte
	}{
		"another part":    {fmt.Sprintf("bytes 0-%d/%d", half-1, len(content)), content[:half]},
		"no header":       {"", content[half:]},
		"garbage":         {"bytes lots", content[half:]},
		"another size":    {fmt.Sprintf("bytes %d-%d/%d", half, len(content)-1, len(content)+1), content[half:]},
		"beyond the end":  {fmt.Sprintf("bytes %d-%d/*", half, len(content)), append(bytes.Clone(content[half:]), 0)},
		"another length":  {fmt.Sprintf("bytes %d-%d/*", half, len(content)-1), content[half+1:]},
		"wrong direction": {fmt.Sprintf("bytes %d-%d/*", half, half-1), nil},
	} {
		s.fault(on("GET", path, 1, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", strconv.Itoa(len(content)))
			_, _ = w.Write(content[:half])
		}))
		s.fault(on("GET", path, -1, func(w http.ResponseWriter, _ *http.Request) {
			if lie.header != "" {
				w.Header().Set("Content-Range", lie.header)
			}
			w.Header().Set("Content-Length", strconv.Itoa(len(lie.body)))
			w.WriteHeader(http.StatusPartialContent)
			_, _ = w.Write(lie.body)
		}))
		to, c := newStore(t), newClient(t, Options{})
		_, err := pull(t, c, to, s.ref(t, "app"), PullOptions{})
		if !errors.Is(err, image.ErrCorrupt) {
			t.Errorf("%s: %v", name, err)
		}
		empty(t, to)
		s.heal()
		if _, err := pull(t, c, to, s.ref(t, "app"), PullOptions{}); err != nil {
			t.Errorf("%s: the next pull: %v", name, err)
		}
	}
}

// TestShortRanges: a registry may send less than it was asked for, if it says
// so.
func TestShortRanges(t *testing.T) {
	s := newServer(t)
	content, path := one(t, s, 1<<20)
	s.fault(on("GET", path, 1, cut(content, 1000)))
	s.fault(on("GET", path, -1, func(w http.ResponseWriter, req *http.Request) {
		from := rangeStart(req)
		to := min(from+200<<10, len(content))
		w.Header().Set("Content-Range", fmt.Sprintf("bytes %d-%d/%d", from, to-1, len(content)))
		w.WriteHeader(http.StatusPartialContent)
		_, _ = w.Write(content[from:to])
	}))
	to := newStore(t)
	_, err := pull(t, newClient(t, Options{Retries: 1}), to, s.ref(t, "app"), PullOptions{})
	must(t, err)
	sound(t, to, s.host+"/app")
}

// TestStall: a registry that hangs is given up, wherever it does.
func TestStall(t *testing.T) {
	s := newServer(t)
	content, path := one(t, s, 1<<20)
	hang := func(_ http.ResponseWriter, req *http.Request) { <-req.Context().Done() }
	for name, f := range map[string]fault{
		"at the manifest": on("HEAD", "/manifests/", -1, hang),
		"at the blob":     on("GET", path, -1, hang),
		"in the blob": on("GET", path, -1, func(w http.ResponseWriter, req *http.Request) {
			w.Header().Set("Content-Length", strconv.Itoa(len(content)))
			if rangeStart(req) == 0 {
				_, _ = w.Write(content[:1000])
				w.(http.Flusher).Flush()
			}
			hang(w, req)
		}),
	} {
		s.fault(f)
		to, c := newStore(t), newClient(t, Options{StallTimeout: 50 * time.Millisecond, Retries: 1})
		_, err := pull(t, c, to, s.ref(t, "app"), PullOptions{})
		var e *image.Error
		if !errors.Is(err, ErrStalled) || !errors.As(err, &e) {
			t.Errorf("%s: %v", name, err)
		}
		s.heal()
		c = newClient(t, Options{})
		if _, err := pull(t, c, to, s.ref(t, "app"), PullOptions{}); err != nil {
			t.Errorf("%s: the next pull: %v", name, err)
		}
	}
}

// TestStalledUpload: a registry that takes nothing, or does not answer.
func TestStalledUpload(t *testing.T) {
	s := newServer(t)
	s.NoMount = true
	one(t, s, 20<<20)
	c, to := newClient(t, Options{StallTimeout: 50 * time.Millisecond, Retries: -1}), newStore(t)
	_, err := pull(t, c, to, s.ref(t, "app"), PullOptions{})
	must(t, err)
	stop := make(chan struct{}) // a server does not see that a client goes while it reads nothing
	defer close(stop)
	for name, f := range map[string]fault{
		"takes nothing": on("PUT", "/blobs/uploads/", -1, func(http.ResponseWriter, *http.Request) { <-stop }),
		"no answer": on("PUT", "/blobs/uploads/", -1, func(_ http.ResponseWriter, req *http.Request) {
			_, _ = io.Copy(io.Discard, req.Body)
			<-stop
		}),
	} {
		s.fault(f)
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		_, err := c.Push(ctx, to, s.host+"/app", s.ref(t, "copy"), PushOptions{})
		if ctx.Err() != nil || !errors.Is(err, ErrStalled) {
			t.Errorf("%s: %v", name, err)
		}
		cancel()
		s.heal()
	}
}

// TestCancel: a pull ends with its context, and says so.
func TestCancel(t *testing.T) {
	testutil.Unchanged(t)
	s := newServer(t)
	content, path := one(t, s, 1<<20)
	begun := make(chan struct{})
	s.fault(on("GET", path, 1, func(w http.ResponseWriter, req *http.Request) {
		w.Header().Set("Content-Length", strconv.Itoa(len(content)))
		_, _ = w.Write(content[:100])
		w.(http.Flusher).Flush()
		close(begun)
		<-req.Context().Done()
	}))
	ctx, cancel := context.WithCancelCause(t.Context())
	go func() {
		<-begun
		cancel(errors.New("enough"))
	}()
	to := newStore(t)
	l, err := to.Lease(t.Context())
	must(t, err)
	defer func() { must(t, l.Release()) }()
	if _, err := newClient(t, Options{}).Pull(ctx, l, s.ref(t, "app"), PullOptions{}); err == nil || !strings.Contains(err.Error(), "enough") {
		t.Errorf("%v", err)
	}
	empty(t, to)
}

// TestRetry: what passes is waited for, as long as the registry asks.
func TestRetry(t *testing.T) {
	s := newServer(t)
	_, path := one(t, s, 1000)
	var mu sync.Mutex
	var at []time.Time
	s.fault(on("GET", path, 1, func(w http.ResponseWriter, _ *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		at = append(at, time.Now())
		w.Header().Set("Retry-After", "1")
		w.WriteHeader(http.StatusTooManyRequests)
	}))
	s.fault(on("GET", path, 3, func(w http.ResponseWriter, _ *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		at = append(at, time.Now())
		w.WriteHeader(http.StatusServiceUnavailable)
	}))
	s.fault(on("HEAD", "/manifests/", 2, status(http.StatusInternalServerError)))
	_, err := pull(t, newClient(t, Options{}), newStore(t), s.ref(t, "app"), PullOptions{})
	must(t, err)
	if len(at) != 4 || at[1].Sub(at[0]) < time.Second {
		t.Errorf("requests at %v", at)
	}
	s.fault(on("GET", path, -1, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Retry-After", "100000")
		w.WriteHeader(http.StatusTooManyRequests)
	}))
	var e *StatusError
	_, err = pull(t, newClient(t, Options{}), newStore(t), s.ref(t, "app"), PullOptions{})
	if !errors.As(err, &e) || e.Status != http.StatusTooManyRequests {
		t.Errorf("asked to wait a day: %v", err)
	}
	s.heal()
	s.fault(on("HEAD", "/manifests/", -1, status(http.StatusBadGateway)))
	_, err = pull(t, newClient(t, Options{}), newStore(t), s.ref(t, "app"), PullOptions{})
	if !errors.As(err, &e) || e.Status != http.StatusBadGateway || len(s.Requests("HEAD")) > 30 {
		t.Errorf("always 502: %v", err)
	}
}

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
	testutil.Unchanged(t)
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
