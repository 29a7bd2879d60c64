package dns

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"strings"
	"sync"
)

// Zone are the names of the sandboxes of one network. It may be changed while servers
// use it. Make it with [NewZone].
type Zone struct {
	domain string

	mu     sync.RWMutex
	owners map[string]member
	names  map[string][]string     // owners, in the order in which they came
	addrs  map[netip.Addr][]string // likewise
}

// member is what one owner has.
type member struct {
	names []string
	addrs []netip.Addr
}

// NewZone makes a zone without names. All that will be added are also found with the
// domain, which is the network's name with Docker: db and db.shop are the same. There
// is none if it is empty. The error is a [*NameError].
func NewZone(domain string) (*Zone, error) {
	domain = canonical(domain)
	if domain != "" {
		if err := checkName(domain); err != nil {
			return nil, fmt.Errorf("domain: %w", err)
		}
	}
	return &Zone{
		domain: domain, owners: make(map[string]member),
		names: make(map[string][]string), addrs: make(map[netip.Addr][]string),
	}, nil
}

// Add gives an owner, the id of a sandbox for example, its names and addresses in
// place of those that it had. Names may have other owners as well; each look-up gives
// the addresses of all, beginning with any of them. The first name is the one that
// Reverse gives. With an error, which is a [*NameError] or about an address, nothing
// has changed.
func (z *Zone) Add(owner string, names []string, addrs []netip.Addr) error {
	var m member
	for _, n := range names {
		n = canonical(n)
		if err := checkName(n); err != nil {
			return err
		}
		if full := z.full(n); len(full) > maxName {
			return &NameError{full, fmt.Sprintf("it is longer than %d bytes", maxName)}
		}
		if !slices.Contains(m.names, n) {
			m.names = append(m.names, n)
		}
	}
	for _, a := range addrs {
		if a = plain(a); !a.IsValid() {
			return fmt.Errorf("address of %q: none is set", owner)
		}
		if !slices.Contains(m.addrs, a) {
			m.addrs = append(m.addrs, a)
		}
	}
	z.mu.Lock()
	defer z.mu.Unlock()
	z.remove(owner)
	z.owners[owner] = m
	for _, n := range m.names {
		z.names[n] = append(z.names[n], owner)
	}
	for _, a := range m.addrs {
		z.addrs[a] = append(z.addrs[a], owner)
	}
	return nil
}

// Remove takes what an owner has out. One that is not known is none.
func (z *Zone) Remove(owner string) {
	z.mu.Lock()
	defer z.mu.Unlock()
	z.remove(owner)
}

func (z *Zone) remove(owner string) {
	m := z.owners[owner]
	delete(z.owners, owner)
	for _, n := range m.names {
		without(z.names, n, owner)
	}
	for _, a := range m.addrs {
		without(z.addrs, a, owner)
	}
}

// without takes an owner out of a list.
func without[K comparable](lists map[K][]string, key K, owner string) {
	rest := slices.DeleteFunc(lists[key], func(o string) bool { return o == owner })
	if len(rest) == 0 {
		delete(lists, key)
		return
	}
	lists[key] = rest
}

// Lookup gives the addresses of a name, with or without the domain, in any case, with
// or without a dot at the end.
func (z *Zone) Lookup(name string) ([]netip.Addr, bool) {
	name = canonical(name)
	z.mu.RLock()
	defer z.mu.RUnlock()
	owners := z.names[name]
	if owners == nil && z.domain != "" {
		short, _ := strings.CutSuffix(name, "."+z.domain)
		owners = z.names[short]
	}
	if owners == nil {
		return nil, false
	}
	var addrs []netip.Addr
	// Resolvers ask for both kinds of addresses in turn, so a counter would give each
	// kind the same order for ever.
	first := rand.IntN(len(owners))
	for i := range owners {
		for _, a := range z.owners[owners[(first+i)%len(owners)]].addrs {
			if !slices.Contains(addrs, a) {
				addrs = append(addrs, a)
			}
		}
	}
	return addrs, true
}

// Reverse gives the first name of each owner of an address, with the domain.
func (z *Zone) Reverse(addr netip.Addr) ([]string, bool) {
	z.mu.RLock()
	defer z.mu.RUnlock()
	owners, known := z.addrs[plain(addr)]
	var names []string
	for _, o := range owners {
		if m := z.owners[o]; len(m.names) > 0 && !slices.Contains(names, z.full(m.names[0])) {
			names = append(names, z.full(m.names[0]))
		}
	}
	return names, known
}

// full is a name with the domain.
func (z *Zone) full(name string) string {
	if z.domain == "" {
		return name
	}
	return name + "." + z.domain
}

// plain is an address as records have it: without a zone, and IPv4 as such.
func plain(a netip.Addr) netip.Addr { return a.Unmap().WithZone("") }
