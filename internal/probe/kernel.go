//go:build linux

package main

import (
	"fmt"
	"net"
	"os"
	"runtime"
	"strings"
	"syscall"
	"time"
	"unsafe"
)

func registerKernel() {
	register("syscall", func(a []string) (string, error) { // number and up to six numbers
		var args [7]uintptr
		for i, s := range a {
			args[i] = number(s)
		}
		r, _, errno := syscall.Syscall6(args[0], args[1], args[2], args[3], args[4], args[5], args[6])
		return fmt.Sprint(int(r)), errnoOrNil(errno)
	})
	register("mount", func(a []string) (string, error) { // source, target, type, flags, data
		return "", syscall.Mount(a[0], a[1], a[2], number(a[3]), strings.Join(a[4:], "|"))
	})
	register("umount", func(a []string) (string, error) { return "", syscall.Unmount(a[0], int(number(a[1]))) })
	register("unshare", func(a []string) (string, error) {
		runtime.LockOSThread() // and never unlocked: the thread is spoilt
		return "", syscall.Unshare(int(number(a[0])))
	})
	register("socket", func(a []string) (string, error) {
		fd, err := syscall.Socket(int(number(a[0])), int(number(a[1])), int(number(a[2])))
		if err != nil {
			return "", err
		}
		return "", syscall.Close(fd)
	})
	register("rawsocket", func([]string) (string, error) { // an operation without arguments, so that "run" can pass it
		fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_RAW, syscall.IPPROTO_ICMP)
		if err != nil {
			return "", err
		}
		return "", syscall.Close(fd)
	})
	register("dial", func(a []string) (string, error) {
		c, err := net.DialTimeout(a[0], a[1], time.Second)
		if err != nil {
			return "", err
		}
		return "", c.Close()
	})
	register("listen", func(a []string) (string, error) {
		l, err := net.Listen(a[0], a[1])
		if err != nil {
			return "", err
		}
		return l.Addr().String(), l.Close()
	})
	register("serve", serve)
	register("links", func([]string) (string, error) {
		ifs, err := net.Interfaces()
		var l []string
		for _, i := range ifs {
			l = append(l, fmt.Sprintf("%s %v", i.Name, i.Flags&net.FlagUp != 0))
		}
		return strings.Join(l, "\n"), err
	})
	registerProcesses()
}

func registerProcesses() {
	register("kill", func(a []string) (string, error) {
		return "", syscall.Kill(int(number(a[0])), syscall.Signal(number(a[1])))
	})
	register("ptrace", func(a []string) (string, error) { return "", syscall.PtraceAttach(int(number(a[0]))) })
	register("tiocsti", func(a []string) (string, error) { // descriptor, request
		c := byte('x')
		_, _, errno := syscall.Syscall(syscall.SYS_IOCTL, number(a[0]), number(a[1]), uintptr(unsafe.Pointer(&c)))
		return "", errnoOrNil(errno)
	})
	register("opentty", func([]string) (string, error) {
		f, err := os.OpenFile("/dev/tty", os.O_RDWR, 0)
		if err != nil {
			return "", err
		}
		return "", f.Close()
	})
	register("openpty", openPTY)
	register("setuid", func(a []string) (string, error) { return "", syscall.Setuid(int(number(a[0]))) })
	register("clock", func(a []string) (string, error) {
		var ts syscall.Timespec
		_, _, errno := syscall.RawSyscall(syscall.SYS_CLOCK_GETTIME, number(a[0]), uintptr(unsafe.Pointer(&ts)), 0)
		return fmt.Sprint(ts.Sec), errnoOrNil(errno)
	})
}

// openPTY opens a terminal of the sandbox's own and tells its path.
func openPTY([]string) (string, error) {
	f, err := os.OpenFile("/dev/ptmx", os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		return "", err
	}
	defer f.Close()
	var n uint32
	_, _, errno := syscall.Syscall(syscall.SYS_IOCTL, f.Fd(), syscall.TIOCGPTN, uintptr(unsafe.Pointer(&n)))
	if errno != 0 {
		return "", errno
	}
	path := fmt.Sprintf("/dev/pts/%d", n)
	_, err = os.Stat(path)
	return path, err
}
