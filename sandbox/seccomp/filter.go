package seccomp

import (
	"encoding/binary"
	"fmt"
)

// Filter is a compiled profile: what seccomp(2) with SECCOMP_SET_MODE_FILTER
// takes. The zero value means that no filter is to be loaded.
type Filter struct {
	// Instructions is the program, for struct sock_fprog.
	Instructions []Instruction
	// Flags are for the second argument of seccomp(2).
	Flags Flags
}

// Instruction is one classic BPF instruction: struct sock_filter of
// linux/filter.h.
type Instruction struct {
	Code   uint16
	JT, JF uint8
	K      uint32
}

// instructionSize is the size of struct sock_filter in bytes.
const instructionSize = 8

// Flags are SECCOMP_FILTER_FLAG_* values of linux/seccomp.h.
type Flags uint32

const (
	// FlagLog has the kernel log every action but allow (Linux 4.14).
	FlagLog Flags = 1 << 1
	// FlagSpecAllow leaves the speculative store bypass mitigation as it is
	// (Linux 4.17). Without it a kernel before 5.16 turns the mitigation on
	// for each filtered process, which costs it speed; newer ones do so only
	// when booted that way.
	FlagSpecAllow Flags = 1 << 2
)

// Bytes returns the program as an array of struct sock_filter in the byte
// order of amd64 and arm64, for a launcher to hand to the kernel. Nil when
// there is no filter.
func (f Filter) Bytes() []byte {
	if len(f.Instructions) == 0 {
		return nil
	}
	b := make([]byte, 0, len(f.Instructions)*instructionSize)
	for _, in := range f.Instructions {
		b = binary.LittleEndian.AppendUint16(b, in.Code)
		b = append(b, in.JT, in.JF)
		b = binary.LittleEndian.AppendUint32(b, in.K)
	}
	return b
}

// String returns the size of the filter.
func (f Filter) String() string {
	if len(f.Instructions) == 0 {
		return "seccomp filter: none"
	}
	return fmt.Sprintf("seccomp filter: %d instructions, flags %#x", len(f.Instructions), uint32(f.Flags))
}
