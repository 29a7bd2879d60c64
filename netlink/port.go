package netlink

import (
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
)

// Port is a port of a sandbox, and where on the host it is published.
type Port struct {
	// HostIP is the address of the host to listen at; empty: all, of IPv4 and of
	// IPv6.
	HostIP string `json:"hostIP,omitempty"`
	// HostPort is the port of the host; 0: one that is free. HostLast, when not
	// 0, is the last of a range from which the first free one is taken.
	HostPort uint16 `json:"hostPort,omitempty"`
	HostLast uint16 `json:"hostLast,omitempty"`
	Port     uint16 `json:"port"`     // inside
	Protocol string `json:"protocol"` // tcp or udp
}

// PortError is text that names no port.
type PortError struct{ Spec, Why string }

func (e *PortError) Error() string { return fmt.Sprintf("invalid port %q: %s", e.Spec, e.Why) }

// ParsePublish reads what docker run takes for --publish:
//
//	[HOST-IP:][HOST-PORT[-RANGE]:]PORT[-RANGE][/tcp|udp]
//
// An IPv6 address is in brackets. A range of both sides is as many ports; one of
// the host alone is where a free one is looked for. The error is a [*PortError].
func ParsePublish(spec string) ([]Port, error) {
	rest, protocol, err := cutProtocol(spec)
	if err != nil {
		return nil, err
	}
	rest, inside := cutLast(rest)
	ip, host := cutLast(rest)
	if strings.HasPrefix(ip, "[") && strings.HasSuffix(ip, "]") {
		ip = ip[1 : len(ip)-1]
	}
	if ip != "" {
		addr, err := netip.ParseAddr(ip)
		if err != nil || addr.Zone() != "" {
			return nil, &PortError{spec, fmt.Sprintf("%q is no IP address", ip)}
		}
		ip = addr.String()
	}
	first, last, err := parseRange(spec, inside)
	if err != nil {
		return nil, err
	}
	hostFirst, hostLast := uint16(0), uint16(0)
	if host != "" && host != "0" {
		if hostFirst, hostLast, err = parseRange(spec, host); err != nil {
			return nil, err
		}
	}
	n := int(last) - int(first)
	switch {
	case hostFirst == 0:
	case n == 0 && hostLast > hostFirst:
		return []Port{{ip, hostFirst, hostLast, first, protocol}}, nil
	case int(hostLast)-int(hostFirst) != n:
		return nil, &PortError{spec, "the ranges of the host and of the sandbox have different lengths"}
	}
	ports := make([]Port, 0, n+1)
	for i := range n + 1 {
		p := Port{HostIP: ip, Port: first + uint16(i), Protocol: protocol}
		if hostFirst != 0 {
			p.HostPort = hostFirst + uint16(i)
		}
		ports = append(ports, p)
	}
	return ports, nil
}

// ParseExpose reads what docker run takes for --expose: PORT[-RANGE][/tcp|udp].
func ParseExpose(spec string) ([]Port, error) {
	rest, protocol, err := cutProtocol(spec)
	if err != nil {
		return nil, err
	}
	first, last, err := parseRange(spec, rest)
	if err != nil {
		return nil, err
	}
	var ports []Port
	for i := range int(last) - int(first) + 1 {
		ports = append(ports, Port{Port: first + uint16(i), Protocol: protocol})
	}
	return ports, nil
}

func cutProtocol(spec string) (rest, protocol string, err error) {
	rest, protocol, ok := strings.Cut(spec, "/")
	if !ok {
		return rest, "tcp", nil
	}
	if protocol = strings.ToLower(protocol); !slices.Contains(protocols, protocol) {
		return "", "", &PortError{spec, fmt.Sprintf("%q is neither tcp nor udp", protocol)}
	}
	return rest, protocol, nil
}

var protocols = []string{"tcp", "udp"}

// cutLast cuts at the last colon.
func cutLast(s string) (before, after string) {
	i := strings.LastIndexByte(s, ':')
	if i < 0 {
		return "", s
	}
	return s[:i], s[i+1:]
}

// parseRange reads "first" or "first-last".
func parseRange(spec, s string) (first, last uint16, err error) {
	from, to, ok := strings.Cut(s, "-")
	if !ok {
		to = from
	}
	a, err1 := strconv.ParseUint(from, 10, 16)
	b, err2 := strconv.ParseUint(to, 10, 16)
	switch {
	case s == "":
		return 0, 0, &PortError{spec, "there is none"}
	case err1 != nil || err2 != nil || a == 0:
		return 0, 0, &PortError{spec, fmt.Sprintf("%q is no number from 1 to 65535, and no range of them", s)}
	case b < a:
		return 0, 0, &PortError{spec, fmt.Sprintf("the range %q ends before it begins", s)}
	}
	return uint16(a), uint16(b), nil
}

// Validate gives a [*PortError] for what makes no sense.
func (p Port) Validate() error {
	switch {
	case p.Port == 0:
		return &PortError{p.String(), "the port inside is missing"}
	case !slices.Contains(protocols, p.Protocol):
		return &PortError{p.String(), "the protocol is neither tcp nor udp"}
	case p.HostLast != 0 && (p.HostLast < p.HostPort || p.HostPort == 0):
		return &PortError{p.String(), "the host's range ends before it begins"}
	}
	if p.HostIP != "" {
		if addr, err := netip.ParseAddr(p.HostIP); err != nil || addr.Zone() != "" {
			return &PortError{p.String(), "the host's address is none"}
		}
	}
	return nil
}

// String is what ParsePublish reads, with the protocol.
func (p Port) String() string {
	var b strings.Builder
	if p.HostIP != "" {
		if strings.Contains(p.HostIP, ":") {
			b.WriteString("[" + p.HostIP + "]:")
		} else {
			b.WriteString(p.HostIP + ":")
		}
	}
	if p.HostPort != 0 {
		fmt.Fprintf(&b, "%d", p.HostPort)
		if p.HostLast > p.HostPort {
			fmt.Fprintf(&b, "-%d", p.HostLast)
		}
	}
	if b.Len() > 0 {
		b.WriteString(":")
	}
	if p.HostIP != "" && p.HostPort == 0 {
		// "IP::PORT"
		return fmt.Sprintf("%s%d/%s", b.String(), p.Port, p.Protocol)
	}
	fmt.Fprintf(&b, "%d/%s", p.Port, p.Protocol)
	return b.String()
}
