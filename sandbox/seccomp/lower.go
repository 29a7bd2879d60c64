package seccomp

import (
	"errors"
	"fmt"
	"slices"
)

// maxUses bounds how often a profile may name a system call; Docker's does it
// about 450 times.
const maxUses = 1 << 16

// lower checks the document and fills in what it means.
func (d *document) lower() error {
	if d.DefaultAction == "" {
		return &FieldError{
			Field: "defaultAction", Problem: "missing; say SCMP_ACT_ERRNO to refuse what no rule allows",
		}
	}
	var err error
	if d.action, err = parseAction("defaultAction", d.DefaultAction, "defaultErrnoRet", d.DefaultErrnoRet); err != nil {
		return err
	}
	if d.flags, err = parseFlags(d.Flags); err != nil {
		return err
	}
	if err := d.checkArchitectures(); err != nil {
		return err
	}
	if d.ListenerPath != "" || d.ListenerMetadata != "" {
		return unsupported("listenerPath", d.ListenerPath, "no listener can be served; leave it out")
	}
	uses := 0
	for i := range d.Syscalls {
		rules, err := d.Syscalls[i].lower()
		if err != nil {
			return within(fmt.Sprintf("syscalls[%d]", i), err)
		}
		for _, r := range rules {
			uses += len(r.names)
		}
		if uses > maxUses {
			return fmt.Errorf("system calls are named more than %d times: %w", maxUses, ErrTooLarge)
		}
		d.rules = append(d.rules, rules...)
	}
	return nil
}

// checkArchitectures makes sure that the names are right. Apart from that they
// have no effect: the rules hold for the target's architecture, as runc always
// adds that, and others are refused.
func (d *document) checkArchitectures() error {
	if len(d.Architectures) > 0 && len(d.ArchMap) > 0 {
		return &FieldError{Field: "archMap", Problem: "given with architectures; use one of them"}
	}
	for i, name := range d.Architectures {
		if err := checkName(fmt.Sprintf("architectures[%d]", i), name, scmpArches); err != nil {
			return err
		}
	}
	for i, m := range d.ArchMap {
		if err := checkName(fmt.Sprintf("archMap[%d].architecture", i), m.Architecture, scmpArches); err != nil {
			return err
		}
		for j, name := range m.SubArchitectures {
			field := fmt.Sprintf("archMap[%d].subArchitectures[%d]", i, j)
			if err := checkName(field, name, scmpArches); err != nil {
				return err
			}
		}
	}
	return nil
}

// lower checks one entry of "syscalls" and returns the rules that it stands
// for.
func (r *docRule) lower() ([]rule, error) {
	names := r.Names
	switch {
	case r.Name != "" && len(r.Names) > 0:
		return nil, &FieldError{Field: "name", Value: r.Name, Problem: "given with names; use one of them"}
	case r.Name != "":
		names = []string{r.Name}
	case len(names) == 0:
		return nil, &FieldError{Field: "names", Problem: "missing; list at least one system call"}
	}
	if i := slices.Index(names, ""); i >= 0 {
		return nil, &FieldError{Field: fmt.Sprintf("names[%d]", i), Problem: "empty; name a system call"}
	}
	act, err := parseAction("action", r.Action, "errnoRet", r.ErrnoRet)
	if err != nil {
		return nil, err
	}
	g, err := lowerGates(r.Includes, r.Excludes)
	if err != nil {
		return nil, err
	}
	conds, err := lowerArgs(r.Args)
	if err != nil {
		return nil, err
	}
	if !repeatsArg(conds) {
		return []rule{{names: names, act: act, conds: conds, gate: g}}, nil
	}
	// runc takes several conditions on one argument as alternatives, each a
	// rule of its own, and profiles are written for that.
	rules := make([]rule, len(conds))
	for i := range conds {
		rules[i] = rule{names: names, act: act, conds: conds[i : i+1 : i+1], gate: g}
	}
	return rules, nil
}

func lowerArgs(args []docArg) ([]condition, error) {
	var conds []condition
	for i, arg := range args {
		if arg.Index >= maxArgs {
			return nil, &FieldError{
				Field: fmt.Sprintf("args[%d].index", i), Value: fmt.Sprint(arg.Index), Problem: "use 0 to 5",
			}
		}
		op, err := parseOperator(fmt.Sprintf("args[%d].op", i), arg.Op)
		if err != nil {
			return nil, err
		}
		c := condition{arg: uint8(arg.Index), op: op, value: arg.Value}
		if op == opMaskedEqual {
			c.mask, c.value = arg.Value, arg.ValueTwo
		}
		conds = append(conds, c)
	}
	return conds, nil
}

// repeatsArg says whether two conditions are about the same argument.
func repeatsArg(conds []condition) bool {
	var seen [maxArgs]bool
	for _, c := range conds {
		if seen[c.arg] {
			return true
		}
		seen[c.arg] = true
	}
	return false
}

func lowerGates(includes, excludes *docGate) (g gate, err error) {
	if includes != nil {
		g.caps, g.arches, g.since = includes.Caps, includes.Arches, includes.MinKernel
	}
	if excludes != nil {
		g.notCaps, g.notArches, g.before = excludes.Caps, excludes.Arches, excludes.MinKernel
	}
	for i, name := range g.arches {
		if err := checkName(fmt.Sprintf("includes.arches[%d]", i), name, gateArches); err != nil {
			return gate{}, err
		}
	}
	for i, name := range g.notArches {
		if err := checkName(fmt.Sprintf("excludes.arches[%d]", i), name, gateArches); err != nil {
			return gate{}, err
		}
	}
	return g, nil
}

func unsupported(field, value, problem string) error {
	return &FieldError{Field: field, Value: value, Problem: problem, Err: errors.ErrUnsupported}
}
