package seccomp

import (
	"cmp"
	"slices"
)

// use is one mention of a system call in a rule: the number of the call above
// the place of the rule, so that sorted uses are grouped by number and stay in
// the order of the rules.
type use uint64

func (u use) number() uint32 { return uint32(u >> 32) }
func (u use) rule() int      { return int(uint32(u)) }

// uses returns the mentions that count for the target, sorted, with the rules
// they point into, and the highest number that the profile names at all.
func (p Profile) uses(t *Target, arch *architecture) (list []use, rules []rule, newest uint32) {
	own := p.rules()
	rules = slices.Concat(own, p.edits.rules())
	list = make([]use, 0, 512)
	for i := range rules {
		open := rules[i].gate.open(t)
		for _, name := range rules[i].names {
			number, ok := arch.number(name)
			if !ok {
				continue
			}
			newest = max(newest, number)
			if open && (i >= len(own) || !p.edits.has(name)) {
				list = append(list, use(number)<<32|use(i))
			}
		}
	}
	slices.Sort(list)
	return list, rules, newest
}

// judge combines the rules that name one call: strictest first, those of the
// same action in their order, up to the first without a condition.
func judge(rules []rule, uses []use, def action) verdict {
	if len(uses) == 1 {
		if r := &rules[uses[0].rule()]; r.unconditional() {
			return verdict{last: r.act}
		}
	}
	slices.SortStableFunc(uses, func(u, w use) int {
		return cmp.Compare(int32(rules[u.rule()].act&actionMask), int32(rules[w.rule()].act&actionMask))
	})
	v := verdict{last: def}
	for _, u := range uses {
		r := &rules[u.rule()]
		if r.unconditional() {
			v.last = r.act
			break
		}
		if slices.ContainsFunc(r.conds, condition.never) {
			continue
		}
		v.branches = append(v.branches, branch{conds: r.conds, act: r.act})
	}
	for n := len(v.branches); n > 0 && v.branches[n-1].act == v.last; n-- {
		v.branches = v.branches[:n-1]
	}
	return v
}
