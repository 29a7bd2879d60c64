package sys

import (
	"errors"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// OpenPidfd gives a descriptor of a process (pidfd_open, Linux 5.3), which can be
// given to [AwaitExit]. The caller closes it.
func OpenPidfd(pid int) (*FD, error) {
	fd, err := unix.PidfdOpen(pid, unix.PIDFD_NONBLOCK)
	if err != nil {
		return nil, os.NewSyscallError("pidfd_open", err)
	}
	return NewFD(fd), nil
}

// HasExited tells whether the process of a pidfd has ended.
func HasExited(pidfd *os.File) (bool, error) {
	conn, err := pidfd.SyscallConn()
	if err != nil {
		return false, err
	}
	var exited bool
	var pollErr error
	err = conn.Control(func(fd uintptr) { exited, pollErr = readable(int(fd)) })
	return exited, errors.Join(err, pollErr)
}

// AwaitExit waits for the end of a process, which need not be a child. The file is
// a pidfd that does not block; its read deadline counts.
func AwaitExit(pidfd *os.File) error {
	conn, err := pidfd.SyscallConn()
	if err != nil {
		return err
	}
	var pollErr error
	err = conn.Read(func(fd uintptr) bool {
		var exited bool
		exited, pollErr = readable(int(fd))
		return exited || pollErr != nil
	})
	return errors.Join(err, pollErr)
}

func readable(fd int) (bool, error) {
	fds := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}
	for {
		n, err := unix.Poll(fds, 0)
		if !errors.Is(err, unix.EINTR) {
			return n > 0, os.NewSyscallError("poll", err)
		}
	}
}

// SignalPidfd sends a signal to the process of a pidfd (pidfd_send_signal, Linux
// 5.1). It is no error when that has ended.
func SignalPidfd(pidfd *os.File, sig syscall.Signal) error {
	conn, err := pidfd.SyscallConn()
	if err != nil {
		return err
	}
	var sendErr error
	err = conn.Control(func(fd uintptr) { sendErr = unix.PidfdSendSignal(int(fd), sig, nil, 0) })
	if errors.Is(sendErr, unix.ESRCH) {
		sendErr = nil
	}
	return errors.Join(err, os.NewSyscallError("pidfd_send_signal", sendErr))
}
