package sandbox

import (
	"errors"
	"fmt"
	"net/netip"
	"strconv"
	"strings"
	"syscall"
)

// address is where to connect to or to listen at, in a sandbox.
type address struct {
	kind int // of socket
	// ways are tried one after the other.
	ways []syscall.Sockaddr
	// path is that of a unix socket in the file system; empty elsewhere.
	path string
}

// parseAddress reads an address as package net has it. Names other than localhost
// are nobody's to resolve.
func parseAddress(network, addr string, listen bool) (address, error) {
	fail := func(err error) (address, error) {
		return address{}, fmt.Errorf("%w: address %q of network %q: %w", ErrInvalidSpec, addr, network, err)
	}
	switch network {
	case "tcp", "tcp4", "tcp6", "udp", "udp4", "udp6":
		ways, err := parseIP(strings.TrimLeft(network, "tcpud"), addr, listen)
		if err != nil {
			return fail(err)
		}
		kind := syscall.SOCK_STREAM
		if network[0] == 'u' {
			kind = syscall.SOCK_DGRAM
		}
		return address{kind: kind, ways: ways}, nil
	case "unix", "unixpacket":
		a := address{kind: syscall.SOCK_STREAM}
		if network == "unixpacket" {
			a.kind = syscall.SOCK_SEQPACKET
		}
		switch {
		case strings.HasPrefix(addr, "@"):
			a.ways = []syscall.Sockaddr{&syscall.SockaddrUnix{Name: addr}}
		case !strings.HasPrefix(addr, "/") || strings.Contains(addr, "\x00"):
			return fail(errors.New("want an absolute path inside, or @ and a name"))
		default:
			a.path = addr
		}
		return a, nil
	}
	return fail(errors.New("want tcp, udp (either with 4 or 6), unix or unixpacket"))
}

// parseIP reads "host:port"; version is 4, 6 or empty.
func parseIP(version, addr string, listen bool) ([]syscall.Sockaddr, error) {
	host, port, err := splitHostPort(addr)
	if err != nil {
		return nil, err
	}
	if port == 0 && !listen {
		return nil, errors.New("port 0 is none")
	}
	four, six := netip.AddrFrom4([4]byte{127, 0, 0, 1}), netip.IPv6Loopback()
	if host == "" && listen {
		four, six = netip.IPv4Unspecified(), netip.IPv6Unspecified()
	}
	var ips []netip.Addr
	switch {
	case host != "" && host != "localhost":
		ip, err := netip.ParseAddr(host)
		if err != nil {
			return nil, fmt.Errorf("%q is no IP address, and no names are resolved", host)
		}
		if ip.Zone() != "" {
			return nil, errors.New("an address with a zone belongs to a link")
		}
		ip = ip.Unmap()
		if version == "4" && !ip.Is4() || version == "6" && ip.Is4() {
			return nil, fmt.Errorf("%s is not of version %s", ip, version)
		}
		ips = []netip.Addr{ip}
	case version == "4":
		ips = []netip.Addr{four}
	case version == "6":
		ips = []netip.Addr{six}
	case host == "" && listen: // for both, where there is IPv6
		ips = []netip.Addr{six, four}
	default:
		ips = []netip.Addr{four, six}
	}
	var ways []syscall.Sockaddr
	for _, ip := range ips {
		if ip.Is4() {
			ways = append(ways, &syscall.SockaddrInet4{Port: int(port), Addr: ip.As4()})
		} else {
			ways = append(ways, &syscall.SockaddrInet6{Port: int(port), Addr: ip.As16()})
		}
	}
	return ways, nil
}

// splitHostPort splits "host:port" and "[host]:port".
func splitHostPort(addr string) (host string, port uint16, err error) {
	i := strings.LastIndexByte(addr, ':')
	if i < 0 {
		return "", 0, errors.New("it has no port")
	}
	host = addr[:i]
	inner, bracket := strings.CutPrefix(host, "[")
	if bracket {
		if host, bracket = strings.CutSuffix(inner, "]"); !bracket {
			return "", 0, errors.New("a bracket is open")
		}
	}
	if strings.ContainsAny(host, "[]") || !bracket && strings.Contains(host, ":") {
		return "", 0, errors.New("an IPv6 address belongs in brackets")
	}
	n, err := strconv.ParseUint(addr[i+1:], 10, 16)
	if err != nil {
		return "", 0, fmt.Errorf("port %q is no number from 0 to 65535", addr[i+1:])
	}
	return host, uint16(n), nil
}

// family is that of a socket for an address.
func family(a syscall.Sockaddr) int {
	switch a.(type) {
	case *syscall.SockaddrInet4:
		return syscall.AF_INET
	case *syscall.SockaddrInet6:
		return syscall.AF_INET6
	}
	return syscall.AF_UNIX
}
