package cgroup

import (
	"encoding/binary"
	"fmt"
	"strings"
)

// Operations of BPF that the device filter needs (linux/bpf.h): the class, the
// operation, and whether the second operand is a register or a number. They
// work on 32 bits, but for the jump.
const (
	bpfLoad         = 0x61 // dst = *(u32 *)(src + offset)
	bpfMoveReg      = 0xbc // dst = src
	bpfMove         = 0xb4 // dst = imm
	bpfShiftRight   = 0x74 // dst >>= imm
	bpfAnd          = 0x54 // dst &= imm
	bpfJumpNotEqual = 0x55 // if dst != imm, skip offset instructions
	bpfExit         = 0x95
)

// A bpfInstruction is struct bpf_insn.
type bpfInstruction struct {
	op       byte
	dst, src byte // registers 0 to 10
	offset   int16
	imm      int32
}

type bpfProgram []bpfInstruction

// encode gives the program as the kernel takes it.
func (p bpfProgram) encode() []byte {
	b := make([]byte, 0, 8*len(p))
	for _, i := range p {
		b = append(b, i.op, registers(i.dst, i.src))
		b = binary.NativeEndian.AppendUint16(b, uint16(i.offset))
		b = binary.NativeEndian.AppendUint32(b, uint32(i.imm))
	}
	return b
}

// registers are two fields of four bits, in the order of the machine: those
// that sandkit knows have the first one low.
func registers(dst, src byte) byte { return src<<4 | dst }

// String shows the program as bpftool does.
func (p bpfProgram) String() string {
	var b strings.Builder
	for n, i := range p {
		fmt.Fprintf(&b, "%3d: ", n)
		switch i.op {
		case bpfLoad:
			fmt.Fprintf(&b, "w%d = *(u32 *)(r%d + %d)\n", i.dst, i.src, i.offset)
		case bpfMoveReg:
			fmt.Fprintf(&b, "w%d = w%d\n", i.dst, i.src)
		case bpfMove:
			fmt.Fprintf(&b, "w%d = %d\n", i.dst, i.imm)
		case bpfShiftRight:
			fmt.Fprintf(&b, "w%d >>= %d\n", i.dst, i.imm)
		case bpfAnd:
			fmt.Fprintf(&b, "w%d &= %#x\n", i.dst, uint32(i.imm))
		case bpfJumpNotEqual:
			fmt.Fprintf(&b, "if r%d != %d goto %d\n", i.dst, i.imm, n+1+int(i.offset))
		case bpfExit:
			b.WriteString("exit\n")
		}
	}
	return b.String()
}
