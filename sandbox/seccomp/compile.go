package seccomp

import (
	"fmt"
	"slices"
)

// Compile translates the profile for a target into a program for seccomp(2).
// The result depends on nothing else and can be kept. An unknown architecture
// is an error that matches errors.ErrUnsupported, a profile with more
// conditions than a program can hold one that matches [ErrTooLarge].
func (p Profile) Compile(t Target) (Filter, error) {
	t = t.complete()
	arch, err := architectureOf(t.Arch)
	if err != nil {
		return Filter{}, fmt.Errorf("compile seccomp profile: %w", err)
	}
	if !p.filtered() {
		return Filter{}, nil
	}
	a := assembler{code: make([]Instruction, 0, 512)}
	a.program(&arch, p.spans(&t, &arch))
	if len(a.code) > maxInstructions {
		return Filter{}, fmt.Errorf("compile seccomp profile: %d instructions, %d are possible: %w",
			len(a.code), maxInstructions, ErrTooLarge)
	}
	slices.Reverse(a.code)
	return Filter{Instructions: a.code, Flags: p.flags()}, nil
}

// program emits the whole filter: the architecture first, which makes a
// foreign call cost three instructions, and then the number.
func (a *assembler) program(arch *architecture, spans []span) {
	number := a.load(offsetNumber, a.tree(spans))
	native := a.branch(opJEQ, arch.audit, number, a.ret(actKillProcess))
	a.load(offsetArch, native)
}

// spans cuts all numbers into ranges of one verdict, in order.
func (p Profile) spans(t *Target, arch *architecture) []span {
	uses, rules, newest := p.uses(t, arch)
	def := verdict{last: p.defaultAction()}
	list := make(spanList, 0, len(uses)/2)
	next := uint32(0)
	for len(uses) > 0 {
		number := uses[0].number()
		n := 1
		for n < len(uses) && uses[n].number() == number {
			n++
		}
		if number > next {
			list.add(next, def)
		}
		list.add(number, judge(rules, uses[:n], def.last))
		uses, next = uses[n:], number+1
	}
	list.add(next, def)
	return list.close(arch, newest, def.last)
}

// spanList is a list of spans in the making.
type spanList []span

// add says that the numbers from first on have the verdict.
func (l *spanList) add(first uint32, v verdict) {
	if n := len(*l); n > 0 && (*l)[n-1].verdict.same(&v) {
		return
	}
	*l = append(*l, span{first: first, verdict: v})
}

// close adds what lies beyond the newest number that the profile names.
func (l spanList) close(arch *architecture, newest uint32, def action) []span {
	nosys := verdict{last: actErrno | errnoNOSYS}
	switch {
	case !def.permits() && newest > 0:
		for l[len(l)-1].first > newest {
			l = l[:len(l)-1]
		}
		l.add(newest+1, nosys)
	case arch.x32:
		l.add(x32Bit, nosys)
	}
	return l
}
