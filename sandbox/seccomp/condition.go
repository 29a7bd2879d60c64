package seccomp

// condition compares one argument of a call, as 64 bits, with a value.
type condition struct {
	arg   uint8 // 0 to 5
	op    operator
	value uint64
	mask  uint64 // opMaskedEqual only: arg & mask == value
}

// operator is one of libseccomp's comparisons.
type operator uint8

const (
	opEqual operator = iota
	opNotEqual
	opLess
	opLessOrEqual
	opGreater
	opGreaterOrEqual
	opMaskedEqual
)

// maxArgs is the number of arguments that a system call has.
const maxArgs = 6

// never says that the condition asks for a bit that its mask takes away.
func (c condition) never() bool { return c.op == opMaskedEqual && c.value&^c.mask != 0 }

// always says that the condition asks for nothing.
func (c condition) always() bool { return c.op == opMaskedEqual && c.mask == 0 && c.value == 0 }

// low32 compares only the low 32 bits. The kernel reads an int argument that
// way: a 64-bit comparison can be passed by with a high bit set, which was
// CVE-2019-10063 in flatpak.
func low32(arg uint8, value uint32) condition {
	return condition{arg: arg, op: opMaskedEqual, value: uint64(value), mask: 0xffffffff}
}
