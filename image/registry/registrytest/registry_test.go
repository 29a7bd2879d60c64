package registrytest_test

import (
	"context"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/sandkit/sandkit/image"
	"github.com/sandkit/sandkit/image/registry/registrytest"
)

// send sends a request and checks the status.
func send(t *testing.T, method, url string, header http.Header, body string, want int) answer {
	t.Helper()
	req, err := http.NewRequestWithContext(context.Background(), method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	maps.Copy(req.Header, header)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != want {
		t.Fatalf("%s %s: %s, want %d, %v: %s", method, url, resp.Status, want, err, raw)
	}
	if err := resp.Body.Close(); err != nil {
		t.Fatal(err)
	}
	return answer{resp.Header, string(raw)}
}

type answer struct {
	header http.Header
	body   string
}

// TestProtocol: what the client of this project does not use, others do.
func TestProtocol(t *testing.T) {
	r := registrytest.New()
	s := httptest.NewServer(r)
	defer http.DefaultClient.CloseIdleConnections()
	defer s.Close()
	send(t, "GET", s.URL+"/v2/", nil, "", http.StatusOK)
	send(t, "GET", s.URL+"/v3/", nil, "", http.StatusNotFound)

	d := image.Describe("", []byte("hello world"))
	location := func(a answer) string { return s.URL + a.header.Get("Location") }
	at := location(send(t, "POST", s.URL+"/v2/a/b/blobs/uploads/", nil, "", http.StatusAccepted))
	send(t, "PATCH", at, http.Header{"Content-Range": {"0-4"}}, "hello", http.StatusAccepted)
	send(t, "PATCH", at, http.Header{"Content-Range": {"9-10"}}, "rl", http.StatusRequestedRangeNotSatisfiable)
	if got := send(t, "GET", at, nil, "", http.StatusAccepted).header.Get("Range"); got != "0-4" {
		t.Errorf("range %q", got)
	}
	send(t, "PATCH", at, http.Header{"Content-Range": {"5-10"}}, " world", http.StatusAccepted)
	send(t, "PUT", at+"?digest="+string(d.Digest), nil, "", http.StatusCreated)
	part := send(t, "GET", s.URL+"/v2/a/b/blobs/"+string(d.Digest), http.Header{"Range": {"bytes=6-"}}, "", http.StatusPartialContent)
	if part.body != "world" {
		t.Errorf("%q", part.body)
	}
	send(t, "POST", s.URL+"/v2/c/blobs/uploads/?mount="+string(d.Digest)+"&from=a/b", nil, "", http.StatusCreated)
	send(t, "POST", s.URL+"/v2/c/blobs/uploads/?digest="+string(d.Digest), nil, "hello", http.StatusBadRequest)
	at = location(send(t, "POST", s.URL+"/v2/c/blobs/uploads/", nil, "", http.StatusAccepted))
	send(t, "DELETE", at, nil, "", http.StatusNoContent)
	send(t, "PUT", at+"?digest="+string(d.Digest), nil, "hello world", http.StatusNotFound)
	send(t, "DELETE", s.URL+"/v2/c/blobs/"+string(d.Digest), nil, "", http.StatusAccepted)
	send(t, "GET", s.URL+"/v2/c/blobs/"+string(d.Digest), nil, "", http.StatusNotFound)

	// A manifest whose parts are not there is not taken.
	raw := `{"schemaVersion":2,"mediaType":"` + image.MediaTypeOCIManifest + `","config":{"mediaType":"a/b","digest":"` + string(d.Digest) + `","size":11},"layers":[]}`
	header := http.Header{"Content-Type": {image.MediaTypeOCIManifest}}
	send(t, "PUT", s.URL+"/v2/c/manifests/1", header, raw, http.StatusBadRequest)
	send(t, "PUT", s.URL+"/v2/a/b/manifests/1", header, raw, http.StatusCreated)
	send(t, "PUT", s.URL+"/v2/a/b/manifests/"+string(d.Digest), header, raw, http.StatusBadRequest)
	r.AddImage("a/b", "2", registrytest.Image{})
	page := send(t, "GET", s.URL+"/v2/a/b/tags/list?n=1", nil, "", http.StatusOK)
	if link := page.header.Get("Link"); !strings.Contains(link, "last=1") {
		t.Errorf("link %q", link)
	}
	if n := len(r.Requests("PUT /v2/a/b/manifests/")); n != 2 {
		t.Errorf("%d requests", n)
	}
}
