package policy

import (
	"errors"
	"fmt"
)

// Policy is what a sandbox may reach. The first rule that matches decides; what none
// matches is denied, so the zero value denies everything.
//
// Some addresses need more than a rule. Names never lead to loopback, link-local or
// metadata addresses, whatever is set here, and neither does "*". Nothing leads to
// multicast, unspecified, broadcast or reserved addresses. IPv6 addresses that contain
// an IPv4 address (mapped, NAT64, 6to4) count as that.
type Policy struct {
	Rules []Rule `json:"rules,omitempty"`
	// Private lets names, "*" and ranges that are not private as a whole lead to
	// private addresses (such as 10.0.0.0/8 and fc00::/7). A rule for a private
	// address or range needs no option.
	Private bool `json:"private,omitempty"`
	// Loopback lets rules for loopback addresses count. They are the host's: whoever
	// dials is the host program.
	Loopback bool `json:"loopback,omitempty"`
	// LinkLocal lets rules for link-local addresses count, and for those at which
	// clouds serve metadata, often with credentials.
	LinkLocal bool `json:"linkLocal,omitempty"`
	// Unnamed lets connections that tell no name use rules with domains, also at the
	// ports 80 and 443: TLS without a server name, HTTP without Host, QUIC, other
	// protocols. HTTP/2 without TLS stays denied.
	Unnamed bool `json:"unnamed,omitempty"`
	// ECH lets TLS connections that encrypt their server name use rules with
	// domains, by the name that they show. Some browsers pretend to do so in every
	// connection, which cannot be told apart.
	ECH bool `json:"ech,omitempty"`
}

// Validate names every field that makes no sense, each as a [*FieldError], also rules
// that the options make pointless.
func (p Policy) Validate() error {
	_, err := p.compile()
	return err
}

func (p Policy) compile() ([]compiled, error) {
	var errs []error
	rules := make([]compiled, 0, len(p.Rules))
	for i, r := range p.Rules {
		field := fmt.Sprintf("rules[%d].", i)
		c, err := r.compile(field)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		if problem := p.pointless(c); problem != "" {
			errs = append(errs, &FieldError{field + "host", r.Host, problem})
		}
		rules = append(rules, c)
	}
	return rules, errors.Join(errs...)
}

// pointless tells why a rule never allows anything.
func (p Policy) pointless(c compiled) string {
	switch {
	case !c.allow:
	case c.class == never:
		return "such addresses are never reached"
	case c.class == loopback && !p.Loopback:
		return "loopback addresses are the host's, and are reached with the option loopback only"
	case c.class == linkLocal && !p.LinkLocal:
		return "link-local and metadata addresses are reached with the option linkLocal only"
	}
	return ""
}

// reaches tells whether an allowing rule leads to addresses of a class.
func (p Policy) reaches(c *compiled, to class) bool {
	switch to {
	case global:
		return true
	case private:
		return p.Private || c.class == private
	case loopback:
		return p.Loopback && c.class == loopback
	case linkLocal:
		return p.LinkLocal && c.class == linkLocal
	case never:
	}
	return false
}
