package figures

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
	"fmt"
	"os"
	"runtime"
)

// Machine code of the programs. They are as small as a program can be, so that
// what is measured is the sandbox, and need no compiler.
var (
	// The call exit_group(0).
	exitCode = map[string][]byte{
		"amd64": {0x31, 0xff, 0xb8, 0xe7, 0, 0, 0, 0x0f, 0x05},
		"arm64": words(0xd2800000, 0xd2800bc8, 0xd4000001),
	}
	// The call read(0, below the stack, 1).
	readCode = map[string][]byte{
		"amd64": {0x31, 0xff, 0x48, 0x8d, 0x74, 0x24, 0x80, 0xba, 1, 0, 0, 0, 0x31, 0xc0, 0x0f, 0x05},
		"arm64": words(0xd2800000, 0xd10043e1, 0xd2800022, 0xd28007e8, 0xd4000001),
	}
	machines = map[string]elf.Machine{"amd64": elf.EM_X86_64, "arm64": elf.EM_AARCH64}
)

func words(w ...uint32) []byte {
	var b []byte
	for _, x := range w {
		b = binary.LittleEndian.AppendUint32(b, x)
	}
	return b
}

// WriteTrue writes a static program that ends well at once.
func WriteTrue(path string) error { return writeProgram(path, exitCode[runtime.GOARCH]) }

// WriteIdle writes a static program that ends well when its standard input
// ends.
func WriteIdle(path string) error {
	return writeProgram(path, bytes.Join([][]byte{readCode[runtime.GOARCH], exitCode[runtime.GOARCH]}, nil))
}

// writeProgram writes an executable of one segment.
func writeProgram(path string, code []byte) error {
	if len(code) == 0 {
		return fmt.Errorf("write program: no machine code for %s", runtime.GOARCH)
	}
	const base, page = 0x400000, 0x10000
	head := elf.Header64{
		Ident: [16]byte{0x7f, 'E', 'L', 'F', byte(elf.ELFCLASS64), byte(elf.ELFDATA2LSB), byte(elf.EV_CURRENT)},
		Type:  uint16(elf.ET_EXEC), Machine: uint16(machines[runtime.GOARCH]), Version: uint32(elf.EV_CURRENT),
		Phoff: 64, Ehsize: 64, Phentsize: 56, Phnum: 1,
	}
	size := uint64(head.Ehsize) + uint64(head.Phentsize)
	head.Entry = base + size
	size += uint64(len(code))
	segment := elf.Prog64{
		Type: uint32(elf.PT_LOAD), Flags: uint32(elf.PF_R | elf.PF_X),
		Vaddr: base, Paddr: base, Filesz: size, Memsz: size, Align: page,
	}
	var b bytes.Buffer
	for _, part := range []any{head, segment, code} {
		if err := binary.Write(&b, binary.LittleEndian, part); err != nil {
			return fmt.Errorf("write program: %w", err)
		}
	}
	return os.WriteFile(path, b.Bytes(), 0o755)
}
