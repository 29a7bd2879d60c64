package seccomp

import "testing"

// call is struct seccomp_data without the instruction pointer.
type call struct {
	number uint32
	arch   uint32
	args   [maxArgs]uint64
}

const (
	auditAMD64 = 0xc000003e
	auditARM64 = 0xc00000b7
	auditI386  = 0x40000003
	auditARM   = 0x40000028
)

func auditOf(goarch string) uint32 {
	if goarch == "arm64" {
		return auditARM64
	}
	return auditAMD64
}

// word returns the 32 bits at an offset of struct seccomp_data as a
// little-endian machine lays it out.
func (c *call) word(offset uint32) uint32 {
	switch {
	case offset == offsetNumber:
		return c.number
	case offset == offsetArch:
		return c.arch
	case offset < offsetArgs:
		return 0 // the instruction pointer
	}
	arg := c.args[(offset-offsetArgs)/8]
	if offset%8 == 4 {
		arg >>= 32
	}
	return uint32(arg)
}

// interpret runs a program as the kernel's classic BPF machine does. It knows
// every instruction that the assembler here or go-seccomp-bpf emits, and
// returns the action and the number of instructions executed.
func interpret(tb testing.TB, program []Instruction, c call) (action, int) {
	tb.Helper()
	const opJSET = 0x45
	var acc uint32
	steps := 0
	for pc := 0; pc < len(program); pc++ {
		steps++
		in := program[pc]
		var holds bool
		switch in.Code {
		case opLoad:
			acc = c.word(in.K)
			continue
		case opAnd:
			acc &= in.K
			continue
		case opRet:
			return action(in.K), steps
		case opJump:
			pc += int(in.K)
			continue
		case opJEQ:
			holds = acc == in.K
		case opJGT:
			holds = acc > in.K
		case opJGE:
			holds = acc >= in.K
		case opJSET:
			holds = acc&in.K != 0
		default:
			tb.Fatalf("instruction %d: unknown code %#x", pc, in.Code)
		}
		if holds {
			pc += int(in.JT)
		} else {
			pc += int(in.JF)
		}
	}
	tb.Fatal("program ends without a return")
	return 0, 0
}

// constantAllow does what seccomp_is_const_allow in kernel/seccomp.c does: it
// says whether the kernel will see that a call is allowed whatever its
// arguments, and then never run the filter for it.
func constantAllow(program []Instruction, number, arch uint32) bool {
	var acc uint32
	for pc := 0; ; pc++ {
		in := program[pc]
		var holds bool
		switch in.Code {
		case opLoad:
			switch in.K {
			case offsetNumber:
				acc = number
			case offsetArch:
				acc = arch
			default:
				return false // depends on an argument
			}
			continue
		case opRet:
			return action(in.K) == actAllow
		case opJump:
			pc += int(in.K)
			continue
		case opJEQ:
			holds = acc == in.K
		case opJGE:
			holds = acc >= in.K
		default:
			return false
		}
		if holds {
			pc += int(in.JT)
		} else {
			pc += int(in.JF)
		}
	}
}

// checkProgram makes sure of what the kernel's verifier (bpf_check_classic and
// seccomp_check_filter) asks for, and that there is no dead code.
func checkProgram(tb testing.TB, program []Instruction) {
	tb.Helper()
	if len(program) == 0 || len(program) > maxInstructions {
		tb.Fatalf("%d instructions", len(program))
	}
	reached := make([]bool, len(program))
	reached[0] = true
	reach := func(from, to int) {
		if to >= len(program) {
			tb.Fatalf("instruction %d jumps out of the program", from)
		}
		reached[to] = true
	}
	for pc, in := range program {
		switch in.Code {
		case opLoad:
			if in.K%4 != 0 || in.K >= offsetArgs+8*maxArgs {
				tb.Fatalf("instruction %d loads from %d", pc, in.K)
			}
			reach(pc, pc+1)
		case opAnd:
			reach(pc, pc+1)
		case opJump:
			reach(pc, pc+1+int(in.K))
		case opJEQ, opJGT, opJGE:
			reach(pc, pc+1+int(in.JT))
			reach(pc, pc+1+int(in.JF))
		case opRet:
		default:
			tb.Fatalf("instruction %d: unexpected code %#x", pc, in.Code)
		}
	}
	for pc, ok := range reached {
		if !ok {
			tb.Errorf("instruction %d is never executed", pc)
		}
	}
}
