package sys

import (
	"errors"
	"unsafe"

	"golang.org/x/sys/unix"
)

// The Probe functions make a call in a way that changes nothing: ENOSYS means
// that the kernel does not have it, nil that it does.

// ProbeOpenat2 tries openat2.
func ProbeOpenat2() error {
	fd, err := Openat2(AT_FDCWD, "/", O_PATH, 0)
	if err != nil {
		return err
	}
	return fd.Close()
}

// ProbeFsopen tries fsopen with a name that no file system has.
func ProbeFsopen() error {
	fd, err := unix.Fsopen("", unix.FSOPEN_CLOEXEC)
	if err == nil {
		return unix.Close(fd)
	}
	return onlyNoSys(err)
}

// ProbeMountSetattr tries mount_setattr on no file.
func ProbeMountSetattr() error {
	return onlyNoSys(unix.MountSetattr(-1, "", unix.AT_EMPTY_PATH, &unix.MountAttr{}))
}

// ProbeCloseRange closes descriptors that cannot exist.
func ProbeCloseRange() error { return onlyNoSys(unix.CloseRange(1<<31-2, 1<<31-1, 0)) }

// ProbePidfd opens this process.
func ProbePidfd() error {
	fd, err := unix.PidfdOpen(unix.Getpid(), 0)
	if err != nil {
		return onlyNoSys(err)
	}
	return unix.Close(fd)
}

// ProbeKeyring asks for the session keyring without making one.
func ProbeKeyring() error {
	_, err := unix.KeyctlGetKeyringID(unix.KEY_SPEC_SESSION_KEYRING, false)
	return onlyNoSys(err)
}

// ProbeSeccomp asks whether the action that allows a call is available
// (SECCOMP_GET_ACTION_AVAIL, Linux 4.14).
func ProbeSeccomp() error {
	action := uint32(unix.SECCOMP_RET_ALLOW)
	const getActionAvail = 2
	_, _, errno := unix.Syscall(unix.SYS_SECCOMP, getActionAvail, 0, uintptr(unsafe.Pointer(&action)))
	if errno != 0 {
		return errno
	}
	return nil
}

// LandlockABI is the version of Landlock's interface, or a negative number.
func LandlockABI() int {
	const version = 1 // LANDLOCK_CREATE_RULESET_VERSION
	r, _, errno := unix.Syscall(unix.SYS_LANDLOCK_CREATE_RULESET, 0, 0, version)
	if errno != 0 {
		return -1
	}
	return int(r)
}

// Release is the kernel's version as uname tells it.
func Release() (string, error) {
	var u unix.Utsname
	if err := unix.Uname(&u); err != nil {
		return "", err
	}
	return unix.ByteSliceToString(u.Release[:]), nil
}

// EffectiveCapabilities are those of the calling thread, one bit each.
func EffectiveCapabilities() (uint64, error) {
	hdr := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var data [2]unix.CapUserData
	if err := unix.Capget(&hdr, &data[0]); err != nil {
		return 0, err
	}
	return uint64(data[0].Effective) | uint64(data[1].Effective)<<32, nil
}

// onlyNoSys keeps what says that a call is missing.
func onlyNoSys(err error) error {
	if errors.Is(err, unix.ENOSYS) {
		return err
	}
	return nil
}
