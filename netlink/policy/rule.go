package policy

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"
)

// Action is what a rule does with what it matches.
type Action string

// The actions.
const (
	Allow Action = "allow"
	Deny  Action = "deny"
)

// Rule allows or denies destinations. The zero value is invalid. As text and in JSON
// it is one line; see [ParseRule].
type Rule struct {
	Action Action
	// Protocol is "tcp" or "udp"; empty: both.
	Protocol string
	// Host is an address ("192.0.2.1"), a range of addresses ("2001:db8::/32"), a
	// name ("example.com"), all names below one ("*.example.com"), both
	// (".example.com"), or everything ("*"). "*" stands for global addresses, with
	// [Policy.Private] also for private ones.
	Host string
	// Port is the port; 0: all. LastPort, when not 0, is the last of a range that
	// begins with Port.
	Port, LastPort uint16
}

// FieldError is a field of a policy that makes no sense.
type FieldError struct {
	Field   string // for example rules[2].host
	Value   string
	Problem string
}

func (e *FieldError) Error() string { return fmt.Sprintf("%s %.300q: %s", e.Field, e.Value, e.Problem) }

// Validate names every field that makes no sense, each as a [*FieldError].
func (r Rule) Validate() error {
	_, err := r.compile("")
	return err
}

// String is the line that [ParseRule] reads.
func (r Rule) String() string {
	var b strings.Builder
	b.WriteString(string(r.Action))
	if r.Protocol != "" {
		b.WriteString(" " + r.Protocol)
	}
	if strings.Contains(r.Host, ":") {
		b.WriteString(" [" + r.Host + "]")
	} else {
		b.WriteString(" " + r.Host)
	}
	if r.Port != 0 {
		fmt.Fprintf(&b, ":%d", r.Port)
	}
	if r.LastPort != 0 {
		fmt.Fprintf(&b, "-%d", r.LastPort)
	}
	return b.String()
}

// MarshalText gives the line, and an error for a rule that is not valid.
func (r Rule) MarshalText() ([]byte, error) {
	if err := r.Validate(); err != nil {
		return nil, fmt.Errorf("write rule: %w", err)
	}
	return []byte(r.String()), nil
}

// UnmarshalText is [ParseRule].
func (r *Rule) UnmarshalText(text []byte) error {
	parsed, err := ParseRule(string(text))
	if err == nil {
		*r = parsed
	}
	return err
}

// compiled is a rule that was checked. Exactly one of any, prefix and domain is set.
type compiled struct {
	text        string
	allow       bool
	tcp, udp    bool
	first, last uint16
	any         bool
	prefix      netip.Prefix
	class       class // of all of the prefix
	domain      domain
}

func (r Rule) compile(field string) (compiled, error) {
	var errs []error
	wrong := func(name, value, problem string) {
		errs = append(errs, &FieldError{field + name, value, problem})
	}
	c := compiled{text: r.String(), allow: r.Action == Allow, tcp: r.Protocol != "udp", udp: r.Protocol != "tcp", last: 65535}
	if r.Action != Allow && r.Action != Deny {
		wrong("action", string(r.Action), "it is neither allow nor deny")
	}
	if r.Protocol != "" && r.Protocol != "tcp" && r.Protocol != "udp" {
		wrong("protocol", r.Protocol, "it is neither tcp nor udp")
	}
	if r.Port != 0 {
		c.first, c.last = r.Port, max(r.Port, r.LastPort)
	}
	if r.LastPort != 0 && (r.Port == 0 || r.LastPort < r.Port) {
		wrong("lastPort", fmt.Sprint(r.LastPort), "the range ends before it begins")
	}
	if problem := c.host(r.Host); problem != "" {
		wrong("host", r.Host, problem)
	}
	return c, errors.Join(errs...)
}

// host reads a host in each of its forms. It gives what is wrong, or nothing.
func (c *compiled) host(s string) string {
	switch {
	case s == "*":
		c.any = true
		return ""
	case strings.ContainsAny(s, "/:"):
	default:
		if _, err := netip.ParseAddr(s); err == nil {
			break
		}
		d, err := parseDomain(s)
		if e, ok := errors.AsType[*NameError](err); ok {
			return e.Problem
		}
		c.domain = d
		return ""
	}
	p, problem := parsePrefix(s)
	if problem == "" {
		c.prefix, c.class = p, prefixClass(p)
	}
	return problem
}

// parsePrefix reads an address or a range.
func parsePrefix(s string) (p netip.Prefix, problem string) {
	if !strings.Contains(s, "/") {
		a, err := netip.ParseAddr(s)
		if err != nil || a.Zone() != "" {
			return p, "it is no IP address without a zone"
		}
		p = netip.PrefixFrom(a, a.BitLen())
	} else {
		var err error
		if p, err = netip.ParsePrefix(s); err != nil {
			return p, "it is no range of IP addresses (ADDRESS/BITS)"
		}
	}
	switch {
	case p.Addr().Is4In6():
		return p, "write an IPv4 address as such"
	case p != p.Masked():
		return p, "it has bits beyond its length; write " + p.Masked().String()
	}
	return p, ""
}

// covers tells whether the rule is for such connections at all.
func (c *compiled) covers(protocol string, port uint16) bool {
	return (protocol == "tcp" && c.tcp || protocol == "udp" && c.udp) && c.first <= port && port <= c.last
}

// named tells whether a name decides.
func (c *compiled) named() bool { return c.domain.name != "" }
