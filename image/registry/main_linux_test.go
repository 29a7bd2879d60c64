package registry

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sandkit/sandkit/image"
	"github.com/sandkit/sandkit/image/registry/registrytest"
	"github.com/sandkit/sandkit/image/store"
)

// helperEnv makes the test binary a program that pulls.
const helperEnv = "SANDKIT_REGISTRY_HELPER"

func TestMain(m *testing.M) {
	if os.Getenv(helperEnv) != "" {
		if err := helperPull(os.Args[1], os.Args[2]); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(3)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// helperPull pulls an image into a store, and tells how large it got.
func helperPull(dir, name string) error {
	ctx := context.Background()
	s, err := store.Open(dir, store.NoSync())
	if err != nil {
		return err
	}
	l, err := s.Lease(ctx)
	if err != nil {
		return err
	}
	r, err := image.ParseRef(name)
	if err != nil {
		return err
	}
	c, err := New(Options{Auth: NoAuth()})
	if err != nil {
		return err
	}
	img, err := c.Pull(ctx, l, r, PullOptions{})
	if err := errors.Join(err, l.Release()); err != nil {
		return err
	}
	if _, err := s.Image(ctx, name, image.Platform{}); err != nil {
		return err
	}
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return err
	}
	for line := range strings.Lines(string(status)) {
		if strings.HasPrefix(line, "VmHWM:") {
			fmt.Print(line)
		}
	}
	fmt.Println(img.ID())
	return nil
}

// server is a registry with faults in front.
type server struct {
	*registrytest.Registry
	http *httptest.Server
	host string

	mu     sync.Mutex
	faults []fault
}

// fault may answer a request in place of the registry; it tells whether it has.
type fault func(w http.ResponseWriter, req *http.Request) bool

// newServer starts a registry.
func newServer(t testing.TB) *server {
	t.Helper()
	s := &server{Registry: registrytest.New()}
	s.http = httptest.NewServer(s)
	s.host = strings.TrimPrefix(s.http.URL, "http://")
	t.Cleanup(s.http.Close)
	return s
}

// ServeHTTP lets the faults answer first.
func (s *server) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	s.mu.Lock()
	faults := s.faults
	s.mu.Unlock()
	for _, f := range faults {
		if f(w, req) {
			return
		}
	}
	s.Registry.ServeHTTP(w, req)
}

// fault adds a fault.
func (s *server) fault(f fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = append(s.faults, f)
}

// heal takes all faults away.
func (s *server) heal() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = nil
}

// on is a fault for the first so many requests with a method and a part of the
// path; -1 is all.
func on(method, part string, times int, f http.HandlerFunc) fault {
	var mu sync.Mutex
	return func(w http.ResponseWriter, req *http.Request) bool {
		mu.Lock()
		hit := times != 0 && req.Method == method && strings.Contains(req.URL.Path, part)
		if hit {
			times--
		}
		mu.Unlock()
		if hit {
			f(w, req)
		}
		return hit
	}
}

// status answers with a status.
func status(code int) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(code) }
}

// ref is the reference of an image in the registry.
func (s *server) ref(t testing.TB, name string) image.Ref { return ref(t, s.host+"/"+name) }

func ref(t testing.TB, name string) image.Ref {
	t.Helper()
	r, err := image.ParseRef(name)
	must(t, err)
	return r
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// newClient makes a client that does not wait long.
func newClient(t testing.TB, o Options) *Client {
	t.Helper()
	if o.Auth == nil {
		o.Auth = NoAuth()
	}
	c, err := New(o)
	must(t, err)
	c.firstPause = time.Millisecond
	t.Cleanup(c.CloseIdle)
	return c
}

func newStore(t testing.TB) *store.Store {
	t.Helper()
	s, err := store.Open(filepath.Join(t.TempDir(), "store"), store.NoSync())
	must(t, err)
	return s
}

// pull pulls under a lease of its own.
func pull(t testing.TB, c *Client, s *store.Store, r image.Ref, o PullOptions) (image.Image, error) {
	t.Helper()
	l, err := s.Lease(t.Context())
	must(t, err)
	defer func() { must(t, l.Release()) }()
	return c.Pull(t.Context(), l, r, o)
}

// sound checks that a store has nothing wrong and all layers of an image.
func sound(t testing.TB, s *store.Store, names ...string) {
	t.Helper()
	problems, err := s.Verify(t.Context(), false)
	if err != nil || len(problems) > 0 {
		t.Errorf("Verify: %v, %v", problems, err)
	}
	for _, name := range names {
		img, err := s.Image(t.Context(), name, image.Platform{})
		must(t, err)
		for _, l := range img.Layers() {
			if ok, err := s.Has(l.Descriptor().Digest); !ok || err != nil {
				t.Errorf("%s: layer %s is not there, %v", name, l.Descriptor().Digest, err)
			}
		}
	}
}

// empty checks that a store has no image.
func empty(t testing.TB, s *store.Store) {
	t.Helper()
	all, err := s.List(t.Context())
	if err != nil || len(all) > 0 {
		t.Errorf("%d images, %v", len(all), err)
	}
}

// tarOf makes a layer of one file of that size, which does not compress.
func tarOf(t testing.TB, name string, size int) []byte {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	must(t, w.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: name, Size: int64(size), Mode: 0o644}))
	_, err := io.CopyN(w, noise(name), int64(size))
	must(t, err)
	must(t, w.Close())
	return b.Bytes()
}

// noise is the same endless stream for the same name.
func noise(name string) io.Reader {
	var seed [32]byte
	copy(seed[:], name)
	return rand.NewChaCha8(seed)
}

func gzipped(t testing.TB, b []byte) []byte {
	t.Helper()
	var out bytes.Buffer
	w := gzip.NewWriter(&out)
	_, err := w.Write(b)
	must(t, err)
	must(t, w.Close())
	return out.Bytes()
}

// filled adds an image with a packed and a plain layer.
func filled(t testing.TB, s *server) {
	t.Helper()
	s.AddImage("team/app", "1", registrytest.Image{Layers: [][]byte{gzipped(t, tarOf(t, "base", 3<<20)), tarOf(t, "top", 100)}})
}
