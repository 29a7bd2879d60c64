package sys

import (
	"os"
	"runtime"
	"unsafe"

	"golang.org/x/sys/unix"
)

// LoadDeviceProgram loads a BPF program that decides about devices for cgroups
// of version 2 (BPF_PROG_TYPE_CGROUP_DEVICE, Linux 4.15). The name has at most
// 15 bytes. The kernel's verifier has the last word: EINVAL or EACCES.
func LoadDeviceProgram(name string, instructions []byte) (*FD, error) {
	// The beginning of union bpf_attr for BPF_PROG_LOAD (linux/bpf.h).
	var attr struct {
		kind, count           uint32
		instructions, license uint64
		logLevel, logSize     uint32
		log                   uint64
		version, flags        uint32
		name                  [16]byte
	}
	license := []byte("Apache-2.0\x00")
	var pin runtime.Pinner
	defer pin.Unpin()
	pin.Pin(&instructions[0])
	pin.Pin(&license[0])
	attr.kind, attr.count = unix.BPF_PROG_TYPE_CGROUP_DEVICE, uint32(len(instructions)/8)
	attr.instructions = uint64(uintptr(unsafe.Pointer(&instructions[0])))
	attr.license = uint64(uintptr(unsafe.Pointer(&license[0])))
	copy(attr.name[:len(attr.name)-1], name)
	fd, err := bpf(unix.BPF_PROG_LOAD, unsafe.Pointer(&attr), unsafe.Sizeof(attr))
	if err != nil {
		return nil, err
	}
	return NewFD(fd), nil
}

// AttachDeviceProgram attaches a program to a cgroup directory, beside those
// that are there (BPF_F_ALLOW_MULTI): all have to agree. It stays when the
// descriptors are closed.
func AttachDeviceProgram(dir, program int) error {
	return changeDeviceProgram(unix.BPF_PROG_ATTACH, dir, program, unix.BPF_F_ALLOW_MULTI)
}

// DetachDeviceProgram takes a program off a cgroup directory.
func DetachDeviceProgram(dir, program int) error {
	return changeDeviceProgram(unix.BPF_PROG_DETACH, dir, program, 0)
}

func changeDeviceProgram(command, dir, program int, flags uint32) error {
	attr := struct{ target, program, kind, flags uint32 }{uint32(dir), uint32(program), unix.BPF_CGROUP_DEVICE, flags}
	_, err := bpf(command, unsafe.Pointer(&attr), unsafe.Sizeof(attr))
	return err
}

// bpf makes the system call, which may be interrupted by the verifier's own
// patience (EAGAIN).
func bpf(command int, attr unsafe.Pointer, size uintptr) (int, error) {
	for range 10 {
		n, _, errno := unix.Syscall(unix.SYS_BPF, uintptr(command), uintptr(attr), size)
		if errno == 0 {
			return int(n), nil
		}
		if errno != unix.EAGAIN && errno != unix.EINTR {
			return -1, os.NewSyscallError("bpf", errno)
		}
	}
	return -1, os.NewSyscallError("bpf", unix.EAGAIN)
}
