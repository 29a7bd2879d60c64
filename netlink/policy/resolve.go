package policy

import (
	"cmp"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"time"
)

// RebindError is an answer for a permitted name with an address to which names do
// not lead: a private one, the host's loopback, a cloud's metadata.
type RebindError struct {
	Name string
	Addr netip.Addr
}

func (e *RebindError) Error() string {
	return fmt.Sprintf("name %q leads to %s, which is %s address", e.Name, e.Addr, classOf(normalAddr(e.Addr)))
}

// ErrNameDenied is matched by the error for a name that no rule permits.
var ErrNameDenied = errors.New("name is not permitted")

// Pin notes that the sandbox is told these addresses for a name, which it may then
// connect to for as long as the answer holds; [MinTTL] and [MaxTTL] bound that. It
// gives the addresses that may be told. The error joins a [*RebindError] for each of
// the others, or matches [ErrNameDenied], or is a [*NameError].
//
// The name is the one that the sandbox has asked for, not one that it stands for
// (CNAME). Answers that are no addresses of hosts (HTTPS, SVCB) must not be passed on:
// they hold addresses and keys for ECH that nobody has checked.
func (d *Decider) Pin(name string, addrs []netip.Addr, ttl time.Duration) ([]netip.Addr, error) {
	normal, err := NormalName(name)
	if err != nil {
		return nil, err
	}
	if !d.AllowsName(normal) {
		return nil, fmt.Errorf("pin %s: %w", normal, ErrNameDenied)
	}
	var told []netip.Addr
	var errs []error
	for _, a := range addrs {
		at := normalAddr(a)
		if c := classOf(at); !a.IsValid() || c != global && (c != private || !d.policy.Private) {
			errs = append(errs, &RebindError{normal, a})
			continue
		}
		d.pins.add(normal, at, ttl)
		told = append(told, a)
	}
	return told, errors.Join(errs...)
}

// AllowsName tells whether a rule could allow a connection to a name. Questions for
// any other name should not be forwarded: a name can carry data to whoever serves it.
func (d *Decider) AllowsName(name string) bool {
	name, err := NormalName(name)
	if err != nil {
		return false
	}
	return d.allowsName(name, "tcp") || d.allowsName(name, "udp")
}

func (d *Decider) allowsName(name, protocol string) bool {
	var denied []portRange
	for i := range d.rules {
		c := &d.rules[i]
		names := c.any || c.named() && c.domain.matches(name)
		if !names || !c.covers(protocol, c.first) {
			continue
		}
		r := portRange{int(c.first), int(c.last)}
		if c.allow && !r.within(denied) {
			return true
		}
		if !c.allow {
			denied = append(denied, r)
		}
	}
	return false
}

// portRange has both ends in it.
type portRange struct{ first, last int }

// within tells whether others leave nothing of a range.
func (r portRange) within(others []portRange) bool {
	slices.SortFunc(others, func(a, b portRange) int { return cmp.Compare(a.first, b.first) })
	for _, o := range others {
		if o.first <= r.first && r.first <= o.last {
			r.first = o.last + 1
		}
	}
	return r.first > r.last
}
