package seccomp

import (
	"encoding/binary"
	"os"
	"path/filepath"
	"testing"
)

// elf returns a static program with the code given, of the class for 32-bit
// (1) or 64-bit (2) processes.
func elf(class byte, code []byte) []byte {
	const base = 0x10000
	order := binary.LittleEndian
	b := []byte{0x7f, 'E', 'L', 'F', class, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0}
	b = order.AppendUint16(b, 2) // ET_EXEC
	if class == 1 {
		const header, programHeader = 52, 32
		b = order.AppendUint16(b, 3) // EM_386
		for _, v := range []uint32{1, base + header + programHeader, header, 0, 0} {
			b = order.AppendUint32(b, v)
		}
		for _, v := range []uint16{header, programHeader, 1, 0, 0, 0} {
			b = order.AppendUint16(b, v)
		}
		size := uint32(header + programHeader + len(code))
		for _, v := range []uint32{1, 0, base, base, size, size, 5, 0x1000} {
			b = order.AppendUint32(b, v)
		}
		return append(b, code...)
	}
	const header, programHeader = 64, 56
	b = order.AppendUint16(b, 62) // EM_X86_64
	b = order.AppendUint32(b, 1)
	for _, v := range []uint64{base + header + programHeader, header, 0} {
		b = order.AppendUint64(b, v)
	}
	b = order.AppendUint32(b, 0)
	for _, v := range []uint16{header, programHeader, 1, 0, 0, 0} {
		b = order.AppendUint16(b, v)
	}
	b = order.AppendUint32(b, 1)
	b = order.AppendUint32(b, 5)
	size := uint64(header + programHeader + len(code))
	for _, v := range []uint64{0, base, base, size, size, 0x1000} {
		b = order.AppendUint64(b, v)
	}
	return append(b, code...)
}

// TestLiveForeignABI executes programs that make calls of another ABI, which
// must not pass by the filter.
func TestLiveForeignABI(t *testing.T) {
	t.Parallel()
	exit42 := []byte{
		0xb8, 1, 0, 0, 0, // mov eax, 1 (exit of i386)
		0xbb, 42, 0, 0, 0, // mov ebx, 42
		0xcd, 0x80, // int 0x80
	}
	x32 := []byte{
		0xb8, 60, 0, 0, 0x40, // mov eax, 0x40000000 | 60 (exit of x32)
		0xbf, 42, 0, 0, 0, // mov edi, 42
		0x0f, 0x05, // syscall
		0xf7, 0xd8, // neg eax
		0x89, 0xc7, // mov edi, eax
		0xb8, 60, 0, 0, 0, // mov eax, 60 (exit)
		0x0f, 0x05, // syscall
	}
	for _, tt := range []struct {
		name           string
		class          byte
		code           []byte
		free, filtered string
	}{
		{"32-bit program", 1, exit42, "exit 42", "signal bad system call"},
		{"int 0x80 in a 64-bit program", 2, exit42, "exit 42", "signal bad system call"},
		{"x32 call", 2, x32, "", "exit 38"}, // ENOSYS
	} {
		t.Run(tt.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "program")
			if err := os.WriteFile(path, elf(tt.class, tt.code), 0o755); err != nil {
				t.Fatal(err)
			}
			free := exitOf(t, helperCommand(t, "exec", Unconfined(), path).Run())
			if tt.free != "" && free != tt.free {
				t.Skipf("without a filter: %s; this kernel has no such ABI", free)
			}
			deny, err := Unconfined().Deny("mount")
			if err != nil {
				t.Fatal(err)
			}
			for _, p := range []Profile{Default(), Strict(), deny} {
				if got := exitOf(t, helperCommand(t, "exec", p, path).Run()); got != tt.filtered {
					t.Errorf("%v: %s, want %s (without a filter: %s)", p, got, tt.filtered, free)
				}
			}
		})
	}
}
