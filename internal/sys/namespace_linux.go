package sys

import (
	"errors"
	"fmt"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// CheckNamespace makes sure that a file is a namespace of the type that the
// clone flag stands for (ioctl NS_GET_NSTYPE, Linux 4.11).
func CheckNamespace(f *os.File, cloneFlag int) error {
	conn, err := f.SyscallConn()
	if err != nil {
		return err
	}
	var kind int
	var ioctlErr error
	if err := conn.Control(func(fd uintptr) {
		r, _, errno := unix.Syscall(unix.SYS_IOCTL, fd, unix.NS_GET_NSTYPE, 0)
		if kind = int(r); errno != 0 {
			ioctlErr = errno
		}
	}); err != nil {
		return err
	}
	if errors.Is(ioctlErr, syscall.ENOTTY) {
		return fmt.Errorf("not a namespace: %w", os.ErrInvalid)
	}
	if ioctlErr != nil {
		return os.NewSyscallError("ioctl NS_GET_NSTYPE", ioctlErr)
	}
	if kind != cloneFlag {
		return fmt.Errorf("a namespace of another kind (%#x, want %#x): %w", kind, cloneFlag, os.ErrInvalid)
	}
	return nil
}
