package dns

import (
	"fmt"
	"net/netip"
	"strings"
)

// Names are the names that a [Server] knows by itself. Several goroutines call it at
// a time. A [Zone] is one.
type Names interface {
	// Lookup gives the addresses of a name, which is in lower case and has no dot at
	// its end. What is known is not asked of anybody else, even if it has no address.
	Lookup(name string) (addrs []netip.Addr, known bool)
	// Reverse gives the names of an address, with or without a dot at the end.
	Reverse(addr netip.Addr) (names []string, known bool)
}

// Chain are several sources of names, for a sandbox in several networks. The first
// that has an address counts, as with Docker.
type Chain []Names

// Lookup is [Names].Lookup.
func (c Chain) Lookup(name string) ([]netip.Addr, bool) {
	known := false
	for _, n := range c {
		addrs, ok := n.Lookup(name)
		if len(addrs) > 0 {
			return addrs, true
		}
		known = known || ok
	}
	return nil, known
}

// Reverse is [Names].Reverse.
func (c Chain) Reverse(addr netip.Addr) ([]string, bool) {
	known := false
	for _, n := range c {
		names, ok := n.Reverse(addr)
		if len(names) > 0 {
			return names, true
		}
		known = known || ok
	}
	return nil, known
}

// NameError is text that is no name of a host.
type NameError struct{ Name, Why string }

func (e *NameError) Error() string { return fmt.Sprintf("invalid host name %q: %s", e.Name, e.Why) }

// Limits of RFC 1035, section 2.3.4.
const (
	maxName  = 253 // as text, without the dot at the end
	maxLabel = 63
)

// canonical is how a name is compared: without a dot at its end, in lower case.
func canonical(name string) string {
	return strings.ToLower(strings.TrimSuffix(name, "."))
}

// checkName checks a name in the canonical form. Docker's names may have
// underscores, so all characters that files can hold are allowed.
func checkName(name string) error {
	if len(name) > maxName {
		return &NameError{name, fmt.Sprintf("it is longer than %d bytes", maxName)}
	}
	for label := range strings.SplitSeq(name, ".") {
		switch {
		case label == "":
			return &NameError{name, "a part of it is empty"}
		case len(label) > maxLabel:
			return &NameError{name, fmt.Sprintf("a part of it is longer than %d bytes", maxLabel)}
		}
	}
	for _, c := range []byte(name) {
		if c <= ' ' || c >= 0x7f || c == '#' {
			return &NameError{name, fmt.Sprintf("it contains %q", c)}
		}
	}
	return nil
}
