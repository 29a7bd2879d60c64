package state

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
)

// ports are those in force: there are none when it does not run.
func (s *Summary) ports() []Port {
	switch {
	case !s.Status.State.Runs():
		return nil
	case s.Status.Ports != nil:
		return s.Status.Ports
	}
	return s.Record.Ports
}

// portRange is consecutive ports of one address and protocol, which are
// published under the same numbers, or not at all when there is no address.
type portRange struct {
	host, protocol string
	first, last    uint16
}

func (r portRange) String() string {
	ports := strconv.Itoa(int(r.first))
	if r.last > r.first {
		ports += "-" + strconv.Itoa(int(r.last))
	}
	if r.host == "" {
		return ports + "/" + r.protocol
	}
	return joinHost(r.host, ports) + "->" + ports + "/" + r.protocol
}

func joinHost(host, port string) string {
	if strings.Contains(host, ":") {
		host = "[" + host + "]"
	}
	return host + ":" + port
}

// portsText is what docker ps has under PORTS: first the ranges that end before
// others begin, then the other ranges, then ports that have another number on
// the host.
func portsText(ports []Port) string {
	ports = slices.Clone(ports)
	slices.SortStableFunc(ports, func(a, b Port) int {
		return cmp.Or(cmp.Compare(a.Port, b.Port), cmp.Compare(a.address(), b.address()),
			cmp.Compare(a.HostPort, b.HostPort), cmp.Compare(a.Protocol, b.Protocol))
	})
	var done, mapped []string
	var open []portRange // the last of each address and protocol
	for _, p := range ports {
		host := p.address()
		if host != "" && p.HostPort != p.Port {
			mapped = append(mapped, joinHost(host, strconv.Itoa(int(p.HostPort)))+"->"+strconv.Itoa(int(p.Port))+"/"+p.Protocol)
			continue
		}
		at := slices.IndexFunc(open, func(r portRange) bool { return r.host == host && r.protocol == p.Protocol })
		switch {
		case at < 0:
			open = append(open, portRange{host, p.Protocol, p.Port, p.Port})
		case p.Port-1 == open[at].last:
			open[at].last = p.Port
		default:
			done = append(done, open[at].String())
			open[at].first, open[at].last = p.Port, p.Port
		}
	}
	for _, r := range open {
		done = append(done, r.String())
	}
	return strings.Join(append(done, mapped...), ", ")
}

// address is where the port is published, or empty when it is only exposed.
func (p Port) address() string {
	switch {
	case p.HostPort == 0:
		return ""
	case p.HostIP == "":
		return "0.0.0.0"
	}
	return p.HostIP
}
