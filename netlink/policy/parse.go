package policy

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
)

// SyntaxError is text that is no rule.
type SyntaxError struct {
	Line    int // from 1; 0 if there is only one
	Text    string
	Problem string
}

func (e *SyntaxError) Error() string {
	if e.Line == 0 {
		return fmt.Sprintf("rule %.300q: %s", e.Text, e.Problem)
	}
	return fmt.Sprintf("line %d: rule %.300q: %s", e.Line, e.Text, e.Problem)
}

// ParseRule reads a rule:
//
//	allow|deny [tcp|udp] HOST[:PORT[-PORT]]
//
// HOST is as in [Rule], with IPv6 addresses and ranges in brackets:
//
//	allow tcp *.github.com:443
//	allow 10.0.0.0/8:5432
//	deny udp [2001:db8::/32]:1024-65535
//	deny *
//
// Names come out in lower case and without their last dot, addresses in their usual
// form. The error is a [*SyntaxError].
func ParseRule(text string) (Rule, error) {
	words := strings.Fields(text)
	bad := func(problem string) (Rule, error) { return Rule{}, &SyntaxError{Text: text, Problem: problem} }
	if len(words) < 2 || len(words) > 3 {
		return bad("it is not of the form: allow|deny [tcp|udp] HOST[:PORT[-PORT]]")
	}
	r := Rule{Action: Action(words[0])}
	if len(words) == 3 {
		if r.Protocol = words[1]; r.Protocol == "" || !slices.Contains([]string{"tcp", "udp"}, r.Protocol) {
			return bad(fmt.Sprintf("%q is neither tcp nor udp", words[1]))
		}
	}
	host, ports, problem := cutPorts(words[len(words)-1])
	if problem != "" {
		return bad(problem)
	}
	r.Host = host
	if ports != "" {
		first, last, ranged := strings.Cut(ports, "-")
		var ok1, ok2 bool
		if r.Port, ok1 = parsePort(first); ranged {
			r.LastPort, ok2 = parsePort(last)
		}
		if !ok1 || ranged && !ok2 {
			return bad(fmt.Sprintf("%q is no number from 1 to 65535, and no range of them", ports))
		}
	}
	c, err := r.compile("")
	if err != nil {
		if e, ok := errors.AsType[*FieldError](err); ok {
			return bad(fmt.Sprintf("%s %q: %s", e.Field, e.Value, e.Problem))
		}
		return bad(err.Error())
	}
	r.Host = c.normalHost()
	if r.LastPort == r.Port {
		r.LastPort = 0
	}
	return r, nil
}

// cutPorts cuts the host, without brackets, from the ports.
func cutPorts(s string) (host, ports, problem string) {
	if inner, ok := strings.CutPrefix(s, "["); ok {
		host, rest, ok := strings.Cut(inner, "]")
		ports, colon := strings.CutPrefix(rest, ":")
		switch {
		case !ok || rest != "" && (!colon || ports == ""):
			return "", "", "a bracket is not closed, or followed by something that is no port"
		case !strings.Contains(host, ":"):
			return "", "", "only IPv6 addresses are in brackets"
		}
		return host, ports, ""
	}
	host, ports, colon := strings.Cut(s, ":")
	switch {
	case strings.Contains(ports, ":"):
		return "", "", "IPv6 addresses are written in brackets"
	case colon && ports == "":
		return "", "", "there is no port after the colon"
	}
	return host, ports, ""
}

func parsePort(s string) (uint16, bool) {
	n, err := strconv.ParseUint(s, 10, 16)
	return uint16(n), err == nil && n != 0 && s[0] != '0'
}

// normalHost is the host of a rule in its one form.
func (c *compiled) normalHost() string {
	switch {
	case c.any:
		return "*"
	case c.named():
		return c.domain.String()
	case c.prefix.Bits() == c.prefix.Addr().BitLen():
		return c.prefix.Addr().String()
	}
	return netip.PrefixFrom(c.prefix.Addr(), c.prefix.Bits()).String()
}

// Parse reads rules, one in each line. Empty lines, and what follows a #, do not
// count. The error joins a [*SyntaxError] for each line that is wrong.
func Parse(text string) ([]Rule, error) {
	var rules []Rule
	var errs []error
	n := 0
	for line := range strings.Lines(text) {
		n++
		line, _, _ = strings.Cut(line, "#")
		if line = strings.TrimSpace(line); line == "" {
			continue
		}
		r, err := ParseRule(line)
		if e, ok := errors.AsType[*SyntaxError](err); ok {
			e.Line = n
			errs = append(errs, e)
			continue
		}
		rules = append(rules, r)
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	return rules, nil
}
