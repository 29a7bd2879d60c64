package registry

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"oras.land/oras-go/v2/registry/remote/retry"

	"github.com/sandkit/sandkit/image"
)

// A Client speaks to registries. It remembers their tokens and how they are to
// be spoken to. All methods are safe for concurrent use.
type Client struct {
	opts       Options
	transport  *stallTransport
	firstPause time.Duration

	mu           sync.Mutex
	endpoints    map[string]*endpoint   // by host
	repositories map[string]*repository // by host and name
}

// New makes a client. Nothing is contacted yet. The error is an *OptionError.
func New(o Options) (*Client, error) {
	if err := o.check(); err != nil {
		return nil, fmt.Errorf("make registry client: %w", err)
	}
	o = o.withDefaults()
	return &Client{
		opts:         o,
		transport:    &stallTransport{newHostTransport(o), o.StallTimeout},
		firstPause:   firstPause,
		endpoints:    make(map[string]*endpoint),
		repositories: make(map[string]*repository),
	}, nil
}

// CloseIdle closes connections that nothing uses at the moment. They close by
// themselves after half a minute; the client stays usable.
func (c *Client) CloseIdle() { c.transport.CloseIdleConnections() }

// String tells what is set.
func (c *Client) String() string {
	return fmt.Sprintf("registry client %s, %d at once", c.opts.UserAgent, c.opts.Concurrency)
}

// hubHost has the images of docker.io.
const hubHost = "registry-1.docker.io"

// sources are the places that a repository can be fetched from: mirrors, and
// the registry itself.
type sources struct {
	client *Client
	ref    image.Ref
	places []place
}

type place struct {
	host   string
	name   string
	mirror bool
}

// sourcesOf gives where the image is to be found.
func (c *Client) sourcesOf(ref image.Ref) *sources {
	s := &sources{client: c, ref: ref}
	for _, m := range c.opts.Mirrors[ref.Registry()] {
		host, path, err := splitMirror(m)
		if err == nil { // New has checked it
			s.places = append(s.places, place{host, path + ref.Repository(), true})
		}
	}
	s.places = append(s.places, originOf(ref))
	return s
}

// originOf is the registry itself.
func originOf(ref image.Ref) place {
	host := ref.Registry()
	if host == "docker.io" {
		host = hubHost
	}
	return place{host: host, name: ref.Repository()}
}

// mirrorRest is how long a mirror that cannot be reached is left alone: blobs
// would wait for it one by one.
const mirrorRest = time.Minute

// try does something with one place after the other until it works. The error
// is the last place's, which is the registry's own.
func (s *sources) try(ctx context.Context, what string, do func(*repository) error) error {
	for i, p := range s.places {
		rest := &s.client.endpoint(p).rest
		if p.mirror && time.Now().UnixNano() < rest.Load() {
			continue
		}
		r, err := s.client.repository(ctx, p)
		if err == nil {
			err = plain(do(r))
		}
		if _, final := errors.AsType[finalError](err); err == nil || final || ctx.Err() != nil || i == len(s.places)-1 {
			return err
		}
		if _, answered := errors.AsType[*StatusError](err); !answered && !errors.Is(err, image.ErrCorrupt) {
			rest.Store(time.Now().Add(mirrorRest).UnixNano())
		}
		s.client.opts.Logger.Warn("registry: mirror failed", "mirror", p.host, "what", what, "image", s.ref.String(), "error", err)
	}
	return nil
}

// origin opens the repository in the registry itself.
func (c *Client) origin(ctx context.Context, ref image.Ref) (*repository, error) {
	if ref.IsZero() {
		return nil, &OptionError{Option: "ref", Err: errNothing}
	}
	return c.repository(ctx, originOf(ref))
}

// endpoint is one host.
type endpoint struct {
	host string
	http *http.Client
	mu   sync.Mutex
	// scheme is "http" or "https", or empty until it is known.
	scheme string
	rest   atomic.Int64 // when a mirror is to be asked again, in Unix nanoseconds
}

// endpoint gives what is known of a host.
func (c *Client) endpoint(p place) *endpoint {
	c.mu.Lock()
	defer c.mu.Unlock()
	key := p.host
	retries := c.opts.Retries
	if p.mirror {
		key += " mirror"
		retries = min(retries, 1) // there is somebody else to ask
	}
	e := c.endpoints[key]
	if e == nil {
		e = &endpoint{host: p.host, http: c.httpClient(retries)}
		if !isLoopback(p.host) {
			e.scheme = "https"
		}
		if c.opts.isPlain(p.host) {
			e.scheme = "http"
		}
		c.endpoints[key] = e
	}
	return e
}

// find finds out whether a host on the loopback speaks TLS.
func (e *endpoint) find(ctx context.Context) (string, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.scheme != "" {
		return e.scheme, nil
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "https://"+e.host+"/v2/", nil)
	if err != nil {
		return "", err
	}
	transport := e.http.Transport
	if r, ok := transport.(*retry.Transport); ok {
		transport = r.Base
	}
	resp, err := transport.RoundTrip(req)
	switch {
	case err == nil:
		e.scheme = "https"
		return e.scheme, resp.Body.Close()
	case speaksNoTLS(err):
		e.scheme = "http"
		return e.scheme, nil
	}
	return "", fmt.Errorf("connect to %s: %w", e.host, err)
}

// base is the beginning of a repository's URLs.
func (r *repository) base() string {
	return strings.Join([]string{r.scheme, "://", r.remote.Reference.Registry, "/v2/", r.remote.Reference.Repository}, "")
}
