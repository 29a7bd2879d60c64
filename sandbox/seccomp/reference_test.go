package seccomp

import "testing"

// judgement is the straightforward reading of the package documentation: go
// through all rules, remember the strictest that matches. Compile must agree
// with it on every call.
func judgement(p Profile, t Target, c call) action {
	t = t.complete()
	arch, err := architectureOf(t.Arch)
	if err != nil {
		panic(err)
	}
	if c.arch != arch.audit {
		return actKillProcess
	}
	if arch.x32 && c.number >= x32Bit {
		return actErrno | errnoNOSYS
	}
	var newest uint32
	found, best := false, action(0)
	consider := func(r rule, name string) {
		number, ok := arch.number(name)
		if !ok {
			return
		}
		newest = max(newest, number)
		if number != c.number || !r.gate.open(&t) || !matches(r.conds, c.args) {
			return
		}
		if !found || r.act.stricter(best) {
			found, best = true, r.act
		}
	}
	for _, r := range p.rules() {
		for _, name := range r.names {
			if p.edits.has(name) {
				consider(rule{gate: gate{arches: []string{"none"}}}, name)
				continue
			}
			consider(r, name)
		}
	}
	for _, r := range p.edits.rules() {
		for _, name := range r.names {
			consider(r, name)
		}
	}
	switch def := p.defaultAction(); {
	case found:
		return best
	case !def.permits() && newest > 0 && c.number > newest:
		return actErrno | errnoNOSYS
	default:
		return def
	}
}

// matches says whether all conditions hold.
func matches(conds []condition, args [maxArgs]uint64) bool {
	for _, c := range conds {
		arg := args[c.arg]
		ok := false
		switch c.op {
		case opEqual:
			ok = arg == c.value
		case opNotEqual:
			ok = arg != c.value
		case opLess:
			ok = arg < c.value
		case opLessOrEqual:
			ok = arg <= c.value
		case opGreater:
			ok = arg > c.value
		case opGreaterOrEqual:
			ok = arg >= c.value
		case opMaskedEqual:
			ok = arg&c.mask == c.value
		}
		if !ok {
			return false
		}
	}
	return true
}

// mustCompile compiles p and checks the program's form.
func mustCompile(tb testing.TB, p Profile, t Target) Filter {
	tb.Helper()
	f, err := p.Compile(t)
	if err != nil {
		tb.Fatal(err)
	}
	if len(f.Instructions) > 0 {
		checkProgram(tb, f.Instructions)
	}
	return f
}

// numberOf returns the number of a call that the architecture must have.
func numberOf(tb testing.TB, goarch, name string) uint32 {
	tb.Helper()
	arch, err := architectureOf(goarch)
	if err != nil {
		tb.Fatal(err)
	}
	n, ok := arch.number(name)
	if !ok {
		tb.Fatalf("%s has no system call %s", goarch, name)
	}
	return n
}
