package seccomp

// Classic BPF opcodes of linux/bpf_common.h, those that the kernel follows
// when it looks for calls that are always allowed (seccomp_is_const_allow,
// Linux 5.11): others would keep such calls out of its cache.
const (
	opLoad = 0x20 // BPF_LD | BPF_W | BPF_ABS: A = word at offset K
	opJump = 0x05 // BPF_JMP | BPF_JA
	opJEQ  = 0x15 // BPF_JMP | BPF_JEQ | BPF_K
	opJGT  = 0x25 // BPF_JMP | BPF_JGT | BPF_K
	opJGE  = 0x35 // BPF_JMP | BPF_JGE | BPF_K
	opAnd  = 0x54 // BPF_ALU | BPF_AND | BPF_K: A &= K
	opRet  = 0x06 // BPF_RET | BPF_K
)

// Offsets in struct seccomp_data of linux/seccomp.h. The arguments are 64-bit,
// and on amd64 and arm64 the low word comes first.
const (
	offsetNumber = 0
	offsetArch   = 4
	offsetArgs   = 16
)

// maxInstructions is BPF_MAXINSNS of linux/bpf_common.h.
const maxInstructions = 4096

// label is the place of an instruction, counted from the end of the program.
type label int

// assembler writes a program from its last instruction to its first. BPF jumps
// go forward only, so that whatever an instruction jumps to is in place
// already and no jump has to be patched later.
//
// It is not that of go-seccomp-bpf, whose v1.6.0 has no masked comparison and
// no errno but EPERM, hands foreign architectures to the default action, and
// after a condition that did not hold goes on to compare numbers with the
// argument (TestElasticTakesArgumentForNumber). That one also searches its list
// from the front, which takes 230 us to load on Linux 6.18, the tree of this
// one 50 (BenchmarkLoad).
type assembler struct {
	code []Instruction // last instruction first
	rets []label       // the newest return of each action
}

// emit puts an instruction before the ones written so far.
func (a *assembler) emit(in Instruction) label {
	a.code = append(a.code, in)
	return label(len(a.code) - 1)
}

// reach is how far a conditional jump may go, less the room for a longer jump
// that is put in between.
const reach = 255 - 2

// near says whether an instruction written next can jump to l.
func (a *assembler) near(l label) bool {
	return len(a.code)-1-int(l) <= reach
}

// within returns l or, if that is out of reach, a new instruction that does the
// same as jumping there.
func (a *assembler) within(l label) label {
	if a.near(l) {
		return l
	}
	if in := a.code[l]; in.Code == opRet {
		return a.ret(action(in.K))
	}
	return a.emit(Instruction{Code: opJump, K: uint32(len(a.code) - 1 - int(l))})
}

// ret returns a place within reach that ends the program with the action.
func (a *assembler) ret(act action) label {
	for i, l := range a.rets {
		if a.code[l].K == uint32(act) {
			if !a.near(l) {
				a.rets[i] = a.emit(Instruction{Code: opRet, K: uint32(act)})
			}
			return a.rets[i]
		}
	}
	l := a.emit(Instruction{Code: opRet, K: uint32(act)})
	a.rets = append(a.rets, l)
	return l
}

// branch emits a comparison of A with k and the jumps for both outcomes.
func (a *assembler) branch(code uint16, k uint32, yes, no label) label {
	yes = a.within(yes)
	no = a.within(no)
	last := len(a.code) - 1
	return a.emit(Instruction{Code: code, JT: uint8(last - int(yes)), JF: uint8(last - int(no)), K: k})
}

// load emits the loading of a word, after which the program goes on at next,
// which must be the instruction written last.
func (a *assembler) load(offset uint32, next label) label {
	return a.emitBefore(Instruction{Code: opLoad, K: offset}, next)
}

// emitBefore emits an instruction that does not jump, with a jump to next if
// that does not follow anyway.
func (a *assembler) emitBefore(in Instruction, next label) label {
	if int(next) != len(a.code)-1 {
		a.emit(Instruction{Code: opJump, K: uint32(len(a.code) - 1 - int(next))})
	}
	return a.emit(in)
}
