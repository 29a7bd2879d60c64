package registrytest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/sandkit/sandkit/image"
)

func (r *Registry) serveBlob(w http.ResponseWriter, req *http.Request, repo, digest string) {
	r.mu.Lock()
	raw, ok := r.repo(repo).blobs[image.Digest(digest)]
	if ok && req.Method == http.MethodDelete {
		delete(r.repo(repo).blobs, image.Digest(digest))
	}
	r.mu.Unlock()
	switch {
	case !ok:
		fail(w, http.StatusNotFound, "BLOB_UNKNOWN", "blob unknown to registry")
	case req.Method == http.MethodDelete:
		w.WriteHeader(http.StatusAccepted)
	default:
		w.Header().Set("Content-Type", "application/octet-stream")
		w.Header().Set("Docker-Content-Digest", digest)
		http.ServeContent(w, req, "", time.Time{}, bytes.NewReader(raw))
	}
}

func (r *Registry) serveManifest(w http.ResponseWriter, req *http.Request, repo, reference string) {
	if req.Method == http.MethodPut {
		r.putManifest(w, req, repo, reference)
		return
	}
	r.mu.Lock()
	p := r.repo(repo)
	digest, ok := p.tags[reference]
	if !ok {
		digest = image.Digest(reference)
	}
	m, ok := p.manifests[digest]
	if ok && req.Method == http.MethodDelete {
		delete(p.manifests, digest)
		for tag, d := range p.tags {
			if d == digest {
				delete(p.tags, tag)
			}
		}
	}
	r.mu.Unlock()
	switch {
	case !ok:
		fail(w, http.StatusNotFound, "MANIFEST_UNKNOWN", "manifest unknown")
	case req.Method == http.MethodDelete:
		w.WriteHeader(http.StatusAccepted)
	default:
		w.Header().Set("Content-Type", m.mediaType)
		w.Header().Set("Docker-Content-Digest", string(digest))
		w.Header().Set("Content-Length", strconv.Itoa(len(m.raw)))
		if req.Method != http.MethodHead {
			_, _ = w.Write(m.raw) // a client that has gone is no matter
		}
	}
}

func (r *Registry) putManifest(w http.ResponseWriter, req *http.Request, repo, reference string) {
	raw, err := io.ReadAll(io.LimitReader(req.Body, image.MaxManifestSize+1))
	if err != nil {
		return // the client has gone
	}
	d := image.Describe(req.Header.Get("Content-Type"), raw)
	r.mu.Lock()
	defer r.mu.Unlock()
	subject, err := r.check(repo, d, raw)
	if strings.Contains(reference, ":") && reference != string(d.Digest) {
		err = fmt.Errorf("content has digest %s", d.Digest)
	}
	if err != nil {
		fail(w, http.StatusBadRequest, "MANIFEST_INVALID", err.Error())
		return
	}
	r.addManifest(repo, reference, d, raw)
	if subject != "" && !r.NoReferrers {
		w.Header().Set("OCI-Subject", string(subject))
	}
	w.Header().Set("Location", "/v2/"+repo+"/manifests/"+string(d.Digest))
	w.Header().Set("Docker-Content-Digest", string(d.Digest))
	w.WriteHeader(http.StatusCreated)
}

// check makes sure that a manifest is one, and that all it names is there.
func (r *Registry) check(repo string, d image.Descriptor, raw []byte) (subject image.Digest, err error) {
	p := r.repo(repo)
	var on *image.Descriptor
	if image.IsIndex(d.MediaType) {
		x, err := image.ParseIndex(d, raw)
		if err != nil {
			return "", err
		}
		on = x.Subject
		for _, m := range x.Manifests {
			if _, ok := p.manifests[m.Digest]; !ok {
				return "", fmt.Errorf("manifest %s is not there", m.Digest)
			}
		}
	} else {
		m, err := image.ParseManifest(d, raw)
		if err != nil {
			return "", err
		}
		on = m.Subject
		for _, b := range append(slices.Clone(m.Layers), m.Config) {
			if _, ok := p.blobs[b.Digest]; !ok {
				return "", fmt.Errorf("blob %s is not there", b.Digest)
			}
		}
	}
	if on != nil {
		subject = on.Digest
	}
	return subject, nil
}

// addManifest adds a manifest. The caller has the lock.
func (r *Registry) addManifest(repo, reference string, d image.Descriptor, raw []byte) {
	p := r.repo(repo)
	p.manifests[d.Digest] = manifest{d.MediaType, raw}
	if reference != "" && !strings.Contains(reference, ":") {
		p.tags[reference] = d.Digest
	}
}

func (r *Registry) serveTags(w http.ResponseWriter, req *http.Request, repo string) {
	r.mu.Lock()
	p, ok := r.repos[repo]
	var tags []string
	if ok {
		tags = names(p.tags)
	}
	r.mu.Unlock()
	if !ok {
		fail(w, http.StatusNotFound, "NAME_UNKNOWN", "repository name not known to registry")
		return
	}
	if last := req.URL.Query().Get("last"); last != "" {
		i, found := slices.BinarySearch(tags, last)
		if found {
			i++
		}
		tags = tags[i:]
	}
	if n, err := strconv.Atoi(req.URL.Query().Get("n")); err == nil && n > 0 && n < len(tags) {
		tags = tags[:n]
		next := url.Values{"n": {strconv.Itoa(n)}, "last": {tags[n-1]}}
		w.Header().Set("Link", fmt.Sprintf("<%s?%s>; rel=\"next\"", req.URL.Path, next.Encode()))
	}
	w.Header().Set("Content-Type", "application/json")
	reply(w, map[string]any{"name": repo, "tags": tags})
}

func (r *Registry) serveReferrers(w http.ResponseWriter, req *http.Request, repo, digest string) {
	if r.NoReferrers {
		fail(w, http.StatusNotFound, "NOT_FOUND", "no such path")
		return
	}
	wanted := req.URL.Query().Get("artifactType")
	index := image.Index{SchemaVersion: 2, MediaType: image.MediaTypeOCIIndex, Manifests: []image.Descriptor{}}
	r.mu.Lock()
	p := r.repo(repo)
	for _, d := range names(stringKeys(p.manifests)) {
		m := p.manifests[image.Digest(d)]
		refers, ok := referrer(m)
		if ok && string(refers.subject) == digest && (wanted == "" || wanted == refers.desc.ArtifactType) {
			index.Manifests = append(index.Manifests, refers.desc)
		}
	}
	r.mu.Unlock()
	if wanted != "" {
		w.Header().Set("OCI-Filters-Applied", "artifactType")
	}
	w.Header().Set("Content-Type", ocispec.MediaTypeImageIndex)
	reply(w, index)
}

type reference struct {
	subject image.Digest
	desc    image.Descriptor
}

// referrer tells what a manifest refers to.
func referrer(m manifest) (reference, bool) {
	var doc image.Manifest
	if err := json.Unmarshal(m.raw, &doc); err != nil || doc.Subject == nil {
		return reference{}, false
	}
	d := image.Describe(m.mediaType, m.raw)
	d.ArtifactType, d.Annotations = doc.ArtifactType, doc.Annotations
	if d.ArtifactType == "" {
		d.ArtifactType = doc.Config.MediaType
	}
	return reference{doc.Subject.Digest, d}, true
}

func stringKeys[V any](m map[image.Digest]V) map[string]V {
	all := make(map[string]V, len(m))
	for k, v := range m {
		all[string(k)] = v
	}
	return all
}
