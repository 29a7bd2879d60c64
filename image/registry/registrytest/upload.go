package registrytest

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"

	"github.com/sandkit/sandkit/image"
)

// upload is a blob that is being sent.
type upload struct {
	repo string
	raw  []byte
}

func (r *Registry) serveUpload(w http.ResponseWriter, req *http.Request, repo, id string) {
	if req.Method == http.MethodPost && id == "" {
		r.beginUpload(w, req, repo)
		return
	}
	r.mu.Lock()
	u := r.uploads[id]
	r.mu.Unlock()
	if u == nil || u.repo != repo {
		fail(w, http.StatusNotFound, "BLOB_UPLOAD_UNKNOWN", "upload unknown")
		return
	}
	switch req.Method {
	case http.MethodPatch:
		if at, _, ok := strings.Cut(req.Header.Get("Content-Range"), "-"); ok && at != strconv.Itoa(len(u.raw)) {
			fail(w, http.StatusRequestedRangeNotSatisfiable, "BLOB_UPLOAD_INVALID", "parts must follow each other")
			return
		}
		if r.read(u, req.Body) {
			r.accepted(w, repo, id, len(u.raw))
		}
	case http.MethodPut:
		if r.read(u, req.Body) {
			r.endUpload(w, id, u, image.Digest(req.URL.Query().Get("digest")))
		}
	case http.MethodDelete:
		r.mu.Lock()
		delete(r.uploads, id)
		r.mu.Unlock()
		w.WriteHeader(http.StatusNoContent)
	default:
		r.accepted(w, repo, id, len(u.raw))
	}
}

// read adds a part; a client that has gone adds nothing.
func (r *Registry) read(u *upload, body io.Reader) bool {
	var b bytes.Buffer
	if _, err := io.Copy(&b, body); err != nil {
		return false
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	u.raw = append(u.raw, b.Bytes()...)
	return true
}

// beginUpload begins an upload, or mounts a blob instead.
func (r *Registry) beginUpload(w http.ResponseWriter, req *http.Request, repo string) {
	q := req.URL.Query()
	r.mu.Lock()
	r.repo(repo)
	if d := image.Digest(q.Get("mount")); d != "" && !r.NoMount {
		if raw, ok := r.repo(q.Get("from")).blobs[d]; ok {
			r.repo(repo).blobs[d] = raw
			r.mu.Unlock()
			created(w, repo, d)
			return
		}
	}
	r.last++
	id := fmt.Sprintf("upload-%d", r.last)
	u := &upload{repo: repo}
	r.uploads[id] = u
	r.mu.Unlock()
	if d := q.Get("digest"); d != "" { // all at once
		if r.read(u, req.Body) {
			r.endUpload(w, id, u, image.Digest(d))
		}
		return
	}
	r.accepted(w, repo, id, 0)
}

func (r *Registry) endUpload(w http.ResponseWriter, id string, u *upload, d image.Digest) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.uploads, id)
	if d.Validate() != nil || d.Algorithm().FromBytes(u.raw) != d {
		fail(w, http.StatusBadRequest, "DIGEST_INVALID", "provided digest did not match uploaded content")
		return
	}
	r.repo(u.repo).blobs[d] = u.raw
	created(w, u.repo, d)
}

func (r *Registry) accepted(w http.ResponseWriter, repo, id string, size int) {
	w.Header().Set("Location", "/v2/"+repo+"/blobs/uploads/"+id)
	w.Header().Set("Range", fmt.Sprintf("0-%d", max(0, size-1)))
	w.WriteHeader(http.StatusAccepted)
}

func created(w http.ResponseWriter, repo string, d image.Digest) {
	w.Header().Set("Location", "/v2/"+repo+"/blobs/"+string(d))
	w.Header().Set("Docker-Content-Digest", string(d))
	w.WriteHeader(http.StatusCreated)
}
