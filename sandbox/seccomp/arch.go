package seccomp

import (
	"errors"

	"github.com/elastic/go-seccomp-bpf/arch"
)

// architecture is what a filter has to know about a processor.
type architecture struct {
	audit uint32 // AUDIT_ARCH_* of linux/audit.h, what the kernel reports
	x32   bool   // numbers with x32Bit belong to another ABI
	calls map[string]int
}

// x32Bit marks the numbers of the x32 ABI, which share amd64's audit value.
const x32Bit = 0x40000000

// architectureOf returns the description of a GOARCH.
func architectureOf(goarch string) (architecture, error) {
	switch goarch {
	case "amd64":
		return architecture{audit: uint32(arch.X86_64.ID), x32: true, calls: arch.X86_64.SyscallNames}, nil
	case "arm64":
		return architecture{audit: uint32(arch.AARCH64.ID), calls: arch.AARCH64.SyscallNames}, nil
	}
	return architecture{}, &FieldError{
		Field: "Target.Arch", Value: goarch, Problem: "use amd64 or arm64", Err: errors.ErrUnsupported,
	}
}
