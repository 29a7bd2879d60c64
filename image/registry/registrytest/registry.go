package registrytest

import (
	"encoding/json"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/sandkit/sandkit/image"
)

// A Registry is a registry in memory. It is an http.Handler and safe for
// concurrent use.
type Registry struct {
	// NoReferrers leaves out the referrers API, as many registries do. It is
	// set before the first request.
	NoReferrers bool
	// NoMount lets mounts begin an upload instead.
	NoMount bool

	mu       sync.Mutex
	repos    map[string]*repository
	uploads  map[string]*upload
	last     int // upload
	requests []string
}

// repository is what one repository has.
type repository struct {
	blobs     map[image.Digest][]byte
	manifests map[image.Digest]manifest
	tags      map[string]image.Digest
}

type manifest struct {
	mediaType string
	raw       []byte
}

// New makes an empty registry.
func New() *Registry {
	return &Registry{repos: make(map[string]*repository), uploads: make(map[string]*upload)}
}

// repo gives a repository, which is made if need be. The caller has the lock.
func (r *Registry) repo(name string) *repository {
	p := r.repos[name]
	if p == nil {
		p = &repository{make(map[image.Digest][]byte), make(map[image.Digest]manifest), make(map[string]image.Digest)}
		r.repos[name] = p
	}
	return p
}

// Requests gives the requests so far that begin with prefix, as "GET
// /v2/app/blobs/sha256:...", in order.
func (r *Registry) Requests(prefix string) []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	var all []string
	for _, s := range r.requests {
		if strings.HasPrefix(s, prefix) {
			all = append(all, s)
		}
	}
	return all
}

// Blob gives a blob, or a manifest, of a repository.
func (r *Registry) Blob(repo string, d image.Digest) ([]byte, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	p := r.repo(repo)
	if b, ok := p.blobs[d]; ok {
		return b, true
	}
	m, ok := p.manifests[d]
	return m.raw, ok
}

// Tag gives what a tag means.
func (r *Registry) Tag(repo, tag string) (image.Digest, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	d, ok := r.repo(repo).tags[tag]
	return d, ok
}

// The paths of the API.
var (
	manifestPath = regexp.MustCompile(`^/v2/(.+)/manifests/([^/]+)$`)
	blobPath     = regexp.MustCompile(`^/v2/(.+)/blobs/([^/]+:[^/]+)$`)
	uploadPath   = regexp.MustCompile(`^/v2/(.+)/blobs/uploads/([^/]*)$`)
	tagsPath     = regexp.MustCompile(`^/v2/(.+)/tags/list$`)
	referPath    = regexp.MustCompile(`^/v2/(.+)/referrers/([^/]+)$`)
)

// ServeHTTP answers a request.
func (r *Registry) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	path := req.URL.Path
	r.mu.Lock()
	r.requests = append(r.requests, req.Method+" "+path)
	r.mu.Unlock()
	w.Header().Set("Docker-Distribution-Api-Version", "registry/2.0")
	if path == "/v2/" || path == "/v2" {
		return
	}
	for _, route := range []struct {
		path  *regexp.Regexp
		serve func(http.ResponseWriter, *http.Request, string, string)
	}{
		{uploadPath, r.serveUpload},
		{manifestPath, r.serveManifest},
		{blobPath, r.serveBlob},
		{referPath, r.serveReferrers},
	} {
		if m := route.path.FindStringSubmatch(path); m != nil {
			route.serve(w, req, m[1], m[2])
			return
		}
	}
	if m := tagsPath.FindStringSubmatch(path); m != nil {
		r.serveTags(w, req, m[1])
		return
	}
	fail(w, http.StatusNotFound, "NOT_FOUND", "no such path")
}

// fail answers with an error.
func fail(w http.ResponseWriter, status int, code, message string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	reply(w, map[string]any{"errors": []map[string]string{{"code": code, "message": message}}})
}

// reply writes JSON. A client that has gone is no matter.
func reply(w http.ResponseWriter, content any) {
	raw, err := json.Marshal(content)
	if err == nil {
		_, _ = w.Write(raw)
	}
}

// names lists the keys of a map in order.
func names[V any](m map[string]V) []string {
	all := make([]string, 0, len(m))
	for n := range m {
		all = append(all, n)
	}
	slices.Sort(all)
	return all
}
