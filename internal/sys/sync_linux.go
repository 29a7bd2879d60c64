package sys

import (
	"os"

	"golang.org/x/sys/unix"
)

// SyncFS writes everything of a file's file system to its disk (syncfs).
func SyncFS(f *os.File) error {
	return onFD(f, "syncfs", unix.Syncfs)
}

// SyncData writes a file's content, and what is needed to find it, to its disk
// (fdatasync).
func SyncData(f *os.File) error {
	return onFD(f, "fdatasync", unix.Fdatasync)
}

// onFD makes a call on a file's descriptor, again when a signal interrupts it.
func onFD(f *os.File, name string, call func(fd int) error) error {
	conn, err := f.SyscallConn()
	if err != nil {
		return err
	}
	var callErr error
	if err := conn.Control(func(fd uintptr) {
		for {
			if callErr = call(int(fd)); callErr != unix.EINTR { //nolint:errorlint // straight from the kernel
				return
			}
		}
	}); err != nil {
		return err
	}
	return os.NewSyscallError(name, callErr)
}
