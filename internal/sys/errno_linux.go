package sys

import (
	"syscall"

	"golang.org/x/sys/unix"
)

// ErrnoName is the constant's name of an errno, such as "ENOENT".
func ErrnoName(e syscall.Errno) string {
	if n := unix.ErrnoName(e); n != "" {
		return n
	}
	return e.Error()
}
