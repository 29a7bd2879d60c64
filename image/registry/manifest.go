package registry

import (
	"context"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"

	"github.com/opencontainers/go-digest"

	"github.com/sandkit/sandkit/image"
)

// manifestTypes are what this package understands, in the order in which
// registries are to choose.
var manifestTypes = []string{
	image.MediaTypeOCIIndex, image.MediaTypeDockerManifestList, image.MediaTypeOCIManifest, image.MediaTypeDockerManifest,
}

// digestHeader is where registries say what they send.
const digestHeader = "Docker-Content-Digest"

// Resolve asks what a reference means now: the descriptor of its manifest or
// index. Nothing is downloaded as a rule, so that it shows cheaply whether an
// image has changed; registries do not count it as a pull. The error matches
// [image.ErrNotFound] when there is no such image.
func (c *Client) Resolve(ctx context.Context, ref image.Ref) (image.Descriptor, error) {
	d, _, err := c.resolve(ctx, ref)
	if err != nil {
		return image.Descriptor{}, failed("resolve", ref, err)
	}
	return d, nil
}

// resolve gives the manifest as well, where a registry does not tell its
// descriptor without it.
func (c *Client) resolve(ctx context.Context, ref image.Ref) (d image.Descriptor, raw []byte, err error) {
	if ref.IsZero() {
		return d, nil, &OptionError{Option: "ref", Err: errNothing}
	}
	err = c.sourcesOf(ref).try(ctx, "resolve", func(r *repository) (err error) {
		d, raw, err = r.resolve(ctx, ref)
		return err
	})
	return d, raw, err
}

// resolve asks one place.
func (r *repository) resolve(ctx context.Context, ref image.Ref) (image.Descriptor, []byte, error) {
	reference := ref.Tag()
	if ref.Digest() != "" {
		reference = string(ref.Digest())
	}
	if d, ok, err := r.head(ctx, reference, ref.Digest()); ok || err != nil {
		return d, nil, err
	}
	return r.manifest(ctx, reference, ref.Digest())
}

// head asks for a manifest's descriptor; ok tells whether that sufficed.
func (r *repository) head(ctx context.Context, reference string, want image.Digest) (d image.Descriptor, ok bool, err error) {
	resp, err := r.get(ctx, http.MethodHead, "/manifests/"+reference, http.Header{"Accept": manifestTypes})
	if err != nil {
		return d, false, err
	}
	defer func() { err = errors.Join(err, resp.Body.Close()) }()
	if temporaryStatus(resp.StatusCode) {
		return d, false, statusError(resp)
	}
	if resp.StatusCode != http.StatusOK || resp.ContentLength < 0 {
		return d, false, nil // there is no text about the error, or no size
	}
	d = image.Descriptor{Digest: image.Digest(resp.Header.Get(digestHeader)), Size: resp.ContentLength}
	if want != "" && (d.Digest.Validate() != nil || d.Digest.Algorithm() != want.Algorithm()) {
		d.Digest = want // what comes will be checked
	}
	d.MediaType, _, err = mime.ParseMediaType(resp.Header.Get("Content-Type"))
	if err != nil || !image.IsManifest(d.MediaType) && !image.IsIndex(d.MediaType) || image.CheckDescriptor(d) != nil {
		return d, false, nil // the manifest itself will tell
	}
	if d.Size > image.MaxManifestSize {
		return d, false, &image.LimitError{What: "manifest size", Limit: image.MaxManifestSize, Got: d.Size}
	}
	if want != "" && d.Digest != want {
		return d, false, &image.DigestError{Want: want, Got: d.Digest}
	}
	return d, true, nil
}

// manifest fetches a manifest by tag or digest, and checks its digest where one
// is wanted.
func (r *repository) manifest(ctx context.Context, reference string, want image.Digest) (d image.Descriptor, raw []byte, err error) {
	err = r.again(ctx, func() error {
		d, raw, err = r.manifestOnce(ctx, reference, want)
		return err
	})
	return d, raw, err
}

// again tries what breaks in the middle some more times.
func (r *repository) again(ctx context.Context, do func() error) error {
	for attempt := 0; ; attempt++ {
		err := do()
		if _, broken := errors.AsType[*brokenError](err); err == nil || !broken || attempt >= r.policy.retries {
			return err
		}
		if err := r.policy.wait(ctx, attempt); err != nil {
			return err
		}
	}
}

func (r *repository) manifestOnce(ctx context.Context, reference string, want image.Digest) (d image.Descriptor, raw []byte, err error) {
	resp, err := r.get(ctx, http.MethodGet, "/manifests/"+reference, http.Header{"Accept": manifestTypes})
	if err != nil {
		return d, nil, err
	}
	defer func() { err = errors.Join(err, resp.Body.Close()) }()
	if resp.StatusCode != http.StatusOK {
		return d, nil, statusError(resp)
	}
	raw, err = readBody(resp, "manifest", image.MaxManifestSize)
	if err != nil {
		return d, nil, err
	}
	algorithm := digest.Canonical
	if want != "" {
		algorithm = want.Algorithm()
	}
	d = image.Descriptor{Digest: algorithm.FromBytes(raw), Size: int64(len(raw))}
	for _, told := range []image.Digest{want, image.Digest(resp.Header.Get(digestHeader))} {
		if told.Validate() == nil && told.Algorithm() == algorithm && told != d.Digest {
			return d, nil, &image.DigestError{Want: told, Got: d.Digest}
		}
	}
	d.MediaType, err = manifestType(resp.Header.Get("Content-Type"), raw)
	return d, raw, err
}

// manifestType is the media type that a registry tells, or what the manifest
// says itself when the registry says nothing of interest.
func manifestType(header string, raw []byte) (string, error) {
	told, _, err := mime.ParseMediaType(header)
	if err != nil {
		told = ""
	}
	switch {
	case image.IsManifest(told), image.IsIndex(told):
		return told, nil
	case told == "", told == "application/json", told == "text/plain", told == "application/octet-stream":
		return image.DetectMediaType(raw)
	}
	return "", &image.MediaTypeError{What: "manifest", Got: told}
}

// readBody reads a small answer.
func readBody(resp *http.Response, what string, limit int64) ([]byte, error) {
	if resp.ContentLength > limit {
		return nil, &image.LimitError{What: what + " size", Limit: limit, Got: resp.ContentLength}
	}
	raw, err := io.ReadAll(io.LimitReader(resp.Body, limit+1))
	if err != nil {
		return nil, &brokenError{fmt.Errorf("read %s: %w", what, err)}
	}
	if int64(len(raw)) > limit {
		return nil, &image.LimitError{What: what + " size", Limit: limit}
	}
	return raw, nil
}

// brokenError is a connection that ended in the middle. What did not come
// makes it match image.ErrCorrupt.
type brokenError struct{ err error }

// Error gives the cause.
func (e *brokenError) Error() string { return e.err.Error() }

// Unwrap gives the cause.
func (e *brokenError) Unwrap() error { return e.err }

// Is matches image.ErrCorrupt when content is not complete, rather than late.
func (e *brokenError) Is(target error) bool {
	return target == image.ErrCorrupt && (errors.Is(e.err, io.ErrUnexpectedEOF) || errors.Is(e.err, io.EOF))
}
