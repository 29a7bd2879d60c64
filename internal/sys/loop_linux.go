package sys

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"strconv"
	"unsafe"

	"golang.org/x/sys/unix"
)

// loopRaces bounds how often a free loop device is asked for that somebody else
// takes first.
const loopRaces = 64

// AttachLoop makes a file a read-only block device (LOOP_CONFIGURE, Linux 5.8),
// and gives its path. The kernel frees the device when the descriptor is closed
// and nothing of it is mounted any more, also when the program is killed.
func AttachLoop(file *os.File) (device *FD, path string, err error) {
	control, err := Openat(unix.AT_FDCWD, "/dev/loop-control", unix.O_RDWR)
	if err != nil {
		return nil, "", &os.PathError{Op: "open", Path: "/dev/loop-control", Err: err}
	}
	defer control.Close()
	for range loopRaces {
		n, err := unix.IoctlRetInt(control.Int(), unix.LOOP_CTL_GET_FREE)
		if err != nil {
			return nil, "", os.NewSyscallError("ioctl LOOP_CTL_GET_FREE", err)
		}
		path = "/dev/loop" + strconv.Itoa(n)
		device, err = configureLoop(path, file)
		if err == nil {
			return device, path, nil
		}
		if !errors.Is(err, unix.EBUSY) {
			return nil, "", err
		}
	}
	return nil, "", fmt.Errorf("find a free loop device in %d attempts: %w", loopRaces, unix.EBUSY)
}

func configureLoop(path string, file *os.File) (*FD, error) {
	device, err := Openat(unix.AT_FDCWD, path, unix.O_RDONLY)
	if err != nil {
		return nil, &os.PathError{Op: "open", Path: path, Err: err}
	}
	config := unix.LoopConfig{Fd: uint32(file.Fd())}
	config.Info.Flags = unix.LO_FLAGS_READ_ONLY | unix.LO_FLAGS_AUTOCLEAR
	_, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(device.Int()), unix.LOOP_CONFIGURE, uintptr(unsafe.Pointer(&config)))
	runtime.KeepAlive(file)
	if errno != 0 {
		return nil, errors.Join(fmt.Errorf("ioctl LOOP_CONFIGURE of %s: %w", path, errno), device.Close())
	}
	return device, nil
}
