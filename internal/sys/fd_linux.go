package sys

import (
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// FD owns one descriptor. The zero value and a closed FD own nothing. Exactly
// one FD owns a descriptor at any time: Close and Disown end the ownership.
type FD struct {
	fd   int
	open bool
}

// NewFD takes ownership of fd, which must be open.
func NewFD(fd int) *FD { return &FD{fd: fd, open: true} }

// Int is the descriptor's number, or -1 when f owns none.
func (f *FD) Int() int {
	if f == nil || !f.open {
		return -1
	}
	return f.fd
}

// Close closes the descriptor; closing again does nothing. It is safe on nil.
func (f *FD) Close() error {
	if f == nil || !f.open {
		return nil
	}
	f.open = false
	if err := unix.Close(f.fd); err != nil {
		return os.NewSyscallError("close", err)
	}
	return nil
}

// Disown gives the descriptor away: the caller closes it.
func (f *FD) Disown() int {
	fd := f.Int()
	if f != nil {
		f.open = false
	}
	return fd
}

// File turns f into an *os.File of that name, which owns the descriptor from
// then on.
func (f *FD) File(name string) *os.File { return os.NewFile(uintptr(f.Disown()), name) }

// String tells the number, for logs.
func (f *FD) String() string { return fmt.Sprintf("fd %d", f.Int()) }

// Duplicate gives another descriptor of the same open file (F_DUPFD_CLOEXEC).
func Duplicate(f *os.File) (*FD, error) {
	conn, err := f.SyscallConn()
	if err != nil {
		return nil, err
	}
	var n int
	var dupErr error
	if err := conn.Control(func(fd uintptr) { n, dupErr = unix.FcntlInt(fd, unix.F_DUPFD_CLOEXEC, 0) }); err != nil {
		return nil, err
	}
	if dupErr != nil {
		return nil, os.NewSyscallError("fcntl F_DUPFD_CLOEXEC", dupErr)
	}
	return NewFD(n), nil
}

// Duplicate gives another descriptor of the same open file, as a file of that name.
func (f *FD) Duplicate(name string) (*os.File, error) {
	n, err := unix.FcntlInt(uintptr(f.Int()), unix.F_DUPFD_CLOEXEC, 0)
	if err != nil {
		return nil, os.NewSyscallError("fcntl F_DUPFD_CLOEXEC", err)
	}
	return os.NewFile(uintptr(n), name), nil
}
