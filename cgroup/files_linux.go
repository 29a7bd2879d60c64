package cgroup

import (
	"errors"
	"os"
	"syscall"
)

// errNoDevice is what files of a group that is gone say when they are open.
const errNoDevice = syscall.ENODEV

// files changes cgroups. It is the one place that does, so that tests can break
// every step.
type files struct {
	fault func(op, path string) error // nil outside of tests
}

func (f *files) check(op, path string) error {
	if f.fault == nil {
		return nil
	}
	if err := f.fault(op, path); err != nil {
		return &os.PathError{Op: op, Path: path, Err: err}
	}
	return nil
}

// write writes a value to a file that exists, in one call. It is no
// os.WriteFile, which would register the file with the runtime's poller.
func (f *files) write(path, value string) error {
	if err := f.check("write", path); err != nil {
		return err
	}
	fd, err := retry(func() (int, error) { return syscall.Open(path, syscall.O_WRONLY|syscall.O_CLOEXEC, 0) })
	if err != nil {
		return &os.PathError{Op: "open", Path: path, Err: err}
	}
	_, err = retry(func() (int, error) { return syscall.Write(fd, []byte(value)) })
	if closeErr := syscall.Close(fd); err == nil {
		err = closeErr
	}
	if err != nil {
		return &os.PathError{Op: "write " + value + " to", Path: path, Err: err}
	}
	return nil
}

// mkdir makes one directory.
func (f *files) mkdir(path string) error {
	if err := f.check("mkdir", path); err != nil {
		return err
	}
	if err := syscall.Mkdir(path, 0o755); err != nil {
		return &os.PathError{Op: "mkdir", Path: path, Err: err}
	}
	return nil
}

// rmdir removes one directory; one that is not there is fine.
func (f *files) rmdir(path string) error {
	if err := f.check("rmdir", path); err != nil {
		return err
	}
	if err := syscall.Rmdir(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return &os.PathError{Op: "rmdir", Path: path, Err: err}
	}
	return nil
}

// retry makes a call again when a signal interrupted it.
func retry(call func() (int, error)) (int, error) {
	for {
		n, err := call()
		if !errors.Is(err, syscall.EINTR) {
			return n, err
		}
	}
}
