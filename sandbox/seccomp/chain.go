package seccomp

// verdict is what is done with one call: the action of the first branch whose
// conditions hold, or else the last action. Without branches it is constant.
type verdict struct {
	branches []branch
	last     action
}

// branch is one conditional rule.
type branch struct {
	conds []condition
	act   action
}

// constant says whether the verdict is the same for all arguments.
func (v *verdict) constant() bool { return len(v.branches) == 0 }

// same says whether both verdicts are constant and equal.
func (v *verdict) same(w *verdict) bool {
	return v.constant() && w.constant() && v.last == w.last
}

// verdict emits the code for v. It stops early in a program that is too large
// already, so that a hostile profile does not take the memory for all of it.
func (a *assembler) verdict(v *verdict) label {
	next := a.ret(v.last)
	for i := len(v.branches) - 1; i >= 0; i-- {
		b := &v.branches[i]
		entry := a.ret(b.act)
		for j := len(b.conds) - 1; j >= 0 && len(a.code) <= maxInstructions; j-- {
			entry = a.condition(&b.conds[j], entry, next)
		}
		next = entry
	}
	return next
}

// condition emits the code that goes on at yes when c holds and at no when it
// does not.
func (a *assembler) condition(c *condition, yes, no label) label {
	switch c.op {
	case opEqual:
		return a.equal(c, yes, no)
	case opNotEqual:
		return a.equal(c, no, yes)
	case opGreater:
		return a.order(c, opJGT, yes, no)
	case opGreaterOrEqual:
		return a.order(c, opJGE, yes, no)
	case opLess:
		return a.order(c, opJGE, no, yes)
	case opLessOrEqual:
		return a.order(c, opJGT, no, yes)
	default:
		return a.masked(c, yes, no)
	}
}

// equal compares both halves of the argument.
func (a *assembler) equal(c *condition, yes, no label) label {
	low := a.branch(opJEQ, uint32(c.value), yes, no)
	low = a.load(lowWord(c.arg), low)
	high := a.branch(opJEQ, uint32(c.value>>32), low, no)
	return a.load(highWord(c.arg), high)
}

// order emits argument > value or argument >= value, as lowOp says.
func (a *assembler) order(c *condition, lowOp uint16, yes, no label) label {
	low := a.branch(lowOp, uint32(c.value), yes, no)
	low = a.load(lowWord(c.arg), low)
	high := a.branch(opJEQ, uint32(c.value>>32), low, no)
	high = a.branch(opJGT, uint32(c.value>>32), yes, high)
	return a.load(highWord(c.arg), high)
}

// masked compares the bits of the mask, in those halves that have any.
func (a *assembler) masked(c *condition, yes, no label) label {
	entry := a.maskedWord(lowWord(c.arg), uint32(c.mask), uint32(c.value), yes, no)
	return a.maskedWord(highWord(c.arg), uint32(c.mask>>32), uint32(c.value>>32), entry, no)
}

func (a *assembler) maskedWord(offset, mask, value uint32, yes, no label) label {
	if mask == 0 {
		return yes
	}
	entry := a.branch(opJEQ, value, yes, no)
	if mask != 0xffffffff {
		entry = a.emitBefore(Instruction{Code: opAnd, K: mask}, entry)
	}
	return a.load(offset, entry)
}

func lowWord(arg uint8) uint32  { return offsetArgs + 8*uint32(arg) }
func highWord(arg uint8) uint32 { return lowWord(arg) + 4 }
