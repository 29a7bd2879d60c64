package sandbox

import (
	"errors"
	"net"
	"slices"
	"strconv"

	"github.com/sandkit/sandkit/internal/undo"
	"github.com/sandkit/sandkit/netlink"
	"github.com/sandkit/sandkit/ns"
	"github.com/sandkit/sandkit/sandbox/state"
)

// WithPublish makes ports of the sandbox reachable at ports of the host, as docker
// run -p does: "8080:80", "127.0.0.1::53/udp" (a free port), "8000-8010:80" (the
// first free one), "9000-9002:9000-9002", "80" (a free port, at all addresses). The
// host program listens there from Start to the sandbox's end, and copies, so
// programs see connections from 127.0.0.1 and may listen there only. A port that is
// taken is an error of Start that matches [netlink.ErrPortInUse].
func WithPublish(specs ...string) Option {
	return option(func(c *config) {
		c.ports(&c.spec.Publish, "WithPublish", specs, netlink.ParsePublish)
		c.openPorts = openPorts
	})
}

// publisher are published ports. Who publishes none does not link what they need.
type publisher interface {
	Ports() []netlink.Port
	serve()
	Close() error
}

// WithExpose says which ports programs serve, as docker run --expose does:
// "80/tcp", "9000-9002". Nothing is opened; lists show them.
func WithExpose(specs ...string) Option {
	return option(func(c *config) { c.ports(&c.spec.Expose, "WithExpose", specs, netlink.ParseExpose) })
}

func (c *config) ports(to *[]netlink.Port, option string, specs []string, parse func(string) ([]netlink.Port, error)) {
	for _, spec := range specs {
		ports, err := parse(spec)
		if err != nil {
			c.process.problem(option, "%w", err)
		}
		*to = append(*to, ports...)
	}
}

// checkPorts finds what makes no sense.
func (s *Spec) checkPorts(errs *undo.Errors) {
	for _, p := range s.Publish {
		errs.Add(prefixed("WithPublish", p.Validate()))
	}
	for _, p := range s.Expose {
		errs.Add(prefixed("WithExpose", p.Validate()))
	}
	if len(s.Publish) > 0 && s.Namespaces.Net.Mode == ns.Host {
		errs.Add(errors.New("WithPublish: with the host's network, ports inside are the host's, leave it out"))
	}
}

// Addr is where the host reaches a port of the sandbox, "80" or "53/udp", as
// host:port. The error matches [ErrNotFound] when it is not published, or the
// sandbox does not run.
func (s *Sandbox) Addr(port string) (string, error) {
	wanted, err := netlink.ParseExpose(port)
	if err != nil || len(wanted) != 1 {
		return "", s.wrap("address", "", port, ErrInvalidSpec)
	}
	for _, p := range s.Ports() {
		if p.Port != wanted[0].Port || p.Protocol != wanted[0].Protocol {
			continue
		}
		host := p.HostIP
		switch host {
		case "0.0.0.0":
			host = "127.0.0.1"
		case "::":
			host = "::1"
		}
		return net.JoinHostPort(host, strconv.Itoa(int(p.HostPort))), nil
	}
	return "", s.wrap("address", "", port, ErrNotFound)
}

// recordedPorts are ports as a store has them.
func recordedPorts(published, exposed []netlink.Port) []state.Port {
	var all []state.Port
	for _, p := range published {
		all = append(all, state.Port{HostIP: p.HostIP, HostPort: p.HostPort, Port: p.Port, Protocol: p.Protocol})
	}
	for _, p := range exposed {
		at := func(o netlink.Port) bool { return o.Port == p.Port && o.Protocol == p.Protocol }
		if !slices.ContainsFunc(published, at) {
			all = append(all, state.Port{Port: p.Port, Protocol: p.Protocol})
		}
	}
	return all
}
