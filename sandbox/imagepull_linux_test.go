package sandbox_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/sandkit/sandkit/image"
	"github.com/sandkit/sandkit/image/registry"
	"github.com/sandkit/sandkit/image/registry/registrytest"
	"github.com/sandkit/sandkit/image/store"
	"github.com/sandkit/sandkit/sandbox"
)

// hub is a registry with the image app:1, which says what it is.
type hub struct {
	*registrytest.Registry
	client *registry.Client
	host   string
	down   func() // ends it
	mu     sync.Mutex
	before func(*http.Request) // called before each answer
}

func newHub(t testing.TB) *hub {
	t.Helper()
	h := &hub{Registry: registrytest.New()}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h.mu.Lock()
		before := h.before
		h.mu.Unlock()
		if before != nil {
			before(r)
		}
		h.ServeHTTP(w, r)
	}))
	h.down = sync.OnceFunc(server.Close)
	t.Cleanup(h.down)
	h.host = strings.TrimPrefix(server.URL, "http://")
	client, err := registry.New(registry.Options{Auth: registry.NoAuth(), Retries: -1})
	must(t, err)
	t.Cleanup(client.CloseIdle)
	h.client = client
	h.tag(t, "one")
	return h
}

// tag makes app:1 an image that says this.
func (h *hub) tag(t testing.TB, says string) {
	h.AddImage("app", "1", registrytest.Image{
		Layers: [][]byte{busyboxLayer(t), tarOf(t, "file says 0644 0:0 "+says)},
		Config: image.RunConfig{Cmd: []string{"cat", "/says"}, Env: []string{"PATH=/bin"}},
	})
}

func (h *hub) on(f func(*http.Request)) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.before = f
}

// app are the options of a sandbox with the image.
func (h *hub) app(s *store.Store, p sandbox.PullPolicy) sandbox.Option {
	return sandbox.Options(sandbox.WithImage(h.host+"/app:1"), sandbox.WithImageStore(s), sandbox.WithRegistry(h.client), sandbox.WithPull(p))
}

func (h *hub) says(t *testing.T, s *store.Store, p sandbox.PullPolicy, want string, opts ...sandbox.Option) {
	t.Helper()
	out, err := sandbox.Output(testContext(t), h.app(s, p), sandbox.Options(opts...))
	if err != nil || string(out) != want {
		t.Errorf("%s: the image says %q, %v; want %q", p, out, err, want)
	}
}

func (h *hub) downloads() int { return len(h.Requests("GET")) }

func TestPullMissing(t *testing.T) {
	unchangedImages(t)
	h, s := newHub(t), newStore(t)
	var mu sync.Mutex
	phases := make(map[image.Phase]int)
	h.says(t, s, sandbox.PullMissing, "one", sandbox.WithImageProgress(func(p image.Progress) {
		mu.Lock()
		defer mu.Unlock()
		phases[p.Phase]++
	}))
	if phases[image.PhaseDownload] == 0 || phases[image.PhaseDone] == 0 {
		t.Errorf("progress %v", phases)
	}
	before := len(h.Requests(""))
	h.tag(t, "two")
	h.says(t, s, "", "one")
	sandbox.Trim()
	h.says(t, s, sandbox.PullMissing, "one")
	h.says(t, s, sandbox.PullNever, "one")
	if n := len(h.Requests("")) - before; n != 0 {
		t.Errorf("%d requests for what is there", n)
	}
	h.client.CloseIdle()
	h.down()
	sandbox.Trim()
	h.says(t, s, sandbox.PullMissing, "one")
	sound(t, s)
}

func TestPullAlways(t *testing.T) {
	unchangedImages(t)
	h, s := newHub(t), newStore(t)
	h.says(t, s, sandbox.PullAlways, "one")
	before := h.downloads()
	h.says(t, s, sandbox.PullAlways, "one")
	if n := h.downloads() - before; n != 0 {
		t.Errorf("%d downloads of what is there", n)
	}
	h.tag(t, "two")
	h.says(t, s, sandbox.PullAlways, "two")
	h.says(t, s, sandbox.PullMissing, "two")
	h.tag(t, "three")
	h.says(t, s, sandbox.PullAlways, "three")
	h.client.CloseIdle()
	h.down()
	if _, err := sandbox.Output(testContext(t), h.app(s, sandbox.PullAlways)); err == nil {
		t.Error("pulled from a registry that is not there")
	}
	h.says(t, s, sandbox.PullNever, "three")
	sound(t, s)
}

func TestPullErrors(t *testing.T) {
	unchangedImages(t)
	h, s := newHub(t), newStore(t)
	for _, c := range []struct {
		name   string
		policy sandbox.PullPolicy
		want   []error
	}{
		{h.host + "/app:1", sandbox.PullNever, []error{sandbox.ErrNotFound, image.ErrNotFound}},
		{h.host + "/app:none", sandbox.PullMissing, []error{sandbox.ErrNotFound, image.ErrNotFound}},
		{h.host + "/none", sandbox.PullAlways, []error{sandbox.ErrNotFound, image.ErrNotFound}},
		{"No Name", sandbox.PullMissing, []error{image.ErrInvalid}},
	} {
		err := fails(t, sandbox.WithImage(c.name), sandbox.WithImageStore(s), sandbox.WithRegistry(h.client), sandbox.WithPull(c.policy), sandbox.WithCommand("true"))
		e, ok := errors.AsType[*sandbox.Error](err)
		if !ok || e.Stage != sandbox.StageImage || e.Path != c.name || !strings.Contains(err.Error(), c.name) {
			t.Errorf("%s: %v", c.name, err)
		}
		for _, want := range c.want {
			if !errors.Is(err, want) {
				t.Errorf("%s: %v does not match %v", c.name, err, want)
			}
		}
	}
	if n := len(h.Requests("GET /v2/app/blobs")); n != 0 {
		t.Errorf("%d downloads", n)
	}
	all, err := s.List(t.Context())
	if err != nil || len(all) > 0 {
		t.Errorf("images %v, %v", all, err)
	}
	for _, opt := range []sandbox.Option{sandbox.WithPull("sometimes"), sandbox.WithPull(sandbox.PullNever), sandbox.WithPlatform(image.Platform{OS: "linux"}), sandbox.WithImage("")} {
		if _, err := sandbox.New(sandbox.WithCommand("true"), opt); !errors.Is(err, sandbox.ErrInvalidSpec) {
			t.Errorf("options that make no sense: %v", err)
		}
	}
	if _, err := sandbox.New(sandbox.WithImage("x"), sandbox.WithRootfs("/tmp")); !errors.Is(err, sandbox.ErrInvalidSpec) {
		t.Errorf("image and directory: %v", err)
	}
}

func TestPullPlatform(t *testing.T) {
	unchangedImages(t)
	h, s := newHub(t), newStore(t)
	other := image.Platform{OS: "linux", Architecture: "s390x"}
	h.AddIndex("app", "1", h.AddImage("app", "", registrytest.Image{Platform: other, Layers: [][]byte{tarOf(t, "file x 0644 0:0 x")}}),
		h.AddImage("app", "", registrytest.Image{Layers: [][]byte{busyboxLayer(t), tarOf(t, "file says 0644 0:0 host")}, Config: image.RunConfig{Cmd: []string{"/bin/cat", "/says"}}}))
	h.says(t, s, sandbox.PullMissing, "host")
	err := fails(t, h.app(s, sandbox.PullMissing), sandbox.WithPlatform(other))
	if errors.Is(err, image.ErrNoPlatform) || !errors.Is(err, sandbox.ErrInvalidSpec) && !errors.Is(err, sandbox.ErrNotFound) {
		t.Errorf("image for another platform: %v", err)
	}
	if err := fails(t, h.app(s, sandbox.PullMissing), sandbox.WithPlatform(image.Platform{OS: "plan9", Architecture: "mips"})); !errors.Is(err, image.ErrNoPlatform) {
		t.Errorf("platform that there is not: %v", err)
	}
	h.says(t, s, sandbox.PullMissing, "host")
}

// TestPullIsGivenUp: a start that is given up while the image is pulled leaves
// nothing, and the next one works.
func TestPullIsGivenUp(t *testing.T) {
	unchangedImages(t)
	h, s := newHub(t), newStore(t)
	for _, how := range []string{"context", "kill", "close"} {
		sb, err := sandbox.New(h.app(s, sandbox.PullMissing))
		must(t, err)
		ctx, cancel := context.WithCancel(testContext(t))
		asked, wait := make(chan struct{}), make(chan struct{})
		var once sync.Once
		h.on(func(r *http.Request) {
			if r.Method == http.MethodGet && strings.Contains(r.URL.Path, "/blobs/") {
				once.Do(func() { close(asked) })
				select {
				case <-r.Context().Done():
				case <-wait:
				}
			}
		})
		failed := make(chan error)
		go func() { failed <- sb.Start(ctx) }()
		<-asked
		want := sandbox.ErrClosed
		switch how {
		case "context":
			cancel()
			want = context.Canceled
		case "kill":
			must(t, sb.Kill())
		case "close":
			must(t, sb.Close())
		}
		if err := <-failed; !errors.Is(err, want) {
			t.Errorf("%s: %v", how, err)
		}
		h.on(nil)
		close(wait)
		cancel()
		must(t, sb.Close())
		if all, err := s.List(t.Context()); err != nil || len(all) > 0 {
			t.Errorf("%s: images %v, %v", how, all, err)
		}
		sound(t, s)
	}
	h.says(t, s, sandbox.PullMissing, "one")
	sound(t, s)
}

// TestPullOnce: what several sandboxes want is fetched once.
func TestPullOnce(t *testing.T) {
	unchangedImages(t)
	h, s := newHub(t), newStore(t)
	errs := make(chan error)
	const n = 4
	for range n {
		go func() {
			ctx, cancel := context.WithTimeout(context.Background(), patience)
			defer cancel()
			out, err := sandbox.Output(ctx, h.app(s, sandbox.PullMissing))
			if err == nil && string(out) != "one" {
				err = fmt.Errorf("the image says %q", out)
			}
			errs <- err
		}()
	}
	for range n {
		if err := <-errs; err != nil {
			t.Error(err)
		}
	}
	blobs := h.Requests("GET /v2/app/blobs/")
	unique := slices.Compact(slices.Sorted(slices.Values(blobs)))
	if len(blobs) != len(unique) || len(blobs) != 3 {
		t.Errorf("downloads: %q", blobs)
	}
	sound(t, s)
}

// TestImageMoves: a name that means another image does so at the next start.
func TestImageMoves(t *testing.T) {
	unchangedImages(t)
	s := newStore(t)
	base := busyboxLayer(t)
	for i := range 5 {
		addImage(t, s, "tool", image.RunConfig{Cmd: []string{"/bin/cat", "/says"}}, base, tarOf(t, fmt.Sprintf("file says 0644 0:0 %d", i)))
		for range 2 {
			if out := imageOutput(t, s); out != fmt.Sprint(i) {
				t.Errorf("%q, want %d", out, i)
			}
		}
	}
	_, err := s.Remove(t.Context(), "tool", true)
	must(t, err)
	if err := fails(t, tool(s)); !errors.Is(err, sandbox.ErrNotFound) {
		t.Errorf("image that was removed: %v", err)
	}
}

// TestImageIsRemoved: a sandbox keeps the image that it runs on.
func TestImageIsRemoved(t *testing.T) {
	unchangedImages(t)
	s := busyboxStore(t, image.RunConfig{}, tarOf(t, "file says 0644 0:0 still"))
	sb, out := started(t, tool(s), sandbox.WithStdin(strings.NewReader("")), sandbox.WithCommand("sh", "-c", "echo ready; while ! [ -e /go ]; do sleep 0.05; done; cat /says; echo"))
	awaitLine(t, out, "ready")
	if _, err := s.Remove(t.Context(), "tool", false); err != nil {
		t.Logf("removing what is used: %v", err)
	}
	_, err := s.Remove(t.Context(), "tool", true)
	if err != nil && !errors.Is(err, image.ErrNotFound) {
		t.Fatal(err)
	}
	_, err = s.Prune(t.Context(), true)
	must(t, err)
	_, err = s.Collect(t.Context(), -1)
	must(t, err)
	must(t, sb.CopyTo(testContext(t), "/", mapFile("go", "")))
	awaitLine(t, out, "still")
	if _, err := sb.Wait(testContext(t)); err != nil {
		t.Error(err)
	}
	img, err := sb.Commit(testContext(t), image.CommitOptions{Ref: imageRef(t, "tool:new")})
	if err != nil || len(img.Layers()) != 3 {
		t.Errorf("commit: %v", err)
	}
	must(t, sb.Close())
	sandbox.Trim()
	_, err = s.Collect(t.Context(), -1)
	must(t, err)
	sound(t, s)
	if got := imageOutput(t, s, sandbox.WithImage("tool:new"), sandbox.WithCommand("cat", "/says")); got != "still" {
		t.Errorf("image that was committed: %q", got)
	}
	if err := fails(t, tool(s), sandbox.WithCommand("/bin/true")); !errors.Is(err, sandbox.ErrNotFound) {
		t.Errorf("image that was removed: %v", err)
	}
}
