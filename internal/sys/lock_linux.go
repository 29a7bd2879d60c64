package sys

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// TryLockByte takes an exclusive lock on one byte of a file, which its open
// file description holds until it is closed (F_OFD_SETLK, Linux 3.15); false
// when somebody else holds it. The byte need not exist.
func TryLockByte(f *os.File, offset int64) (bool, error) {
	return lockByte(f, offset, unix.F_WRLCK)
}

// TryShareByte is TryLockByte for a lock that others may share.
func TryShareByte(f *os.File, offset int64) (bool, error) {
	return lockByte(f, offset, unix.F_RDLCK)
}

// UnlockByte gives a lock back at once. Closing the file does so only when no
// process that is being forked has the description as well.
func UnlockByte(f *os.File, offset int64) error {
	_, err := lockByte(f, offset, unix.F_UNLCK)
	return err
}

func lockByte(f *os.File, offset int64, kind int16) (bool, error) {
	conn, err := f.SyscallConn()
	if err != nil {
		return false, err
	}
	lock := unix.Flock_t{Type: kind, Whence: 0, Start: offset, Len: 1}
	var lockErr error
	if err := conn.Control(func(fd uintptr) {
		lockErr = unix.FcntlFlock(fd, unix.F_OFD_SETLK, &lock)
	}); err != nil {
		return false, err
	}
	if errors.Is(lockErr, unix.EAGAIN) || errors.Is(lockErr, unix.EACCES) {
		return false, nil
	}
	if lockErr != nil {
		return false, os.NewSyscallError("fcntl F_OFD_SETLK", lockErr)
	}
	return true, nil
}

// ByteLocked tells whether another open file description holds a lock on a
// byte of a file, exclusive or shared (F_OFD_GETLK). It takes no lock itself,
// so that it is in nobody's way.
func ByteLocked(f *os.File, offset int64) (bool, error) {
	conn, err := f.SyscallConn()
	if err != nil {
		return false, err
	}
	lock := unix.Flock_t{Type: unix.F_WRLCK, Whence: 0, Start: offset, Len: 1}
	var lockErr error
	if err := conn.Control(func(fd uintptr) {
		lockErr = unix.FcntlFlock(fd, unix.F_OFD_GETLK, &lock)
	}); err != nil {
		return false, err
	}
	if lockErr != nil {
		return false, os.NewSyscallError("fcntl F_OFD_GETLK", lockErr)
	}
	return lock.Type != unix.F_UNLCK, nil
}
