//go:build linux

package main

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/signal"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
)

func registerLife() {
	register("exit", func(a []string) (string, error) {
		os.Exit(int(number(a[0])))
		return "", nil
	})
	register("sleep", func(a []string) (string, error) {
		d, err := time.ParseDuration(a[0])
		time.Sleep(d)
		return "", err
	})
	register("say", func(a []string) (string, error) { // on descriptor 1 or 2
		_, err := syscall.Write(int(number(a[0])), []byte(strings.Join(a[1:], "|")))
		return "", err
	})
	register("await", awaitSignal)
	register("ignore", func(a []string) (string, error) {
		signal.Ignore(syscall.Signal(number(a[0])))
		return "", nil
	})
	register("sendfd", sendFD)
	register("orphans", orphans)
	register("litter", litter)
	register("zombies", zombies)
	register("daemon", daemon)
	register("traceme", traceMe)
}

// awaitSignal says "ready" on standard error, waits for a signal of the list
// and tells which it was.
func awaitSignal(a []string) (string, error) {
	c := make(chan os.Signal, 8)
	for _, s := range a {
		signal.Notify(c, syscall.Signal(number(s)))
	}
	fmt.Fprintln(os.Stderr, "ready")
	return (<-c).String(), nil
}

// orphans makes n processes whose parent is gone, all of which end.
func orphans(a []string) (string, error) {
	const batch = 25
	for range int(number(a[0])) / batch {
		// The shell-less way to orphan many: a child that starts many and ends.
		if err := exec.Command("/proc/self/exe", "litter|"+strconv.Itoa(batch)).Run(); err != nil {
			return "", err
		}
	}
	return "", nil
}

func litter(a []string) (string, error) {
	for range int(number(a[0])) {
		if err := exec.Command("/proc/self/exe", "pid").Start(); err != nil {
			return "", err
		}
	}
	return "", nil
}

// zombies counts those that nobody has reaped, after giving process 1 time.
func zombies([]string) (string, error) {
	n := -1
	for range 200 {
		n = 0
		dirs, err := os.ReadDir("/proc")
		if err != nil {
			return "", err
		}
		for _, d := range dirs {
			if b, err := os.ReadFile("/proc/" + d.Name() + "/stat"); err == nil && strings.Contains(string(b), ") Z ") {
				n++
			}
		}
		if n == 0 {
			break
		}
		time.Sleep(10 * time.Millisecond)
	}
	return strconv.Itoa(n), nil
}

// daemon leaves a process behind in a session of its own, with all signals
// ignored and the standard streams open.
func daemon(a []string) (string, error) {
	if len(a) > 0 && a[0] == "child" {
		signal.Ignore()
		var forever sync.WaitGroup
		forever.Add(1)
		go func() { time.Sleep(time.Hour) }()
		forever.Wait()
	}
	cmd := exec.Command("/proc/self/exe", "daemon|child")
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := cmd.Start(); err != nil {
		return "", err
	}
	return strconv.Itoa(cmd.Process.Pid), nil
}

// sendFD sends a descriptor to whoever listens on a Unix socket.
func sendFD(a []string) (string, error) {
	c, err := net.DialUnix("unix", nil, &net.UnixAddr{Name: a[0], Net: "unix"})
	if err != nil {
		return "", err
	}
	defer c.Close()
	_, _, err = c.WriteMsgUnix([]byte("x"), syscall.UnixRights(int(number(a[1]))), nil)
	return "", err
}

// traceMe asks the parent to trace this process, and then stops for a signal
// that nobody minds, until the tracer lets it go on.
func traceMe([]string) (string, error) {
	runtime.LockOSThread()
	if _, _, errno := syscall.RawSyscall(syscall.SYS_PTRACE, syscall.PTRACE_TRACEME, 0, 0); errno != 0 {
		return "", errno
	}
	err := syscall.Tgkill(os.Getpid(), syscall.Gettid(), syscall.SIGWINCH)
	return "alive", err
}
