package sys

import (
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// SealedExecutable gives a read-only descriptor of an anonymous file with this
// content that can be executed and that nobody, root included, can change
// (memfd_create and seals, Linux 3.17). Name is what /proc/PID/comm-like views
// show. The caller closes it.
func SealedExecutable(name string, content []byte) (*FD, error) {
	fd, err := memfdCreate(name)
	if err != nil {
		return nil, os.NewSyscallError("memfd_create", err)
	}
	rw := NewFD(fd)
	defer rw.Close()
	for off := 0; off < len(content); {
		n, err := unix.Pwrite(fd, content[off:], int64(off))
		if err != nil {
			return nil, fmt.Errorf("write %s: %w", name, err)
		}
		off += n
	}
	const seals = unix.F_SEAL_SEAL | unix.F_SEAL_SHRINK | unix.F_SEAL_GROW | unix.F_SEAL_WRITE
	if _, err := unix.FcntlInt(uintptr(fd), unix.F_ADD_SEALS, seals); err != nil {
		return nil, os.NewSyscallError("fcntl F_ADD_SEALS", err)
	}
	// A file that somebody has open for writing cannot be executed (ETXTBSY).
	ro, err := unix.Open(fmt.Sprintf("/proc/self/fd/%d", fd), unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("open %s again: %w", name, err)
	}
	return NewFD(ro), nil
}

// memfdCreate asks for an executable memfd explicitly, which vm.memfd_noexec=1
// demands (Linux 6.3); older kernels do not know the flag.
func memfdCreate(name string) (int, error) {
	const flags = unix.MFD_CLOEXEC | unix.MFD_ALLOW_SEALING
	fd, err := unix.MemfdCreate(name, flags|unix.MFD_EXEC)
	if errors.Is(err, unix.EINVAL) {
		return unix.MemfdCreate(name, flags)
	}
	return fd, err
}
