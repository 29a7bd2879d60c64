package policy

import (
	"net/netip"
	"slices"
)

// App is what the first bytes of a connection are.
type App int

// What can be seen of a connection.
const (
	// Unseen: nobody has looked.
	Unseen App = iota
	// Opaque is a protocol that tells no name, or one in which the server speaks
	// first.
	Opaque
	// TLS is a ClientHello.
	TLS
	// HTTP is a request of HTTP/1.
	HTTP
	// HTTP2 is HTTP/2 without TLS, of which requests are not read.
	HTTP2
)

// Request is a connection that a sandbox wants.
type Request struct {
	Network string         // "tcp" or "udp", also with 4 or 6 behind it
	Dst     netip.AddrPort // as the sandbox gave it
	App     App
	Name    string // what the connection tells: a server name, a Host; may be empty
	ECH     bool   // the server name that counts is encrypted
}

// Decision is the answer to a [Request]. The zero value denies.
type Decision struct {
	Allowed bool
	// Peek tells that the name decides, and that nobody has looked for it yet: look
	// at what the connection begins with, and ask again with another App.
	Peek bool
	// Name is the one that was told, in its normal form; if none was, one for which
	// the address was given, if there is one.
	Name   string
	Rule   string // the rule that decided; empty if none did
	Reason string
}

// Decider answers for one sandbox. Its methods may be called concurrently.
type Decider struct {
	policy Policy
	rules  []compiled
	pins   *pins
}

// NewDecider takes a policy that is valid; see [Policy.Validate] for the error.
func NewDecider(p Policy) (*Decider, error) {
	rules, err := p.compile()
	if err != nil {
		return nil, err
	}
	p.Rules = slices.Clone(p.Rules)
	return &Decider{policy: p, rules: rules, pins: newPins(DefaultMaxPins)}, nil
}

// Decide says whether a connection may be made. With Peek, it is not allowed yet.
func (d *Decider) Decide(r Request) Decision {
	q, refused := d.question(r)
	if refused != "" {
		return Decision{Reason: refused, Name: q.name()}
	}
	peek := false
	for i := range d.rules {
		c := &d.rules[i]
		if !c.covers(q.protocol, q.dst.Port()) {
			continue
		}
		if c.named() && q.unseen {
			// What the name may deny is asked for only if something allows.
			if !c.allow {
				peek = true
				continue
			}
			if q.pinned {
				return Decision{Peek: true, Rule: c.text, Name: q.name(), Reason: "the name decides"}
			}
		}
		if !d.matches(c, &q) {
			continue
		}
		if peek && c.allow {
			return Decision{Peek: true, Rule: c.text, Name: q.name(), Reason: "the name decides"}
		}
		return Decision{Allowed: c.allow, Rule: c.text, Name: q.name(), Reason: q.why(c)}
	}
	return Decision{Name: q.name(), Reason: q.unmatched()}
}

// question is a request in the form that rules are compared with.
type question struct {
	protocol string
	dst      netip.AddrPort
	inner    netip.Addr // in dst, if dst is a form with an address inside
	class    class
	told     string
	names    []string // for which the address was given
	pinned   bool     // one of them is permitted here
	unseen   bool     // the connection may tell a name, but nobody has looked
	app      App
	ech      bool
	hint     string // what kept a rule with a domain from allowing
}

// question takes a request apart. It gives the reason for which no rule needs to be
// looked at, or nothing.
func (d *Decider) question(r Request) (q question, refused string) {
	q = question{app: r.App, ech: r.ECH}
	switch r.Network {
	case "tcp", "tcp4", "tcp6":
		q.protocol = "tcp"
	case "udp", "udp4", "udp6":
		q.protocol = "udp"
	default:
		return q, "the protocol is neither tcp nor udp"
	}
	if !r.Dst.IsValid() || r.Dst.Port() == 0 {
		return q, "there is no such destination"
	}
	q.dst = netip.AddrPortFrom(normalAddr(r.Dst.Addr()), r.Dst.Port())
	q.inner, _ = embedded(q.dst.Addr())
	q.class = classOf(q.dst.Addr())
	q.unseen = q.protocol == "tcp" && r.App == Unseen && r.Name == ""
	if r.Name != "" {
		var err error
		if q.told, err = NormalName(r.Name); err != nil {
			return q, err.Error()
		}
	}
	if q.class == never || q.class == loopback && !d.policy.Loopback || q.class == linkLocal && !d.policy.LinkLocal {
		return q, "it is " + q.class.String() + " address"
	}
	q.names = d.pins.names(q.dst.Addr())
	q.pinned = slices.ContainsFunc(q.names, func(n string) bool { return d.permits(n, q.protocol, q.dst.Port()) })
	return q, ""
}

// permits tells whether the rules allow a name at a port.
func (d *Decider) permits(name, protocol string, port uint16) bool {
	for i := range d.rules {
		c := &d.rules[i]
		if c.covers(protocol, port) && (c.any || c.named() && c.domain.matches(name)) {
			return c.allow
		}
	}
	return false
}

// matches tells whether a rule for the protocol and the port decides.
func (d *Decider) matches(c *compiled, q *question) bool {
	switch {
	case c.named() && c.allow:
		return d.policy.reaches(c, q.class) && d.allowsByName(c, q)
	case c.named() && q.told != "":
		return c.domain.matches(q.told)
	case c.named():
		return slices.ContainsFunc(q.names, c.domain.matches)
	case !c.allow:
		return c.any || c.prefix.Contains(q.dst.Addr()) || q.inner.IsValid() && c.prefix.Contains(q.inner)
	}
	return (c.any || c.prefix.Contains(q.dst.Addr())) && d.policy.reaches(c, q.class)
}

// allowsByName tells whether a rule with a domain allows: the address was given for
// a permitted name, and so is the name that the connection tells. It notes what is
// missing if the rest was right.
func (d *Decider) allowsByName(c *compiled, q *question) bool {
	if !q.pinned {
		if c.domain.matches(q.told) {
			q.hint = "the address was not given for a permitted name"
		}
		return false
	}
	switch port := q.dst.Port(); {
	case q.app == HTTP2:
		q.hint = "it is HTTP/2 without TLS, whose names are not read"
		return false
	case q.ech && !d.policy.ECH:
		q.hint = "it encrypts its server name"
		return false
	case q.told != "":
		if !c.domain.matches(q.told) {
			if q.hint == "" {
				q.hint = "the name that it tells is not permitted"
			}
			return false
		}
		return true
	case !d.policy.Unnamed && (q.app == TLS || q.app == HTTP || port == 80 || port == 443):
		q.hint = "it tells no name"
		return false
	}
	return slices.ContainsFunc(q.names, c.domain.matches)
}

func (q *question) name() string {
	if q.told == "" && len(q.names) > 0 {
		return q.names[0]
	}
	return q.told
}

func (q *question) why(c *compiled) string {
	switch {
	case !c.allow:
		return "a rule denies it"
	case c.named():
		return "the address was given for a permitted name"
	}
	return "a rule allows it"
}

func (q *question) unmatched() string {
	if q.hint != "" {
		return q.hint
	}
	if q.class != global {
		return "no rule allows it; it is " + q.class.String() + " address"
	}
	return "no rule allows it"
}
