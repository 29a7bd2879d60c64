package sys

import (
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// ListenUnix makes a listening stream socket of mode 0600 in an open directory,
// whose path may be of any length. The name must not be taken. The caller closes
// it and removes the name.
func ListenUnix(dir *os.File, name string, backlog int) (*FD, error) {
	return unixSocket(dir, name, func(fd, at int, addr unix.Sockaddr) error {
		if err := unix.Bind(fd, addr); err != nil {
			return os.NewSyscallError("bind", err)
		}
		err := os.NewSyscallError("chmod", unix.Fchmodat(at, name, 0o600, 0))
		if err == nil {
			err = os.NewSyscallError("listen", unix.Listen(fd, backlog))
		}
		if err != nil {
			err = errors.Join(err, unix.Unlinkat(at, name, 0))
		}
		return err
	})
}

// ConnectUnix connects to a stream socket in an open directory. The error matches
// ECONNREFUSED when nobody listens. The caller closes it.
func ConnectUnix(dir *os.File, name string) (*FD, error) {
	return unixSocket(dir, name, func(fd, _ int, addr unix.Sockaddr) error {
		return os.NewSyscallError("connect", unix.Connect(fd, addr))
	})
}

func unixSocket(dir *os.File, name string, use func(fd, at int, addr unix.Sockaddr) error) (*FD, error) {
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, os.NewSyscallError("socket", err)
	}
	s := NewFD(fd)
	conn, err := dir.SyscallConn()
	if err == nil {
		var useErr error
		err = conn.Control(func(at uintptr) {
			useErr = use(fd, int(at), &unix.SockaddrUnix{Name: FdPath(int(at)) + "/" + name})
		})
		err = errors.Join(err, useErr)
	}
	if err == nil {
		err = os.NewSyscallError("fcntl O_NONBLOCK", unix.SetNonblock(fd, true))
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("socket %s: %w", name, err), s.Close())
	}
	return s, nil
}
