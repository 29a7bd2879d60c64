package sys

import (
	"errors"
	"fmt"
	"io"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// SocketPair makes two connected stream sockets. The first is non-blocking,
// for this program's side; the second blocks, for another program's.
func SocketPair() (local, remote *FD, err error) {
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, nil, os.NewSyscallError("socketpair", err)
	}
	local, remote = NewFD(fds[0]), NewFD(fds[1])
	if err := unix.SetNonblock(fds[0], true); err != nil {
		local.Close()
		remote.Close()
		return nil, nil, os.NewSyscallError("fcntl O_NONBLOCK", err)
	}
	return local, remote, nil
}

// SendFiles sends data with descriptors attached to its first byte
// (SCM_RIGHTS; at most 253 of them, SCM_MAX_FD) over a non-blocking stream
// socket, and returns how much of it was sent. With wait it waits until the
// socket takes something, without it may be nothing.
func SendFiles(conn syscall.RawConn, data []byte, files []int, wait bool) (n int, err error) {
	var rights []byte
	if len(files) > 0 {
		rights = unix.UnixRights(files...)
	}
	var sendErr error
	err = conn.Write(func(fd uintptr) bool {
		for {
			n, sendErr = unix.SendmsgN(int(fd), data, rights, nil, unix.MSG_NOSIGNAL|unix.MSG_DONTWAIT)
			if sendErr != unix.EINTR {
				return !wait || sendErr != unix.EAGAIN
			}
		}
	})
	if err == nil && sendErr != unix.EAGAIN {
		err = sendErr
	}
	if err != nil {
		return 0, fmt.Errorf("sendmsg: %w", err)
	}
	return max(0, n), nil
}

// ReceiveFiles reads from a non-blocking stream socket until b is full, and
// gives the descriptors, at most max, that came with it. The error is EMFILE
// when there was no room for all of them. The caller closes them.
func ReceiveFiles(conn syscall.RawConn, b []byte, max int) (files []*FD, err error) {
	rights := make([]byte, unix.CmsgSpace(4*max))
	for len(b) > 0 {
		var n, rn, flags int
		var readErr error
		err := conn.Read(func(fd uintptr) bool {
			for {
				n, rn, flags, _, readErr = unix.Recvmsg(int(fd), b, rights, unix.MSG_CMSG_CLOEXEC|unix.MSG_DONTWAIT)
				if readErr != unix.EINTR {
					return readErr != unix.EAGAIN
				}
			}
		})
		if err == nil && readErr != nil {
			err = os.NewSyscallError("recvmsg", readErr)
		}
		if err != nil {
			return files, err
		}
		if n == 0 {
			return files, io.EOF
		}
		b = b[n:]
		got, err := takeRights(rights[:rn])
		files = append(files, got...)
		if err == nil && flags&unix.MSG_CTRUNC != 0 {
			err = os.NewSyscallError("recvmsg", unix.EMFILE)
		}
		if err != nil {
			return files, err
		}
	}
	return files, nil
}

// takeRights owns what came with a message.
func takeRights(rights []byte) ([]*FD, error) {
	messages, err := unix.ParseSocketControlMessage(rights)
	if err != nil {
		return nil, os.NewSyscallError("recvmsg", err)
	}
	var files []*FD
	for i := range messages {
		fds, err := unix.ParseUnixRights(&messages[i])
		if err != nil {
			return files, os.NewSyscallError("recvmsg", err)
		}
		for _, fd := range fds {
			files = append(files, NewFD(fd))
		}
	}
	return files, nil
}

// GrowFDTable makes room for n descriptors at once. In a program with threads
// each doubling of the table waits for an RCU grace period, 8 to 16 ms; done
// early, no later start pays for it. An error only means that the limit on
// open files is lower.
func GrowFDTable(n int) {
	fd, err := unix.Open("/", unix.O_PATH|unix.O_CLOEXEC, 0)
	if err != nil {
		return
	}
	defer unix.Close(fd)
	if high, err := unix.FcntlInt(uintptr(fd), unix.F_DUPFD_CLOEXEC, n-1); err == nil {
		unix.Close(high)
	}
}

// CloseWrite tells the other side of a socket that nothing more will come.
func CloseWrite(f *os.File) error {
	conn, err := f.SyscallConn()
	if err != nil {
		return fmt.Errorf("close socket for writing: %w", err)
	}
	var shutErr error
	err = conn.Control(func(fd uintptr) { shutErr = unix.Shutdown(int(fd), unix.SHUT_WR) })
	if err == nil && shutErr != nil && !errors.Is(shutErr, unix.ENOTCONN) {
		err = os.NewSyscallError("shutdown", shutErr)
	}
	return err
}
