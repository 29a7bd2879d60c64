package seccomp

import (
	"fmt"
	"slices"
	"strings"
)

// String returns the profile in one line: its name, the action for calls that
// no rule names, how many calls it always allows, allows or refuses depending
// on arguments, capabilities, architecture or kernel, and always refuses, and
// its changes.
func (p Profile) String() string {
	if !p.filtered() {
		return "seccomp " + p.base.String() + ": no filter"
	}
	allowed, conditional, refused := p.counts()
	var b strings.Builder
	fmt.Fprintf(&b, "seccomp %s: %d allowed, %d conditional, %d refused, others %s",
		p.base, allowed, conditional, refused, p.defaultAction())
	if p.edits != nil {
		for _, name := range p.edits.allow {
			b.WriteString(" +" + name)
		}
		for _, name := range p.edits.deny {
			b.WriteString(" -" + name)
		}
	}
	return b.String()
}

// counts counts the names by what the rules say about them.
func (p Profile) counts() (allowed, conditional, refused int) {
	type seen struct{ allows, refuses, conditional bool }
	own := p.rules()
	calls := make(map[string]seen)
	for i, r := range slices.Concat(own, p.edits.rules()) {
		for _, name := range r.names {
			if i < len(own) && p.edits.has(name) {
				continue
			}
			s := calls[name]
			switch {
			case len(r.conds) > 0 || !r.gate.always():
				s.conditional = true
			case r.act.permits():
				s.allows = true
			default:
				s.refuses = true
			}
			calls[name] = s
		}
	}
	for _, s := range calls {
		switch {
		case s.refuses:
			refused++
		case s.conditional:
			conditional++
		default:
			allowed++
		}
	}
	return allowed, conditional, refused
}
