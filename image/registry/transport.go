package registry

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"slices"
	"time"

	"oras.land/oras-go/v2/registry/remote/retry"
)

// Times of connections; what comes after is up to the stallTransport.
const (
	dialTimeout = 30 * time.Second // as that of net/http
	idleTimeout = 30 * time.Second // between the requests of one pull
)

// maxRedirects is as net/http has it.
const maxRedirects = 10

// hostTransport has a transport for each host that is special, also when
// another one redirects to it.
type hostTransport struct {
	special map[string]*http.Transport
	others  *http.Transport
}

// newHostTransport makes the transports that options call for.
func newHostTransport(o Options) *hostTransport {
	t := &hostTransport{special: make(map[string]*http.Transport), others: newTransport(o, "")}
	for h := range o.ClientCerts {
		t.special[h] = newTransport(o, h)
	}
	for _, h := range o.InsecureSkipVerify {
		t.special[h] = newTransport(o, h)
	}
	return t
}

func newTransport(o Options, host string) *http.Transport {
	c := &tls.Config{RootCAs: o.RootCAs, MinVersion: tls.VersionTLS12}
	if cert, ok := o.ClientCerts[host]; ok {
		c.Certificates = []tls.Certificate{cert}
	}
	c.InsecureSkipVerify = slices.Contains(o.InsecureSkipVerify, host)
	return &http.Transport{
		Proxy:               o.Proxy,
		DialContext:         (&net.Dialer{Timeout: dialTimeout, KeepAlive: dialTimeout}).DialContext,
		TLSClientConfig:     c,
		TLSHandshakeTimeout: dialTimeout,
		ForceAttemptHTTP2:   true,
		MaxIdleConnsPerHost: o.Concurrency,
		IdleConnTimeout:     idleTimeout,
		// Digests are of content as it is sent.
		DisableCompression:     true,
		MaxResponseHeaderBytes: 64 << 10,
	}
}

// RoundTrip sends a request.
func (t *hostTransport) RoundTrip(req *http.Request) (*http.Response, error) {
	if s, ok := t.special[req.URL.Host]; ok {
		return s.RoundTrip(req)
	}
	return t.others.RoundTrip(req)
}

// CloseIdleConnections is for http.Client.
func (t *hostTransport) CloseIdleConnections() {
	t.others.CloseIdleConnections()
	for _, s := range t.special {
		s.CloseIdleConnections()
	}
}

// httpClient makes the client for an endpoint.
func (c *Client) httpClient(retries int) *http.Client {
	p := &policy{retries: retries, first: c.firstPause, log: c.opts.Logger}
	return &http.Client{
		Transport:     &retry.Transport{Base: c.transport, Policy: func() retry.Policy { return p }},
		CheckRedirect: c.checkRedirect,
	}
}

// checkRedirect refuses to leave TLS, unless that was asked for.
func (c *Client) checkRedirect(req *http.Request, via []*http.Request) error {
	if len(via) >= maxRedirects {
		return fmt.Errorf("more than %d redirects", maxRedirects)
	}
	if req.URL.Scheme != "https" && via[len(via)-1].URL.Scheme == "https" && !c.opts.isPlain(req.URL.Host) {
		return fmt.Errorf("redirect to %s, which is not encrypted", redacted(req.URL))
	}
	return nil
}

// speaksNoTLS tells whether that is what an error says.
func speaksNoTLS(err error) bool {
	var header tls.RecordHeaderError
	return errors.Is(err, http.ErrSchemeMismatch) || errors.As(err, &header)
}
