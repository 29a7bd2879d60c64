package registry

import (
	"context"
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"net/netip"
	"slices"

	"oras.land/oras-go/v2/registry"
	"oras.land/oras-go/v2/registry/remote"
	"oras.land/oras-go/v2/registry/remote/auth"

	"github.com/sandkit/sandkit/image"
)

// Limits of lists.
const (
	maxPages     = 1000 // of tags or referrers
	maxErrorBody = 8 << 10
)

// repository is one repository in one place.
type repository struct {
	client *Client
	scheme string
	auth   *auth.Client
	remote *remote.Repository
	policy policy
}

// repository opens a repository, for which its host may be asked how it is to
// be spoken to.
func (c *Client) repository(ctx context.Context, p place) (*repository, error) {
	e := c.endpoint(p)
	scheme, err := e.find(ctx)
	if err != nil {
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	key := p.host + "/" + p.name
	if p.mirror {
		key += " mirror"
	}
	if r := c.repositories[key]; r != nil {
		return r, nil
	}
	a := &auth.Client{
		Client:               e.http,
		Header:               http.Header{"User-Agent": {c.opts.UserAgent}},
		Cache:                auth.NewCache(),
		ClientID:             "sandkit",
		Credential:           c.credential(p),
		BlockedRealmPrefixes: blockedRealms(p.host),
	}
	ref := registry.Reference{Registry: p.host, Repository: p.name}
	r := &repository{
		client: c, scheme: scheme, auth: a,
		remote: &remote.Repository{
			Client: a, Reference: ref, PlainHTTP: scheme == "http",
			TagListMaxPages: maxPages, ReferrerListMaxPages: maxPages, MaxMetadataBytes: image.MaxManifestSize,
		},
		policy: policy{retries: c.opts.Retries, first: c.firstPause, log: c.opts.Logger},
	}
	if p.mirror {
		r.policy.retries = min(r.policy.retries, 1)
	}
	c.repositories[key] = r
	return r, nil
}

// blockedRealms are addresses where a registry's token server cannot be: what
// only this host reaches, unless the registry is there, too.
func blockedRealms(host string) []netip.Prefix {
	blocked := auth.DefaultBlockedRealmPrefixes()
	if isLoopback(host) {
		blocked = slices.DeleteFunc(blocked, func(p netip.Prefix) bool { return p.Addr().IsLoopback() })
	}
	return blocked
}

// credential asks for the credentials of one place, and gives them to nobody
// else.
func (c *Client) credential(p place) auth.CredentialFunc {
	return func(ctx context.Context, host string) (auth.Credential, error) {
		if host != p.host {
			return auth.EmptyCredential, nil
		}
		name := p.host
		if name == hubHost {
			name = "docker.io"
		}
		found, err := c.opts.Auth(ctx, name, p.name)
		if err != nil {
			return auth.EmptyCredential, finalError{err}
		}
		return auth.Credential{
			Username: found.Username, Password: found.Password,
			RefreshToken: found.IdentityToken, AccessToken: found.RegistryToken,
		}, nil
	}
}

// scoped lets tokens be asked for that are good for the whole operation.
func (r *repository) scoped(ctx context.Context, actions ...string) context.Context {
	return auth.AppendRepositoryScope(ctx, r.remote.Reference, actions...)
}

// get sends a request for something in the repository. The caller closes the
// body; the status is anything.
func (r *repository) get(ctx context.Context, method, path string, header http.Header) (*http.Response, error) {
	req, err := http.NewRequestWithContext(r.scoped(ctx, auth.ActionPull), method, r.base()+path, nil)
	if err != nil {
		return nil, err
	}
	maps.Copy(req.Header, header)
	resp, err := r.auth.Do(req)
	if err != nil {
		return nil, plain(err)
	}
	return resp, nil
}

// statusError makes an error of an answer that is no success.
func statusError(resp *http.Response) error {
	e := &StatusError{Status: resp.StatusCode}
	if resp.Request != nil {
		e.Method, e.URL = resp.Request.Method, redacted(resp.Request.URL)
	}
	raw, err := io.ReadAll(io.LimitReader(resp.Body, maxErrorBody))
	if err != nil {
		return e // the status says enough
	}
	var body struct {
		Errors []struct {
			Code    string `json:"code"`
			Message string `json:"message"`
		} `json:"errors"`
	}
	if json.Unmarshal(raw, &body) == nil && len(body.Errors) > 0 {
		e.Code, e.Message = printable(body.Errors[0].Code), printable(body.Errors[0].Message)
	}
	return e
}
