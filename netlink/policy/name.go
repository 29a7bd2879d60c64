package policy

import (
	"fmt"
	"strings"
)

// NameError is a name of a host that cannot be used.
type NameError struct{ Name, Problem string }

func (e *NameError) Error() string { return fmt.Sprintf("name %.300q: %s", e.Name, e.Problem) }

// Limits of the DNS, without the last dot.
const (
	maxName  = 253
	maxLabel = 63
)

// NormalName gives a name in lower case and without its last dot. Names in other
// alphabets must be in their ASCII form (xn--...). What a resolver could take for an
// address is no name. The error is a [*NameError].
func NormalName(name string) (string, error) {
	s := strings.TrimSuffix(name, ".")
	switch {
	case s == "":
		return "", &NameError{name, "it is empty"}
	case len(s) > maxName:
		return "", &NameError{name, fmt.Sprintf("it is longer than %d characters", maxName)}
	}
	last := ""
	for label := range strings.SplitSeq(s, ".") {
		if problem := checkLabel(label); problem != "" {
			return "", &NameError{name, problem}
		}
		last = label
	}
	s = strings.ToLower(s)
	if isNumber(strings.ToLower(last)) {
		return "", &NameError{name, "it ends with a number, as addresses do"}
	}
	return s, nil
}

// checkLabel gives what is wrong, or nothing.
func checkLabel(label string) string {
	switch {
	case label == "":
		return "a part between two dots is empty"
	case len(label) > maxLabel:
		return fmt.Sprintf("a part is longer than %d characters", maxLabel)
	}
	for _, c := range []byte(label) {
		switch {
		case c >= 0x80:
			return "it is not ASCII; write it in its ASCII form, with xn--"
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', c == '-', c == '_':
		default:
			return fmt.Sprintf("%q is no letter, digit, hyphen or underscore", c)
		}
	}
	if label[0] == '-' || label[len(label)-1] == '-' {
		return "a part begins or ends with a hyphen"
	}
	return ""
}

// isNumber tells whether inet_aton would read a label, in lower case, as a number.
func isNumber(label string) bool {
	if hex, ok := strings.CutPrefix(label, "0x"); ok {
		return strings.Trim(hex, "0123456789abcdef") == ""
	}
	return strings.Trim(label, "0123456789") == ""
}

// domain is a pattern of names.
type domain struct {
	name string // in its normal form
	apex bool   // the name itself
	sub  bool   // all names below it
}

// parseDomain reads "example.com", "*.example.com" (what is below it) and
// ".example.com" (both).
func parseDomain(s string) (domain, error) {
	d := domain{apex: true}
	name := s
	if rest, ok := strings.CutPrefix(s, "*."); ok {
		d.apex, d.sub, name = false, true, rest
	} else if rest, ok := strings.CutPrefix(s, "."); ok {
		d.sub, name = true, rest
	}
	var err error
	if d.name, err = NormalName(name); err != nil {
		return domain{}, err
	}
	return d, nil
}

func (d domain) String() string {
	switch {
	case d.apex && d.sub:
		return "." + d.name
	case d.sub:
		return "*." + d.name
	}
	return d.name
}

// matches takes a name in its normal form.
func (d domain) matches(name string) bool {
	if name == d.name {
		return d.apex
	}
	below, ok := strings.CutSuffix(name, d.name)
	return d.sub && ok && strings.HasSuffix(below, ".")
}
