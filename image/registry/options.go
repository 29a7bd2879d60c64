package registry

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"log/slog"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/sandkit/sandkit/image"
)

// Defaults of Options.
const (
	DefaultConcurrency  = 4                // as Docker and containerd have it
	DefaultRetries      = 5                // some ten seconds with the pauses in between
	DefaultMaxLayerSize = 64 << 30         // larger ones are no layers
	DefaultMaxImageSize = 256 << 30        // of one platform
	DefaultStallTimeout = 60 * time.Second // slow disks of registries take half as long
)

// Options say how registries are spoken to. The zero value is good for most.
type Options struct {
	// Auth finds credentials. If nil, they are taken from where docker login
	// and podman login put them, see [UserAuth]; [NoAuth] is anonymous.
	Auth Auth
	// Mirrors are tried in order before a registry when something is fetched
	// from it: "docker.io": {"mirror.example.com", "cache.example.com/hub"}.
	// What follows the host goes before the repository's name. Credentials are
	// the mirror's own. Pushing goes to the registry itself.
	Mirrors map[string][]string
	// PlainHTTP are hosts, with their ports, that are spoken to without TLS. On
	// the loopback addresses a registry without TLS is found out.
	PlainHTTP []string
	// RootCAs are those who may vouch for registries; the system's if nil.
	RootCAs *x509.CertPool
	// ClientCerts are what this program shows to hosts, with their ports, that
	// want to see a certificate.
	ClientCerts map[string]tls.Certificate
	// InsecureSkipVerify are hosts, with their ports, whose certificates are
	// not checked: whoever is in between can read credentials.
	InsecureSkipVerify []string
	// Proxy says which proxy is used for a request. If nil, the environment
	// does: HTTPS_PROXY, HTTP_PROXY and NO_PROXY.
	Proxy func(*http.Request) (*url.URL, error)
	// Concurrency is how many blobs one Pull or Push moves at once; 0 means
	// DefaultConcurrency.
	Concurrency int
	// Retries is how often a request is tried again after a failure that may
	// pass; 0 means DefaultRetries, less than 0 means not at all.
	Retries int
	// MaxLayerSize limits each layer as it is packed, MaxImageSize all blobs
	// of one image, in bytes; 0 means DefaultMaxLayerSize and
	// DefaultMaxImageSize.
	MaxLayerSize, MaxImageSize int64
	// StallTimeout is after how long without a byte a registry is given up; 0
	// means DefaultStallTimeout. For its answer to an upload it has five times
	// as long.
	StallTimeout time.Duration
	// UserAgent is what this program calls itself; "sandkit" if empty.
	UserAgent string
	// Logger is told of retries and of mirrors that fail. If nil, nobody is.
	Logger *slog.Logger
}

// withDefaults fills in what is zero.
func (o Options) withDefaults() Options {
	if o.Auth == nil {
		o.Auth = UserAuth()
	}
	if o.Proxy == nil {
		o.Proxy = http.ProxyFromEnvironment
	}
	if o.Concurrency == 0 {
		o.Concurrency = DefaultConcurrency
	}
	switch {
	case o.Retries == 0:
		o.Retries = DefaultRetries
	case o.Retries < 0:
		o.Retries = 0
	}
	if o.MaxLayerSize == 0 {
		o.MaxLayerSize = DefaultMaxLayerSize
	}
	if o.MaxImageSize == 0 {
		o.MaxImageSize = DefaultMaxImageSize
	}
	if o.StallTimeout == 0 {
		o.StallTimeout = DefaultStallTimeout
	}
	if o.UserAgent == "" {
		o.UserAgent = "sandkit"
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	return o
}

// check finds what cannot be meant.
func (o Options) check() error {
	for _, n := range []struct {
		name  string
		wrong bool
	}{
		{"Concurrency", o.Concurrency < 0},
		{"MaxLayerSize", o.MaxLayerSize < 0},
		{"MaxImageSize", o.MaxImageSize < 0},
		{"StallTimeout", o.StallTimeout < 0},
	} {
		if n.wrong {
			return &OptionError{Option: n.name, Value: "< 0", Err: errors.New("it cannot be negative")}
		}
	}
	if strings.ContainsFunc(o.UserAgent, func(r rune) bool { return r < ' ' || r > '~' }) {
		return &OptionError{Option: "UserAgent", Value: o.UserAgent, Err: errors.New("want printable ASCII")}
	}
	for registry, mirrors := range o.Mirrors {
		for _, m := range mirrors {
			if _, _, err := splitMirror(m); err != nil {
				return &OptionError{Option: "Mirrors", Value: registry + ": " + m, Err: err}
			}
		}
		if err := checkHost(registry); err != nil {
			return &OptionError{Option: "Mirrors", Value: registry, Err: err}
		}
	}
	for name, hosts := range map[string][]string{"PlainHTTP": o.PlainHTTP, "InsecureSkipVerify": o.InsecureSkipVerify} {
		for _, h := range hosts {
			if err := checkHost(h); err != nil {
				return &OptionError{Option: name, Value: h, Err: err}
			}
		}
	}
	for h := range o.ClientCerts {
		if err := checkHost(h); err != nil {
			return &OptionError{Option: "ClientCerts", Value: h, Err: err}
		}
	}
	return nil
}

// checkHost makes sure that a host is one, as references have it.
func checkHost(h string) error {
	r, err := image.ParseRef(h + "/x/y")
	if err != nil || r.Registry() != h && h != "index.docker.io" {
		return errors.New("want a host, or host:port")
	}
	return nil
}

// splitMirror gives host and path of a mirror.
func splitMirror(m string) (host, path string, err error) {
	host, path, _ = strings.Cut(m, "/")
	if err := checkHost(host); err != nil {
		return "", "", err
	}
	if path == "" {
		return host, "", nil
	}
	r, err := image.ParseRef(host + "/" + path + "/x")
	if err != nil || r.Repository() != path+"/x" {
		return "", "", errors.New("want host/path")
	}
	return host, path + "/", nil
}

// isLoopback tells whether a host, perhaps with a port, is this one.
func isLoopback(host string) bool {
	u := url.URL{Host: host}
	name := u.Hostname()
	if name == "localhost" || strings.HasSuffix(name, ".localhost") {
		return true
	}
	ip, err := netip.ParseAddr(name)
	return err == nil && ip.Unmap().IsLoopback()
}

// isPlain tells whether a host is to be spoken to without TLS.
func (o Options) isPlain(host string) bool { return slices.Contains(o.PlainHTTP, host) }
