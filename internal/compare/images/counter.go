package main

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"path"
	"strings"
	"sync"
)

// A counter is a registry that passes everything on to another one, and counts
// how often each blob is downloaded from it.
type counter struct {
	addr   string
	server http.Server
	ended  chan error

	mu    sync.Mutex
	blobs map[string]int // downloads by digest, begun or whole
}

// startCounter starts one on the loopback, for the registry at an address.
func startCounter(ctx context.Context, upstream string) (*counter, error) {
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	c := &counter{addr: l.Addr().String(), ended: make(chan error, 1), blobs: make(map[string]int)}
	proxy := httputil.NewSingleHostReverseProxy(&url.URL{Scheme: "http", Host: upstream})
	c.server.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodGet && path.Base(path.Dir(r.URL.Path)) == "blobs" && strings.Contains(path.Base(r.URL.Path), ":") {
			c.mu.Lock()
			c.blobs[path.Base(r.URL.Path)]++
			c.mu.Unlock()
		}
		proxy.ServeHTTP(w, r)
	})
	go func() { c.ended <- c.server.Serve(l) }()
	return c, nil
}

// most is how often the blob was downloaded that was downloaded most often, of
// so many blobs.
func (c *counter) most() (downloads, blobs int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, n := range c.blobs {
		downloads = max(downloads, n)
	}
	return downloads, len(c.blobs)
}

// close ends it.
func (c *counter) close() error {
	err := c.server.Close()
	if ended := <-c.ended; !errors.Is(ended, http.ErrServerClosed) {
		err = errors.Join(err, ended)
	}
	return err
}
