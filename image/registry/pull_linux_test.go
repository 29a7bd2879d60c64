package registry

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/sandkit/sandkit/image"
	"github.com/sandkit/sandkit/image/registry/registrytest"
	"github.com/sandkit/sandkit/internal/testutil"
)

func TestPull(t *testing.T) {
	testutil.Unchanged(t)
	s := newServer(t)
	filled(t, s)
	c, to := newClient(t, Options{}), newStore(t)
	var mu sync.Mutex
	phases := make(map[image.Digest][]image.Progress)
	img, err := pull(t, c, to, s.ref(t, "team/app:1"), PullOptions{Progress: func(p image.Progress) {
		mu.Lock()
		defer mu.Unlock()
		phases[p.Digest] = append(phases[p.Digest], p)
	}})
	must(t, err)
	sound(t, to, s.host+"/team/app:1")
	if len(phases) != 4 {
		t.Errorf("progress of %d blobs, want 4", len(phases))
	}
	for d, all := range phases {
		first, last := all[0], all[len(all)-1]
		if first.Phase != image.PhaseDownload || first.Bytes != 0 || last.Phase != image.PhaseDone || last.Bytes != last.Total {
			t.Errorf("%s: %+v", d, all)
		}
	}
	if l := img.Layers()[0].Descriptor(); len(phases[l.Digest]) < 5 {
		t.Errorf("progress of 3 MiB: %+v", phases[l.Digest])
	}
	before := len(s.Requests("GET"))
	again, err := pull(t, c, to, s.ref(t, "team/app:1"), PullOptions{})
	if err != nil || again.ID() != img.ID() {
		t.Errorf("%v, %v", again, err)
	}
	if n := len(s.Requests("GET")) - before; n != 0 {
		t.Errorf("%d downloads of what is there", n)
	}
	byDigest, err := s.ref(t, "team/app").WithDigest(img.Descriptor().Digest)
	must(t, err)
	if _, err := pull(t, c, to, byDigest, PullOptions{}); err != nil {
		t.Error(err)
	}
}

func TestPullIndex(t *testing.T) {
	s := newServer(t)
	host, other := image.HostPlatform(), image.Platform{OS: "linux", Architecture: "s390x"}
	var all []image.Descriptor
	for _, p := range []image.Platform{other, host} {
		all = append(all, s.AddImage("app", "", registrytest.Image{Platform: p, Layers: [][]byte{tarOf(t, p.String(), 100)}}))
	}
	statement := s.AddBlob("app", "application/vnd.in-toto+json", []byte("{}"))
	config := s.AddBlob("app", image.MediaTypeOCIConfig, []byte(`{"os":"unknown","architecture":"unknown","rootfs":{"type":"layers","diff_ids":["`+string(statement.Digest)+`"]}}`))
	attestation := s.AddManifest("app", "", image.MediaTypeOCIManifest, image.Manifest{
		SchemaVersion: 2, MediaType: image.MediaTypeOCIManifest, Config: config, Layers: []image.Descriptor{statement},
	})
	attestation.Platform = &ocispec.Platform{OS: "unknown", Architecture: "unknown"}
	s.AddIndex("app", "latest", append(all, attestation)...)
	name := s.host + "/app:latest"
	c := newClient(t, Options{})

	t.Run("host", func(t *testing.T) {
		to := newStore(t)
		img, err := pull(t, c, to, ref(t, name), PullOptions{})
		must(t, err)
		if img.Config().Platform().Architecture != host.Architecture {
			t.Errorf("got %v", img.Config().Platform())
		}
		e, err := to.Lookup(t.Context(), name)
		if err != nil || !image.IsIndex(e.Target.MediaType) || len(e.IDs) != 1 {
			t.Errorf("%+v, %v", e, err)
		}
		sound(t, to, name)
	})
	t.Run("other", func(t *testing.T) {
		to := newStore(t)
		img, err := pull(t, c, to, ref(t, name), PullOptions{Platform: other})
		if err != nil || img.Config().Architecture != "s390x" {
			t.Errorf("%v, %v", img, err)
		}
		_, err = pull(t, c, newStore(t), ref(t, name), PullOptions{Platform: image.Platform{OS: "plan9", Architecture: "mips"}})
		if !errors.Is(err, image.ErrNoPlatform) {
			t.Errorf("platform that is not there: %v", err)
		}
	})
	t.Run("all", func(t *testing.T) {
		to := newStore(t)
		img, err := pull(t, c, to, ref(t, name), PullOptions{AllPlatforms: true})
		must(t, err)
		if img.Config().Platform().Architecture != host.Architecture {
			t.Errorf("got %v", img.Config().Platform())
		}
		for _, d := range append(all, attestation, statement, config) {
			if ok, err := to.Has(d.Digest); !ok || err != nil {
				t.Errorf("%s is not there, %v", d.Digest, err)
			}
		}
	})
	t.Run("no index", func(t *testing.T) {
		s.AddImage("one", "latest", registrytest.Image{Platform: other})
		to := newStore(t)
		_, err := pull(t, c, to, s.ref(t, "one"), PullOptions{Platform: host})
		if !errors.Is(err, image.ErrNoPlatform) {
			t.Errorf("image for another platform: %v", err)
		}
		empty(t, to)
		if _, err := pull(t, c, to, s.ref(t, "one"), PullOptions{}); err != nil {
			t.Errorf("without a wish: %v", err)
		}
	})
}

// TestWrongContent: what a registry must not serve is a typed error that names
// the image, nothing gets a name, and the next pull works.
func TestWrongContent(t *testing.T) {
	s := newServer(t)
	filled(t, s)
	blob := func(d image.Descriptor) string { return "/blobs/" + string(d.Digest) }
	raw := func(t *testing.T, name string) (image.Descriptor, *image.Manifest) {
		d, ok := s.Tag("team/app", "1")
		b, found := s.Blob("team/app", d)
		if !ok || !found {
			t.Fatal(name)
		}
		desc := image.Describe(image.MediaTypeOCIManifest, b)
		m, err := image.ParseManifest(desc, b)
		must(t, err)
		return desc, m
	}
	desc, m := raw(t, "team/app")
	manifests := "/manifests/"
	body := func(mediaType string, b []byte) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", mediaType)
			w.Header().Set("Content-Length", strconv.Itoa(len(b)))
			_, _ = w.Write(b)
		}
	}
	noHead := on("HEAD", manifests, -1, status(http.StatusMethodNotAllowed))
	content, _ := s.Blob("team/app", m.Layers[0].Digest)
	wrong := bytes.Clone(content)
	wrong[len(wrong)/2] ^= 1
	schema1 := `{"schemaVersion":1,"name":"team/app","tag":"1","fsLayers":[{"blobSum":"` + string(m.Config.Digest) + `"}],"history":[]}`
	for name, c := range map[string]struct {
		faults []fault
		want   error
		layer  bool
	}{
		"layer of another digest": {[]fault{on("GET", blob(m.Layers[0]), -1, body("a/b", wrong))}, image.ErrCorrupt, true},
		"layer too short":         {[]fault{on("GET", blob(m.Layers[0]), -1, body("a/b", content[:100]))}, image.ErrCorrupt, true},
		"layer too long":          {[]fault{on("GET", blob(m.Layers[0]), -1, body("a/b", append(content, 1)))}, image.ErrCorrupt, true},
		"layer too long, chunked": {[]fault{on("GET", blob(m.Layers[0]), -1, func(w http.ResponseWriter, _ *http.Request) {
			_, _ = w.Write(content)
			w.(http.Flusher).Flush()
			_, _ = w.Write(content)
		})}, image.ErrCorrupt, true},
		"layer always truncated": {[]fault{on("GET", blob(m.Layers[0]), -1, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", strconv.Itoa(len(content)))
			_, _ = w.Write(content[:1000])
		})}, image.ErrCorrupt, true},
		"layer always truncated, chunked": {[]fault{on("GET", blob(m.Layers[0]), -1, func(w http.ResponseWriter, _ *http.Request) {
			_, _ = w.Write(content[:1000])
			w.(http.Flusher).Flush()
		})}, image.ErrCorrupt, true},
		"layer is lost":              {[]fault{on("GET", blob(m.Layers[1]), -1, status(http.StatusNotFound))}, image.ErrNotFound, true},
		"layer is forbidden":         {[]fault{on("GET", blob(m.Layers[1]), -1, status(http.StatusForbidden))}, ErrDenied, true},
		"config of another image":    {[]fault{on("GET", blob(m.Config), -1, body("a/b", bytes.Repeat([]byte(" "), int(m.Config.Size))))}, image.ErrCorrupt, false},
		"config too short":           {[]fault{on("GET", blob(m.Config), -1, body("a/b", []byte("{}")))}, image.ErrCorrupt, false},
		"manifest of another digest": {[]fault{on("GET", manifests, -1, body(image.MediaTypeOCIManifest, []byte("{}")))}, image.ErrCorrupt, false},
		"manifest truncated": {[]fault{noHead, on("GET", manifests, -1, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "1000")
			_, _ = w.Write([]byte("{"))
		})}, image.ErrCorrupt, false},
		"manifest of 100 MiB":          {[]fault{noHead, on("GET", manifests, -1, body(image.MediaTypeOCIManifest, make([]byte, 100<<20)))}, image.ErrTooLarge, false},
		"manifest of 100 MiB, chunked": {[]fault{noHead, on("GET", manifests, -1, endless)}, image.ErrTooLarge, false},
		"manifest of 100 MiB, as HEAD says": {[]fault{on("HEAD", manifests, -1, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", image.MediaTypeOCIManifest)
			w.Header().Set("Content-Length", strconv.Itoa(100<<20))
			w.Header().Set(digestHeader, string(desc.Digest))
		})}, image.ErrTooLarge, false},
		"manifest is HTML":       {[]fault{noHead, on("GET", manifests, -1, body("text/html", []byte("<html>")))}, image.ErrMediaType, false},
		"manifest is not JSON":   {[]fault{noHead, on("GET", manifests, -1, body("text/plain", []byte("<html>")))}, image.ErrInvalid, false},
		"schema 1":               {[]fault{noHead, on("GET", manifests, -1, body("application/vnd.docker.distribution.manifest.v1+prettyjws", []byte(schema1)))}, image.ErrMediaType, false},
		"schema 1, not told":     {[]fault{noHead, on("GET", manifests, -1, body("application/json", []byte(schema1)))}, image.ErrMediaType, false},
		"schema 1 as schema 2":   {[]fault{noHead, on("GET", manifests, -1, body(image.MediaTypeDockerManifest, []byte(schema1)))}, image.ErrMediaType, false},
		"manifest told as index": {[]fault{noHead, on("GET", manifests, -1, body(image.MediaTypeOCIIndex, mustBlob(s, desc.Digest)))}, image.ErrMediaType, false},
		"no such image":          {[]fault{on("HEAD", manifests, -1, status(http.StatusNotFound)), on("GET", manifests, -1, status(http.StatusNotFound))}, image.ErrNotFound, false},
		"digest header of another": {[]fault{noHead, on("GET", manifests, -1, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set(digestHeader, string(m.Config.Digest))
			body(image.MediaTypeOCIManifest, mustBlob(s, desc.Digest))(w, r)
		})}, image.ErrCorrupt, false},
	} {
		t.Run(name, func(t *testing.T) {
			for _, f := range c.faults {
				s.fault(f)
			}
			client, to := newClient(t, Options{Retries: 2}), newStore(t)
			_, err := pull(t, client, to, s.ref(t, "team/app:1"), PullOptions{})
			var e *image.Error
			if !errors.Is(err, c.want) || !errors.As(err, &e) || e.Image != s.host+"/team/app:1" || (e.Layer != "") != c.layer {
				t.Errorf("%v, want %v", err, c.want)
			}
			empty(t, to)
			s.heal()
			if _, err := pull(t, client, to, s.ref(t, "team/app:1"), PullOptions{}); err != nil {
				t.Errorf("the next pull: %v", err)
			}
			sound(t, to, s.host+"/team/app:1")
		})
	}
}

// endless sends more than anybody wants.
func endless(w http.ResponseWriter, req *http.Request) {
	w.Header().Set("Content-Type", image.MediaTypeOCIManifest)
	for range 100 {
		if _, err := w.Write(make([]byte, 1<<20)); err != nil {
			return
		}
		w.(http.Flusher).Flush()
	}
	_ = req
}

func mustBlob(s *server, d image.Digest) []byte {
	b, ok := s.Blob("team/app", d)
	if !ok {
		panic("no blob " + d)
	}
	return b
}

// TestWrongImages: documents that cannot be an image.
func TestWrongImages(t *testing.T) {
	s := newServer(t)
	good := s.AddImage("x", "", registrytest.Image{Layers: [][]byte{tarOf(t, "a", 10)}})
	deep := good
	for range image.MaxIndexDepth + 1 {
		deep = s.AddIndex("x", "deep", deep)
	}
	s.AddManifest("x", "cyclic", image.MediaTypeOCIIndex, fmt.Appendf(nil, `{"schemaVersion":2,"manifests":[{"mediaType":%q,"digest":%q,"size":3}]}`, image.MediaTypeOCIIndex, good.Digest))
	huge := image.Manifest{SchemaVersion: 2, MediaType: image.MediaTypeOCIManifest}
	raw, _ := s.Blob("x", good.Digest)
	must(t, json.Unmarshal(raw, &huge))
	huge.Layers[0].Size = DefaultMaxLayerSize + 1
	s.AddManifest("x", "huge", image.MediaTypeOCIManifest, huge)
	many := huge
	many.Layers = slices.Repeat([]image.Descriptor{{MediaType: image.MediaTypeOCILayer, Digest: good.Digest, Size: DefaultMaxLayerSize}}, 300)
	s.AddManifest("x", "many", image.MediaTypeOCIManifest, many)
	odd := huge
	odd.Layers = []image.Descriptor{{MediaType: "application/x-odd", Digest: good.Digest, Size: 1}}
	s.AddManifest("x", "odd", image.MediaTypeOCIManifest, odd)
	other := huge
	other.Config.MediaType = "application/x-helm"
	s.AddManifest("x", "other", image.MediaTypeOCIManifest, other)
	short := huge
	short.Layers = nil
	s.AddManifest("x", "short", image.MediaTypeOCIManifest, short)
	c := newClient(t, Options{Retries: -1})
	for tag, want := range map[string]error{
		"deep": image.ErrTooLarge, "cyclic": image.ErrCorrupt, "huge": image.ErrTooLarge, "many": image.ErrTooLarge,
		"odd": image.ErrMediaType, "other": image.ErrMediaType, "short": image.ErrInvalid, "missing": image.ErrNotFound,
	} {
		for _, all := range []bool{false, true} {
			to := newStore(t)
			_, err := pull(t, c, to, s.ref(t, "x:"+tag), PullOptions{AllPlatforms: all})
			if !errors.Is(err, want) {
				t.Errorf("%s: %v, want %v", tag, err, want)
			}
			empty(t, to)
		}
	}
	if _, err := pull(t, c, newStore(t), image.Ref{}, PullOptions{}); !errors.Is(err, image.ErrInvalid) {
		t.Errorf("%v", err)
	}
}

// TestManyProcesses: twenty programs pull the same image at once. Each blob is
// downloaded once.
func TestManyProcesses(t *testing.T) {
	s := newServer(t)
	filled(t, s)
	dir := newStore(t).Dir()
	var wg sync.WaitGroup
	for range 20 {
		wg.Go(func() {
			out, err := pullProcess(t.Context(), dir, s.host+"/team/app:1").CombinedOutput()
			if err != nil {
				t.Errorf("%v: %s", err, out)
			}
		})
	}
	wg.Wait()
	gets := s.Requests("GET")
	slices.Sort(gets)
	for i, g := range gets {
		if i > 0 && g == gets[i-1] && strings.Contains(g, "sha256") {
			t.Errorf("%s was downloaded again", g)
		}
	}
}

func pullProcess(ctx context.Context, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, "/proc/self/exe", args...)
	cmd.Env = append(os.Environ(), helperEnv+"=1")
	return cmd
}

// TestMemory: a pull needs little memory however large layers are.
func TestMemory(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector needs more memory than what is measured")
	}
	s := newServer(t)
	var layers [][]byte
	for i := range 4 {
		layers = append(layers, tarOf(t, strconv.Itoa(i), 40<<20))
	}
	s.AddImage("large", "latest", registrytest.Image{Layers: layers})
	out, err := pullProcess(t.Context(), newStore(t).Dir(), s.host+"/large").CombinedOutput()
	must(t, err)
	var peak int
	if _, err := fmt.Sscanf(string(out), "VmHWM: %d kB", &peak); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	t.Logf("160 MiB need %d KiB at most", peak)
	if peak > 64<<10 {
		t.Errorf("160 MiB need %d KiB", peak)
	}
}
