package registry

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/sandkit/sandkit/image"
	"github.com/sandkit/sandkit/image/registry/registrytest"
	"github.com/sandkit/sandkit/image/store"
	"github.com/sandkit/sandkit/internal/testutil"
)

// pulled gives a store with the image of filled, which came from s.
func pulled(t testing.TB, s *server) *store.Store {
	t.Helper()
	filled(t, s)
	to := newStore(t)
	_, err := pull(t, newClient(t, Options{}), to, s.ref(t, "team/app:1"), PullOptions{})
	must(t, err)
	return to
}

func TestPush(t *testing.T) {
	testutil.Unchanged(t)
	s, other := newServer(t), newServer(t)
	from := pulled(t, s)
	name := s.host + "/team/app:1"
	c := newClient(t, Options{})
	var mu sync.Mutex
	last := make(map[image.Digest]image.Progress)
	o := PushOptions{Progress: func(p image.Progress) {
		mu.Lock()
		defer mu.Unlock()
		last[p.Digest] = p
	}}
	want, err := from.Lookup(t.Context(), name)
	must(t, err)
	got, err := c.Push(t.Context(), from, name, other.ref(t, "copy:v2"), o)
	if err != nil || got.Digest != want.Target.Digest {
		t.Fatalf("%v, %v", got, err)
	}
	if d, ok := other.Tag("copy", "v2"); !ok || d != want.Target.Digest {
		t.Errorf("the tag means %s", d)
	}
	for d, p := range last {
		if p.Phase != image.PhaseDone || p.Bytes != p.Total {
			t.Errorf("%s: %+v", d, p)
		}
	}
	if len(last) != 4 {
		t.Errorf("progress of %d blobs", len(last))
	}
	order := append(other.Requests("PUT /v2/copy/blobs"), other.Requests("PUT /v2/copy/manifests")...)
	if all := other.Requests("PUT"); !slices.Equal(all, order) || len(all) != 4 {
		t.Errorf("order %q", all)
	}
	// Once more: nothing is sent but the manifest.
	before := len(other.Requests("POST"))
	_, err = c.Push(t.Context(), from, name, other.ref(t, "copy:v3"), o)
	if n := len(other.Requests("POST")) - before; err != nil || n > 0 {
		t.Errorf("%d uploads of what is there, %v", n, err)
	}
	// To another repository of the registry that it came from: mounted.
	_, err = c.Push(t.Context(), from, name, s.ref(t, "else/where"), o)
	if n := len(s.Requests("PUT /v2/else/where/blobs")); err != nil || n > 0 {
		t.Errorf("%d uploads of what can be mounted, %v", n, err)
	}
	// By digest, without a tag.
	r, err := other.ref(t, "bydigest").WithDigest(want.Target.Digest)
	must(t, err)
	_, err = c.Push(t.Context(), from, name, r, o)
	if _, ok := other.Blob("bydigest", want.Target.Digest); err != nil || !ok {
		t.Errorf("%v", err)
	}
	if _, tagged := other.Tag("bydigest", "latest"); tagged {
		t.Error("a push by digest made a tag")
	}
	r, err = other.ref(t, "bydigest").WithDigest(image.Describe("", nil).Digest)
	must(t, err)
	if _, err = c.Push(t.Context(), from, name, r, o); !errors.Is(err, image.ErrCorrupt) {
		t.Errorf("push as another digest: %v", err)
	}
	if u, err := from.Usage(t.Context()); err != nil || u.Reclaimable != 0 {
		t.Errorf("%d bytes left in the store, %v", u.Reclaimable, err)
	}
}

// TestPushFaults: an upload that breaks begins again; one that cannot work is
// an error with the layer, and nothing gets the tag.
func TestPushFaults(t *testing.T) {
	s := newServer(t)
	from := pulled(t, s)
	s.NoMount = true
	name := s.host + "/team/app:1"
	var e *image.Error
	for what, c := range map[string]struct {
		fault fault
		want  error // nil when it works in the end
	}{
		"breaks twice":  {on("PUT", "/blobs/uploads", 2, func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }), nil},
		"503":           {on("PUT", "/blobs/uploads", 2, status(http.StatusServiceUnavailable)), nil},
		"token expired": {on("PUT", "/blobs/uploads", 1, status(http.StatusUnauthorized)), nil},
		"429 at first":  {on("POST", "/blobs/uploads", 2, status(http.StatusTooManyRequests)), nil},
		"denied":        {on("POST", "/blobs/uploads", -1, status(http.StatusForbidden)), ErrDenied},
		"always 500":    {on("PUT", "/blobs/uploads", -1, status(http.StatusInternalServerError)), &StatusError{}},
		"no manifest":   {on("PUT", "/manifests/", -1, status(http.StatusForbidden)), ErrDenied},
		"to elsewhere": {on("POST", "/blobs/uploads", -1, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Location", "http://192.0.2.1/upload")
			w.WriteHeader(http.StatusAccepted)
		}), &image.Error{}},
	} {
		s.fault(c.fault)
		client := newClient(t, Options{})
		to := "to/" + strings.ReplaceAll(what, " ", "")
		_, err := client.Push(t.Context(), from, name, s.ref(t, to), PushOptions{MountFrom: []image.Ref{s.ref(t, "no/such")}})
		var status *StatusError
		switch {
		case c.want == nil && err != nil:
			t.Errorf("%s: %v", what, err)
		case c.want != nil && (!errors.As(err, &e) || e.Image != s.host+"/"+to+":latest"):
			t.Errorf("%s: %v", what, err)
		case errors.As(c.want, &status) && !errors.As(err, &status):
			t.Errorf("%s: %v", what, err)
		}
		if _, ok := s.Tag(to, "latest"); ok != (c.want == nil) {
			t.Errorf("%s: tagged is %v", what, ok)
		}
		s.heal()
	}
}

// TestPushDamaged: what is damaged in the store is not pushed.
func TestPushDamaged(t *testing.T) {
	s, other := newServer(t), newServer(t)
	from := pulled(t, s)
	img, err := from.Image(t.Context(), s.host+"/team/app:1", image.Platform{})
	must(t, err)
	d := img.Layers()[0].Descriptor()
	path := filepath.Join(from.Dir(), "blobs", "sha256", d.Digest.Encoded())
	must(t, os.Chmod(path, 0o600))
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	must(t, err)
	_, err = f.WriteAt([]byte("XXXX"), 1000)
	must(t, errors.Join(err, f.Close()))
	_, err = newClient(t, Options{}).Push(t.Context(), from, s.host+"/team/app:1", other.ref(t, "x"), PushOptions{})
	var e *image.Error
	if !errors.Is(err, image.ErrCorrupt) || !errors.As(err, &e) || e.Layer != d.Digest {
		t.Errorf("%v", err)
	}
	must(t, os.Remove(path))
	_, err = newClient(t, Options{}).Push(t.Context(), from, s.host+"/team/app:1", other.ref(t, "x"), PushOptions{})
	if !errors.Is(err, image.ErrNotFound) || !errors.As(err, &e) || e.Layer != d.Digest {
		t.Errorf("layer is lost: %v", err)
	}
	if _, ok := other.Tag("x", "latest"); ok {
		t.Error("tagged")
	}
	_, err = newClient(t, Options{}).Push(t.Context(), from, "nothing", other.ref(t, "x"), PushOptions{})
	if !errors.Is(err, image.ErrNotFound) {
		t.Errorf("%v", err)
	}
	// The registry has it: it need not be in the store.
	if _, err := newClient(t, Options{}).Push(t.Context(), from, s.host+"/team/app:1", s.ref(t, "team/app:again"), PushOptions{}); err != nil {
		t.Error(err)
	}
}

func TestPushIndex(t *testing.T) {
	s, other := newServer(t), newServer(t)
	var all []image.Descriptor
	for _, p := range []image.Platform{image.HostPlatform(), {OS: "linux", Architecture: "s390x"}} {
		all = append(all, s.AddImage("app", "", registrytest.Image{Platform: p, Layers: [][]byte{tarOf(t, p.String(), 1000)}}))
	}
	index := s.AddIndex("app", "latest", all...)
	c, name := newClient(t, Options{}), s.host+"/app"
	whole, part := newStore(t), newStore(t)
	_, err := pull(t, c, whole, ref(t, name), PullOptions{AllPlatforms: true})
	must(t, err)
	_, err = pull(t, c, part, ref(t, name), PullOptions{})
	must(t, err)
	_, err = c.Push(t.Context(), part, name, other.ref(t, "app"), PushOptions{})
	if !errors.Is(err, image.ErrNotFound) || !strings.Contains(err.Error(), "linux/s390x") {
		t.Errorf("an index of which a half is there: %v", err)
	}
	got, err := c.Push(t.Context(), part, name, other.ref(t, "app:host"), PushOptions{Platform: image.HostPlatform()})
	if err != nil || got.Digest != all[0].Digest {
		t.Errorf("%v, %v", got, err)
	}
	_, err = c.Push(t.Context(), part, name, other.ref(t, "app:no"), PushOptions{Platform: image.Platform{OS: "linux", Architecture: "mips"}})
	if !errors.Is(err, image.ErrNoPlatform) {
		t.Errorf("%v", err)
	}
	got, err = c.Push(t.Context(), whole, name, other.ref(t, "app"), PushOptions{})
	if err != nil || got.Digest != index.Digest {
		t.Errorf("%v, %v", got, err)
	}
	if _, err = c.Push(t.Context(), part, name, other.ref(t, "app:again"), PushOptions{}); err != nil {
		t.Errorf("the registry has the other half: %v", err)
	}
}

// TestPushCompress: layers are packed on the way; the image has the same
// configuration.
func TestPushCompress(t *testing.T) {
	s, other := newServer(t), newServer(t)
	from := pulled(t, s)
	name := s.host + "/team/app:1"
	before, err := from.Image(t.Context(), name, image.Platform{})
	must(t, err)
	for compress, mediaType := range map[image.Compression]string{image.Gzip: image.MediaTypeOCILayerGzip, image.Zstd: image.MediaTypeOCILayerZstd} {
		got, err := newClient(t, Options{}).Push(t.Context(), from, name, other.ref(t, "packed"), PushOptions{Compress: compress})
		must(t, err)
		to := newStore(t)
		img, err := pull(t, newClient(t, Options{}), to, other.ref(t, "packed"), PullOptions{})
		must(t, err)
		if img.ID() != before.ID() || img.Descriptor().Digest != got.Digest || img.Layers()[1].Descriptor().MediaType != mediaType ||
			img.Layers()[0].Descriptor().Digest != before.Layers()[0].Descriptor().Digest {
			t.Errorf("%v: %s", compress, img.RawManifest())
		}
		sound(t, from)
		if u, err := from.Usage(t.Context()); err != nil || u.Reclaimable != 0 {
			t.Errorf("%d bytes left in the store, %v", u.Reclaimable, err)
		}
	}
	_, err = newClient(t, Options{}).Push(t.Context(), from, name, other.ref(t, "odd"), PushOptions{Compress: "lzma"})
	if !errors.Is(err, image.ErrMediaType) {
		t.Errorf("%v", err)
	}
}

// TestMirrors: they are asked first, and the registry when they fail.
func TestMirrors(t *testing.T) {
	s := newServer(t)
	filled(t, s)
	name := s.ref(t, "team/app:1")
	t.Run("has it", func(t *testing.T) {
		mirror := newServer(t)
		from := pulled(t, s)
		_, err := newClient(t, Options{}).Push(t.Context(), from, name.String(), mirror.ref(t, "cache/team/app:1"), PushOptions{})
		must(t, err)
		before := len(s.Requests("GET"))
		c := newClient(t, Options{Mirrors: map[string][]string{s.host: {mirror.host + "/cache"}}})
		to := newStore(t)
		_, err = pull(t, c, to, name, PullOptions{})
		must(t, err)
		sound(t, to, name.String())
		if n := len(s.Requests("GET")) - before; n > 0 {
			t.Errorf("%d requests to the registry", n)
		}
	})
	gone := httptest.NewServer(nil)
	gone.Close()
	hang := newServer(t)
	hang.fault(func(_ http.ResponseWriter, req *http.Request) bool {
		<-req.Context().Done()
		return true
	})
	wrong := newServer(t)
	filled(t, wrong)
	wrong.fault(func(w http.ResponseWriter, req *http.Request) bool {
		if req.Method != http.MethodGet || !strings.Contains(req.URL.Path, "/blobs/") {
			return false
		}
		b := slices.Clone(mustBlob(wrong, image.Digest(req.URL.Path[strings.LastIndex(req.URL.Path, "/")+1:])))
		b[len(b)-1] ^= 1
		_, _ = w.Write(b)
		return true
	})
	for what, host := range map[string]string{
		"has nothing": newServer(t).host, "is gone": strings.TrimPrefix(gone.URL, "http://"), "hangs": hang.host, "lies": wrong.host,
	} {
		to := newStore(t)
		c, err := New(Options{Auth: NoAuth(), Mirrors: map[string][]string{s.host: {host}}, StallTimeout: 1e9})
		must(t, err)
		_, err = pull(t, c, to, name, PullOptions{})
		if err != nil {
			t.Errorf("mirror %s: %v", what, err)
			continue
		}
		sound(t, to, name.String())
		c.CloseIdle()
	}
}

func TestTLS(t *testing.T) {
	s := newServer(t)
	filled(t, s)
	secure := httptest.NewTLSServer(s)
	defer secure.Close()
	host := strings.TrimPrefix(secure.URL, "https://")
	roots := secure.Client().Transport.(*http.Transport).TLSClientConfig.RootCAs
	for name, c := range map[string]struct {
		o  Options
		ok bool
	}{
		"unknown authority": {Options{Retries: -1}, false}, "known": {Options{RootCAs: roots}, true},
		"not checked": {Options{InsecureSkipVerify: []string{host}}, true}, "another is not checked": {Options{InsecureSkipVerify: []string{s.host}}, false},
		"no TLS": {Options{PlainHTTP: []string{host}, Retries: -1}, false},
	} {
		_, err := pull(t, newClient(t, c.o), newStore(t), ref(t, host+"/team/app:1"), PullOptions{})
		if (err == nil) != c.ok {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestOptions(t *testing.T) {
	for option, o := range map[string]Options{
		"Concurrency": {Concurrency: -1}, "MaxLayerSize": {MaxLayerSize: -1}, "MaxImageSize": {MaxImageSize: -1},
		"StallTimeout": {StallTimeout: -1}, "UserAgent": {UserAgent: "a\nb"}, "PlainHTTP": {PlainHTTP: []string{"http://x.io"}},
		"InsecureSkipVerify": {InsecureSkipVerify: []string{"x.io/a"}}, "Mirrors": {Mirrors: map[string][]string{"docker.io": {"https://x.io"}}},
	} {
		_, err := New(o)
		var e *OptionError
		if !errors.As(err, &e) || e.Option != option || !errors.Is(err, image.ErrInvalid) {
			t.Errorf("%s: %v", option, err)
		}
	}
	if _, err := New(Options{Mirrors: map[string][]string{"docker.io": {"x.io", "y.io:5000/hub/cache"}}, PlainHTTP: []string{"10.0.0.1:5000", "[::1]:80"}}); err != nil {
		t.Error(err)
	}
}

func TestLimits(t *testing.T) {
	s := newServer(t)
	filled(t, s)
	for _, o := range []Options{{MaxLayerSize: 1 << 20}, {MaxImageSize: 1 << 20}} {
		to := newStore(t)
		_, err := pull(t, newClient(t, o), to, s.ref(t, "team/app:1"), PullOptions{})
		if !errors.Is(err, image.ErrTooLarge) || len(s.Requests("GET /v2/team/app/blobs")) > 0 {
			t.Errorf("%v", err)
		}
		empty(t, to)
	}
}
