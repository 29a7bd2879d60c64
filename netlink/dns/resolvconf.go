package dns

import (
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
)

// ResolvConf is what a file resolv.conf says. The zero value is an empty file.
type ResolvConf struct {
	Servers []netip.Addr // in the order in which they are asked
	Search  []string     // domains that are tried with short names
	Options []string     // "ndots:0", for example
}

// Inside is the file of a sandbox whose server listens at 127.0.0.11, as Docker
// writes it: a name is asked as it is first, since that is what those of sandboxes
// are like. Options that are given come after; an own ndots replaces this one.
func Inside(search, options []string) ResolvConf {
	c := ResolvConf{
		Servers: []netip.Addr{netip.AddrFrom4([4]byte{127, 0, 0, 11})},
		Search:  search, Options: options,
	}
	if !slices.ContainsFunc(options, func(o string) bool { return strings.HasPrefix(o, "ndots:") }) {
		c.Options = append([]string{"ndots:0"}, options...)
	}
	return c
}

// ParseResolvConf reads a file in the way of the C library: of search and domain the
// last line counts, and what is not understood is left out.
func ParseResolvConf(b []byte) ResolvConf {
	var c ResolvConf
	for line := range strings.Lines(string(b)) {
		words := strings.Fields(line)
		if i := slices.IndexFunc(words, func(w string) bool { return w[0] == '#' || w[0] == ';' }); i >= 0 {
			words = words[:i]
		}
		if len(words) < 2 {
			continue
		}
		switch words[0] {
		case "nameserver":
			if a, err := netip.ParseAddr(words[1]); err == nil && oneWord(a.Zone()) {
				c.Servers = append(c.Servers, a)
			}
		case "domain":
			c.Search = domains(words[1:2])
		case "search":
			c.Search = domains(words[1:])
		case "options":
			c.Options = append(c.Options, slices.DeleteFunc(words[1:], func(w string) bool { return !oneWord(w) })...)
		}
	}
	return c
}

// domains are those that can be looked up. A dot stands for none.
func domains(words []string) []string {
	var list []string
	for _, w := range words {
		if w = strings.TrimSuffix(w, "."); checkName(w) == nil {
			list = append(list, w)
		}
	}
	return list
}

// NDots is how many dots a name must have to be tried as it is first: 1 unless an
// option says otherwise, and at most 15, as in the C library.
func (c ResolvConf) NDots() int {
	n := 1
	for _, o := range c.Options {
		if value, ok := strings.CutPrefix(o, "ndots:"); ok {
			if got, err := strconv.ParseUint(value, 10, 31); err == nil {
				n = int(min(got, 15))
			}
		}
	}
	return n
}

// WithoutLoopback leaves out the servers that only the host's own network has, for a
// file or a [Config.Dial] of another network. When none is left, it has the fallback,
// if any. Docker's is 8.8.8.8 and 8.8.4.4; here nobody is asked who was not named.
func (c ResolvConf) WithoutLoopback(fallback ...netip.Addr) ResolvConf {
	var rest []netip.Addr
	for _, a := range c.Servers {
		if own := a.Unmap(); !own.IsLoopback() && !own.IsUnspecified() {
			rest = append(rest, a)
		}
	}
	if len(rest) == 0 {
		rest = slices.Clone(fallback)
	}
	c.Servers = rest
	return c
}

// Upstreams are the servers for [Config.Upstreams], at port 53. An unspecified
// address is the host itself.
func (c ResolvConf) Upstreams() []netip.AddrPort {
	var list []netip.AddrPort
	for _, a := range c.Servers {
		switch a {
		case netip.IPv4Unspecified():
			a = netip.AddrFrom4([4]byte{127, 0, 0, 1})
		case netip.IPv6Unspecified():
			a = netip.IPv6Loopback()
		}
		list = append(list, netip.AddrPortFrom(a, port))
	}
	return list
}

// port is where servers listen.
const port = 53

// Format writes the file. Reading it gives the same again. The error is a
// [*NameError], or about a server or an option.
func (c ResolvConf) Format() ([]byte, error) {
	var b strings.Builder
	for _, a := range c.Servers {
		if !a.IsValid() || !oneWord(a.Zone()) {
			return nil, fmt.Errorf("write resolv.conf: server %q is no address", a)
		}
		fmt.Fprintf(&b, "nameserver %s\n", a)
	}
	for _, d := range c.Search {
		if err := checkDomain(d); err != nil {
			return nil, fmt.Errorf("write resolv.conf: search: %w", err)
		}
	}
	if len(c.Search) > 0 {
		fmt.Fprintf(&b, "search %s\n", strings.Join(c.Search, " "))
	}
	for _, o := range c.Options {
		if o == "" || !oneWord(o) {
			return nil, fmt.Errorf("write resolv.conf: option %q is no word", o)
		}
	}
	if len(c.Options) > 0 {
		fmt.Fprintf(&b, "options %s\n", strings.Join(c.Options, " "))
	}
	return []byte(b.String()), nil
}

// checkDomain checks a domain as it stands in the file.
func checkDomain(d string) error {
	if strings.HasPrefix(d, ";") {
		return &NameError{d, "it begins a comment"}
	}
	return checkName(d)
}

// oneWord tells whether text stays what it is among others in a line.
func oneWord(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' || r >= 0x7f }) && !strings.HasPrefix(s, "#") && !strings.HasPrefix(s, ";")
}
