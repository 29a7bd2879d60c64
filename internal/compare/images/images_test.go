package main

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sandkit/sandkit/image"
	"github.com/sandkit/sandkit/image/layer"
	"github.com/sandkit/sandkit/image/store"
	"github.com/sandkit/sandkit/internal/compare/figures"
	"github.com/sandkit/sandkit/internal/compare/images/testimage"
)

func millis(n ...time.Duration) []time.Duration {
	for i := range n {
		n[i] *= time.Millisecond
	}
	return n
}

// TestRatios: times become figures, and what is missing is n/a.
func TestRatios(t *testing.T) {
	own := result{way: way{name: "own"}, times: millis(200, 100, 900)}
	peer := result{way: way{name: "peer"}, times: millis(400, 500)}
	missing := result{way: way{name: "none", missing: "none is not installed"}}
	for _, test := range []struct {
		got, want figures.Figure
	}{
		{own.seconds("job"), figures.Figure{Name: "job, own, s", Value: "0.200 (0.100 to 0.900)"}},
		{(&result{way: way{name: "own"}, times: millis(200), cpu: millis(300, 100, 100)}).seconds("job"), figures.Figure{Name: "job, own, s", Value: "0.200 (0.200 to 0.200), CPU 0.10"}},
		{missing.seconds("job"), figures.Figure{Name: "job, none, s", Value: "n/a: none is not installed"}},
		{faster("job", own, peer, 2.25), figures.Figure{Name: "job, peer / own", Value: "2.25", Target: "at least 2.25"}},
		{faster("job", own, peer, 2.5), figures.Figure{Name: "job, peer / own", Value: "2.25", Target: "at least 2.50", Missed: true}},
		{faster("job", own, peer, 0), figures.Figure{Name: "job, peer / own", Value: "2.25"}},
		{faster("job", own, missing, 2), figures.Figure{Name: "job, none / own", Value: "n/a: none is not installed"}},
		{slower("job", peer, own, 2), figures.Figure{Name: "job, peer / own", Value: "2.25", Target: "at most 2.00", Missed: true}},
		{slower("job", missing, own, 2), figures.Figure{Name: "job, none / own", Value: "n/a: none is not installed"}},
	} {
		if test.got != test.want {
			t.Errorf("got %+v, want %+v", test.got, test.want)
		}
	}
	if got := needs("sh", "no-such-program"); got != "no-such-program is not installed" {
		t.Errorf("needs: %q", got)
	}
}

// TestStartTable: the first one is what the others are compared with.
func TestStartTable(t *testing.T) {
	got := compareStarts("job", []starter{{name: "a", times: millis(3, 1, 2)}, {name: "b", times: millis(4)}, {name: "c"}})
	var values []string
	for _, f := range got {
		values = append(values, f.Value)
	}
	if want := []string{"2.00, 3.00", "4.00, 4.00 (+2.00, +1.00)", "2.00", "0.00, 0.00 (-2.00, -3.00)", "-2.00"}; !slices.Equal(values, want) {
		t.Errorf("got %q, want %q", values, want)
	}
}

// TestRows: only rows that there are can be asked for.
func TestRows(t *testing.T) {
	for _, test := range []struct {
		settings
		want int
	}{{settings{runs: 1, rows: "a"}, 1}, {settings{runs: 1, rows: "f,a,c"}, 3}, {settings{runs: 1}, -1}, {settings{runs: 1, rows: "a,x"}, -1}, {settings{rows: "a"}, -1}} {
		got, err := test.wanted()
		if (err != nil) != (test.want < 0) || err == nil && len(got) != test.want {
			t.Errorf("%+v gives %d rows, %v", test.settings, len(got), err)
		}
	}
}

// small makes a small image, packed with gzip, and gives the store's directory
// and the paths of its layers.
func small(t *testing.T, name string) (dir string, blobs []string) {
	t.Helper()
	dir = filepath.Join(t.TempDir(), "store")
	s, err := store.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	ref, err := image.ParseRef(name)
	if err != nil {
		t.Fatal(err)
	}
	img, err := testimage.Build(t.Context(), s, ref, image.Gzip, testimage.Small().Layers()...)
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range img.Layers() {
		blobs = append(blobs, filepath.Join(dir, "blobs/sha256", l.Descriptor().Digest.Encoded()))
	}
	return dir, blobs
}

// worked runs a worker in this process.
func worked(t *testing.T, args ...string) error {
	t.Helper()
	var b strings.Builder
	if err := work(t.Context(), &b, args); err != nil {
		return err
	}
	var r report
	if err := json.Unmarshal([]byte(b.String()), &r); err != nil || r.Peak < 1<<20 {
		t.Errorf("the report is %q, %v", &b, err)
	}
	return nil
}

// TestWorkers: each does its work, and says when it cannot.
func TestWorkers(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("layers are unpacked on Linux only")
	}
	const name = "localhost/test:1"
	dir, blobs := small(t, name)
	for _, args := range [][]string{
		append([]string{"floor"}, blobs...),
		{"unpack", dir, name, "directory"},
		{"unpack", dir, name, "directory", "sync"},
	} {
		if err := worked(t, args...); err != nil {
			t.Errorf("%q: %v", args, err)
		}
	}
	for _, args := range [][]string{
		nil,
		{"nothing"},
		{"floor", dir},
		{"floor", dir + "/nothing"},
		{"unpack", dir},
		{"unpack", dir, "localhost/other", "directory"},
		{"pull", dir},
		{"pull", dir, "::", "directory"},
		{"commit", dir},
		{"commit", dir, name, "gzip", dir + "/nothing"},
		{"commit", dir, "localhost/other", "gzip", blobs[0]},
	} {
		if err := worked(t, args...); err == nil {
			t.Errorf("%q passes", args)
		}
	}
}

// TestChanges: a commit has all files.
func TestChanges(t *testing.T) {
	if needs("tar") != "" {
		t.Skip("there is no tar")
	}
	dir := t.TempDir()
	b := &bench{o: testimage.Small()}
	if err := b.changed(t.Context(), dir); err != nil {
		t.Fatal(err)
	}
	found, err := filepath.Glob(filepath.Join(dir, "upper/srv/app/node_modules/*/*/*.js"))
	if err != nil || len(found) != 8*3 {
		t.Errorf("%d files, %v", len(found), err)
	}
}

// TestBusybox: the layer can be unpacked.
func TestBusybox(t *testing.T) {
	if why := needs("busybox"); why != "" {
		t.Skip(why)
	}
	dir, err := os.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer dir.Close()
	r, w := io.Pipe()
	go func() { w.CloseWithError(busybox(w)) }()
	info, err := layer.Apply(t.Context(), dir, r, layer.Options{Format: layer.Flat, Rootless: os.Geteuid() != 0})
	if err != nil || info.Entries != 8 {
		t.Errorf("%+v, %v", info, err)
	}
}

// TestCounter: downloads are counted by blob, and everything is passed on.
func TestCounter(t *testing.T) {
	upstream := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, r.Method+" "+r.URL.Path)
	}))
	defer upstream.Close()
	c, err := startCounter(t.Context(), strings.TrimPrefix(upstream.URL, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	for _, request := range []string{
		"GET /v2/", "GET /v2/test/manifests/1", "HEAD /v2/test/blobs/sha256:1", "GET /v2/test/blobs/sha256:1", "GET /v2/test/blobs/sha256:2",
		"GET /v2/test/blobs/sha256:2", "POST /v2/test/blobs/uploads/", "GET /v2/test/blobs/uploads/1",
	} {
		method, path, _ := strings.Cut(request, " ")
		r, err := http.NewRequestWithContext(t.Context(), method, "http://"+c.addr+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		answer, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(answer.Body)
		if err != nil || string(got) != request && method != http.MethodHead {
			t.Errorf("%s: %q, %v", request, got, err)
		}
		answer.Body.Close()
	}
	http.DefaultClient.CloseIdleConnections()
	if downloads, blobs := c.most(); downloads != 2 || blobs != 2 {
		t.Errorf("%d downloads of %d blobs", downloads, blobs)
	}
	if err := c.close(); err != nil {
		t.Error(err)
	}
}

// TestTogether: all errors are told.
func TestTogether(t *testing.T) {
	calls := make(chan struct{}, 5)
	failed := together(5, func() error {
		calls <- struct{}{}
		if len(calls) == cap(calls) {
			return io.ErrUnexpectedEOF
		}
		return nil
	})
	if len(calls) != 5 || len(failed) == 0 || failed[0] != io.ErrUnexpectedEOF.Error() {
		t.Errorf("%d calls, %q", len(calls), failed)
	}
}
