//go:build linux

package main

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"syscall"
	"unsafe"
)

// setUpSystem sets what a booted system has set. Failures are only warned
// about.
func setUpSystem(s *spec, warn func(string)) {
	sysctls := append([]string{
		"net.ipv4.ip_forward=1",
		"net.ipv4.ping_group_range=0 2147483647",
		"kernel.panic_on_oops=1",
		"kernel.printk=4",
	}, s.Sysctls...)
	for _, kv := range sysctls {
		if err := setSysctl(kv); err != nil {
			warn(err.Error())
		}
	}
	if err := syscall.Sethostname([]byte(s.Hostname)); err != nil {
		warn(fmt.Sprintf("set host name: %v", err))
	}
	if err := linkUp("lo"); err != nil {
		warn(fmt.Sprintf("set lo up: %v", err))
	}
	if s.UID != 0 {
		if err := makeRuntimeDir(s.UID); err != nil {
			warn(err.Error())
		}
	}
}

// setSysctl sets "net.ipv4.ip_forward=1". A '/' in the name is a '/', as in
// sysctl(8), for names with dots in them.
func setSysctl(kv string) error {
	name, value, _ := strings.Cut(kv, "=")
	if !strings.Contains(name, "/") {
		name = strings.ReplaceAll(name, ".", "/")
	}
	if err := os.WriteFile("/proc/sys/"+name, []byte(value), 0); err != nil {
		return fmt.Errorf("set sysctl: %w", err)
	}
	return nil
}

func makeRuntimeDir(uid int) error {
	dir := runtimeDir(uid)
	err := os.MkdirAll(dir, 0o755)
	if err == nil {
		err = errors.Join(os.Chmod(dir, 0o700), os.Chown(dir, uid, uid))
	}
	if err != nil {
		return fmt.Errorf("make runtime folder: %w", err)
	}
	return nil
}

// linkUp is "ip link set dev name up".
func linkUp(name string) (err error) {
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_DGRAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, syscall.Close(fd)) }()
	var request struct { // struct ifreq
		name  [16]byte
		flags uint16
		_     [22]byte
	}
	copy(request.name[:], name)
	request.flags = syscall.IFF_UP | syscall.IFF_RUNNING
	_, _, errno := syscall.Syscall(syscall.SYS_IOCTL, uintptr(fd), syscall.SIOCSIFFLAGS, uintptr(unsafe.Pointer(&request)))
	if errno != 0 {
		return errno
	}
	return nil
}
