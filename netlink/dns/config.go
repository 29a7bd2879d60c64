package dns

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"slices"
	"time"

	"golang.org/x/net/dns/dnsmessage"
)

// Type is what is asked about a name: 1 for IPv4 addresses, 28 for those of IPv6, and
// so on.
type Type uint16

// String is the usual name, "AAAA" for example, or the number.
func (t Type) String() string {
	s := dnsmessage.Type(t).String()
	if len(s) > 4 && s[:4] == "Type" { // the library's way to write those it knows
		return s[4:]
	}
	return s
}

// Question is what somebody inside asks.
type Question struct {
	Name string // in lower case, without a dot at the end
	Type Type
}

// Denial is how a question is answered that the policy does not allow.
type Denial uint8

const (
	// DenyRefused says that the server does not want to answer (REFUSED). Resolvers
	// may try another server.
	DenyRefused Denial = iota
	// DenyNoName says that there is no such name (NXDOMAIN), which ends the search.
	DenyNoName
)

// Config is how a [Server] answers. The zero value knows no names and nobody to ask.
type Config struct {
	// Names are answered here. Nil: none.
	Names Names
	// Search are the domains in the resolv.conf of who asks. A known name below one of
	// them is that name: a resolver that adds the domain first asks nobody outside
	// about sandboxes. Nil: none.
	Search []string

	// Upstreams are asked for all other names, one after the other until one gives an
	// answer that is neither SERVFAIL nor REFUSED. The first three count; port 0 is
	// 53. Without any, other names are answered with SERVFAIL.
	Upstreams []netip.AddrPort
	// Dial makes the connections to upstreams, with "udp" or "tcp". It has to make a
	// new one each time, connected to the address, and to end with its context. Nil:
	// as [net.Dialer] does it, in the network of the host program.
	Dial func(ctx context.Context, network, addr string) (net.Conn, error)
	// Policy is asked before an upstream is; an error answers with Denial. Answers
	// about known names are not its business. It should not block. Nil: all is allowed.
	Policy func(ctx context.Context, q Question) error
	// Inspect sees the addresses of an upstream's answer before who asked does; an
	// error answers with Denial. So addresses can be allowed for a while, or those of
	// the host's own network be kept from names of strangers. It does not see those in
	// records of type SVCB and HTTPS (64 and 65); Policy may refuse these. Nil: all is
	// allowed.
	Inspect func(ctx context.Context, q Question, addrs []netip.Addr) error
	Denial  Denial

	// Timeout is how long one upstream may take, and how long who asks by TCP to read
	// the answer. 0: 4 seconds.
	Timeout time.Duration
	// Idle is how long a TCP connection may be without a question. 0: 10 seconds.
	Idle time.Duration
	// TTL is how long resolvers may keep what is answered here, in full seconds; less
	// than one is not at all. 0: 10 minutes, as with Docker.
	TTL time.Duration
	// MaxConcurrent is how many questions may wait for upstreams at a time; further
	// ones are answered with SERVFAIL. 0: 1024. In addition 256 may be answered here,
	// and as many TCP connections be open.
	MaxConcurrent int

	// Logger gets what fails, at level debug. Nil: nothing is logged.
	Logger *slog.Logger
}

// ConfigError is a setting that cannot be.
type ConfigError struct {
	Field string
	Err   error // why
}

func (e *ConfigError) Error() string { return fmt.Sprintf("name server: %s: %v", e.Field, e.Err) }

// Unwrap gives the cause.
func (e *ConfigError) Unwrap() error { return e.Err }

const (
	maxUpstreams = 3                // as with Docker
	ttl          = 10 * time.Minute // as with Docker
	timeout      = 4 * time.Second  // as with Docker
	concurrent   = 1024             // as with Docker
	idle         = 10 * time.Second
	// local bounds what is at work besides questions to upstreams.
	local = 256
)

// complete checks a configuration and fills in what is not set.
func (c Config) complete() (Config, error) {
	c.Upstreams = slices.Clone(c.Upstreams)
	for i, u := range c.Upstreams {
		if !u.Addr().IsValid() {
			return c, &ConfigError{"Upstreams", fmt.Errorf("number %d has no address", i+1)}
		}
		if u.Port() == 0 {
			c.Upstreams[i] = netip.AddrPortFrom(u.Addr(), port)
		}
	}
	c.Upstreams = c.Upstreams[:min(len(c.Upstreams), maxUpstreams)]
	c.Search = slices.Clone(c.Search)
	for i, d := range c.Search {
		c.Search[i] = canonical(d)
		if err := checkName(c.Search[i]); err != nil {
			return c, &ConfigError{"Search", err}
		}
	}
	for field, d := range map[string]*time.Duration{"Timeout": &c.Timeout, "Idle": &c.Idle, "TTL": &c.TTL} {
		if *d < 0 || field == "TTL" && *d > 1<<31*time.Second-1 {
			return c, &ConfigError{field, fmt.Errorf("%v is out of range", *d)}
		}
	}
	if c.MaxConcurrent < 0 {
		return c, &ConfigError{"MaxConcurrent", fmt.Errorf("%d is negative", c.MaxConcurrent)}
	}
	if c.Denial > DenyNoName {
		return c, &ConfigError{"Denial", fmt.Errorf("%d is unknown", c.Denial)}
	}
	c.fill()
	return c, nil
}

// fill sets the defaults.
func (c *Config) fill() {
	if c.Names == nil {
		c.Names = Chain(nil)
	}
	if c.Dial == nil {
		c.Dial = new(net.Dialer).DialContext
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	if c.Timeout == 0 {
		c.Timeout = timeout
	}
	if c.Idle == 0 {
		c.Idle = idle
	}
	if c.TTL == 0 {
		c.TTL = ttl
	}
	if c.MaxConcurrent == 0 {
		c.MaxConcurrent = concurrent
	}
}
