package seccomp

import (
	"slices"
	"strings"
)

// rule gives an action to the named calls when the gate is open and all
// conditions hold.
type rule struct {
	names []string
	act   action
	conds []condition
	gate  gate
}

// unconditional says that the rule holds for all arguments.
func (r *rule) unconditional() bool {
	return !slices.ContainsFunc(r.conds, func(c condition) bool { return !c.always() })
}

// gate says for which targets a rule is there. The zero gate is open.
type gate struct {
	caps      []string // open only with all of these
	notCaps   []string // shut with any of these
	arches    []string // open only on one of these, in libseccomp's names
	notArches []string // shut on each of these
	since     Version  // open from this kernel on; zero: any
	before    Version  // shut from this kernel on; zero: never
}

// always says that the gate is open for every target.
func (g *gate) always() bool {
	return len(g.caps) == 0 && len(g.notCaps) == 0 && len(g.arches) == 0 &&
		len(g.notArches) == 0 && g.since == Version{} && g.before == Version{}
}

// open says whether the rule is there for t, which must be complete.
func (g *gate) open(t *Target) bool {
	for _, c := range g.caps {
		if !t.hasCap(c) {
			return false
		}
	}
	if slices.ContainsFunc(g.notCaps, t.hasCap) {
		return false
	}
	if len(g.arches) > 0 && !slices.Contains(g.arches, t.Arch) || slices.Contains(g.notArches, t.Arch) {
		return false
	}
	if t.Kernel.less(g.since) {
		return false
	}
	return g.before == Version{} || t.Kernel.less(g.before)
}

func (t *Target) hasCap(name string) bool {
	for _, c := range t.Caps {
		if strings.EqualFold(bareCap(c), bareCap(name)) {
			return true
		}
	}
	return false
}

// bareCap cuts CAP_ off, in either case, so that both spellings are equal.
func bareCap(name string) string {
	const prefix = "CAP_"
	if len(name) > len(prefix) && strings.EqualFold(name[:len(prefix)], prefix) {
		return name[len(prefix):]
	}
	return name
}
