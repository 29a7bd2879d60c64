package dns

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
)

// Host is a line of a file hosts: an address and its names.
type Host struct {
	Addr  netip.Addr
	Names []string // the first is the canonical one
}

// LinkHost is the line of a link, as Docker writes it: the alias, the host name of the
// sandbox that is linked, and its name unless it is the alias. What is empty or said
// already is left out.
func LinkHost(addr netip.Addr, alias, hostname, name string) Host {
	h := Host{Addr: addr}
	for _, n := range []string{alias, hostname, name} {
		if n != "" && !slices.Contains(h.Names, n) {
			h.Names = append(h.Names, n)
		}
	}
	return h
}

// HostsFile is what a file hosts says. The zero value has the names of the loopback,
// and Docker's further ones, which each file has.
//
// Who changes the file of a running sandbox writes it in place: what is mounted is the
// file and not its name.
type HostsFile struct {
	Links []Host // see [LinkHost]
	Extra []Host // of docker run --add-host
	Own   []Host // the sandbox itself, a line for each of its addresses
}

// always are the lines that Docker begins each file with.
const always = "127.0.0.1\tlocalhost\n" +
	"::1\tlocalhost ip6-localhost ip6-loopback\n" +
	"fe00::\tip6-localnet\n" +
	"ff00::\tip6-mcastprefix\n" +
	"ff02::1\tip6-allnodes\n" +
	"ff02::2\tip6-allrouters\n"

// Format writes the file, in Docker's order. The error is a [*NameError], or about a
// line without an address or names.
func (f HostsFile) Format() ([]byte, error) {
	var b strings.Builder
	b.WriteString(always)
	for _, h := range slices.Concat(f.Links, f.Extra, f.Own) {
		if !h.Addr.IsValid() || !oneWord(h.Addr.Zone()) {
			return nil, fmt.Errorf("write hosts: %q have no address", h.Names)
		}
		if len(h.Names) == 0 {
			return nil, fmt.Errorf("write hosts: %s has no name", h.Addr)
		}
		for _, n := range h.Names {
			if err := checkName(n); err != nil {
				return nil, fmt.Errorf("write hosts: %s: %w", h.Addr, err)
			}
		}
		fmt.Fprintf(&b, "%s\t%s\n", h.Addr, strings.Join(h.Names, " "))
	}
	return []byte(b.String()), nil
}
