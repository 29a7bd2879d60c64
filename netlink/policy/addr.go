package policy

import "net/netip"

// class is what kind of place an address is.
type class int

const (
	global    class = iota // reached by any rule
	private                // by rules for addresses within such ranges, or by the option
	loopback               // by rules for such addresses, with the option only
	linkLocal              // likewise; with the addresses of clouds' metadata
	never
)

func (c class) String() string {
	return [...]string{"a global", "a private", "a loopback", "a link-local or metadata", "no ordinary"}[c]
}

// classes are ranges that are not global. Of an address that is in several, the
// last counts.
var classes = []struct {
	prefix netip.Prefix
	class  class
}{
	{netip.MustParsePrefix("10.0.0.0/8"), private},
	{netip.MustParsePrefix("172.16.0.0/12"), private},
	{netip.MustParsePrefix("192.168.0.0/16"), private},
	{netip.MustParsePrefix("100.64.0.0/10"), private}, // behind a provider's NAT
	{netip.MustParsePrefix("198.18.0.0/15"), private}, // benchmarks
	{netip.MustParsePrefix("192.0.0.0/24"), private},  // protocol assignments
	{netip.MustParsePrefix("fc00::/7"), private},
	{netip.MustParsePrefix("fec0::/10"), private}, // site-local
	{netip.MustParsePrefix("127.0.0.0/8"), loopback},
	{netip.MustParsePrefix("::1/128"), loopback},
	{netip.MustParsePrefix("169.254.0.0/16"), linkLocal}, // 169.254.169.254 is most clouds' metadata
	{netip.MustParsePrefix("fe80::/10"), linkLocal},
	{netip.MustParsePrefix("fd00:ec2::/32"), linkLocal},      // metadata: Amazon
	{netip.MustParsePrefix("fd20:ce::254/128"), linkLocal},   // Google
	{netip.MustParsePrefix("168.63.129.16/32"), linkLocal},   // Azure
	{netip.MustParsePrefix("192.0.0.192/32"), linkLocal},     // Oracle
	{netip.MustParsePrefix("100.100.100.200/32"), linkLocal}, // Alibaba
	{netip.MustParsePrefix("0.0.0.0/8"), never},              // Linux takes 0.0.0.0 for this host
	{netip.MustParsePrefix("::/128"), never},
	{netip.MustParsePrefix("224.0.0.0/4"), never}, // multicast
	{netip.MustParsePrefix("ff00::/8"), never},
	{netip.MustParsePrefix("240.0.0.0/4"), never},    // reserved, and broadcast
	{netip.MustParsePrefix("2001::/32"), never},      // Teredo
	{netip.MustParsePrefix("64:ff9b:1::/48"), never}, // a NAT64 of which nobody knows the form
	{netip.MustParsePrefix("::ffff:0:0/96"), never},  // only where it was not unmapped
	{netip.MustParsePrefix("5f00::/16"), never},      // segment routing
	{netip.MustParsePrefix("100::/64"), never},       // discarded
	{netip.MustParsePrefix("2001:10::/28"), never},   // hashes, no addresses
	{netip.MustParsePrefix("2001:20::/28"), never},   // likewise
	{netip.MustParsePrefix("192.88.99.0/24"), never}, // relays of 6to4
	{netip.MustParsePrefix("255.255.255.255/32"), never},
}

// normalAddr gives the one form of an address: IPv4 as IPv4, without a zone.
func normalAddr(a netip.Addr) netip.Addr { return a.Unmap().WithZone("") }

// embedded gives the IPv4 address that an IPv6 address leads to: NAT64, 6to4, and the
// forms of old that contain one.
func embedded(a netip.Addr) (netip.Addr, bool) {
	if !a.Is6() {
		return netip.Addr{}, false
	}
	b := a.As16()
	switch {
	case sixToFour.Contains(a):
		return netip.AddrFrom4([4]byte(b[2:6])), true
	case nat64.Contains(a), translated.Contains(a), compatible.Contains(a) && a.Compare(firstCompatible) >= 0:
		return netip.AddrFrom4([4]byte(b[12:])), true
	}
	return netip.Addr{}, false
}

var (
	sixToFour       = netip.MustParsePrefix("2002::/16")
	nat64           = netip.MustParsePrefix("64:ff9b::/96")
	translated      = netip.MustParsePrefix("::ffff:0:0:0/96")
	compatible      = netip.MustParsePrefix("::/96")
	firstCompatible = netip.MustParseAddr("::2") // below are no address and loopback
)

// classOf takes a normal address. Of a form with an address inside, this counts.
func classOf(a netip.Addr) class {
	if in, ok := embedded(a); ok {
		return classOf(in)
	}
	return prefixClass(netip.PrefixFrom(a, a.BitLen()))
}

// prefixClass is the class of all addresses of a prefix; global if they differ.
func prefixClass(p netip.Prefix) class {
	c := global
	for _, r := range classes {
		if r.prefix.Bits() <= p.Bits() && r.prefix.Contains(p.Addr()) {
			c = r.class
		}
	}
	return c
}
