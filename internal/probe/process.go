//go:build linux

package main

import (
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"syscall"
)

func registerProcess() {
	register("ids", func([]string) (string, error) {
		groups, err := os.Getgroups()
		slices.Sort(groups)
		return fmt.Sprintf("uid=%d euid=%d gid=%d egid=%d groups=%v", os.Getuid(), os.Geteuid(), os.Getgid(), os.Getegid(), groups), err
	})
	register("env", func([]string) (string, error) { return strings.Join(os.Environ(), "\n"), nil })
	register("cwd", func([]string) (string, error) { return os.Getwd() })
	register("pid", func([]string) (string, error) {
		sid, _, errno := syscall.RawSyscall(syscall.SYS_GETSID, 0, 0, 0)
		return fmt.Sprintf("pid=%d ppid=%d sid=%d", os.Getpid(), os.Getppid(), sid), errnoOrNil(errno)
	})
	register("hostname", func([]string) (string, error) { return os.Hostname() })
	register("fds", fds)
	register("status", func(a []string) (string, error) { return fields("/proc/self/status", a) })
	register("umask", func([]string) (string, error) { return fmt.Sprintf("%o", syscall.Umask(0)), nil })
	register("rlimit", func(a []string) (string, error) {
		var r syscall.Rlimit
		err := syscall.Getrlimit(int(number(a[0])), &r)
		return fmt.Sprintf("%d:%d", r.Cur, r.Max), err
	})
	register("run", func(a []string) (string, error) {
		out, err := exec.Command(a[0], a[1:]...).CombinedOutput()
		return string(out), err
	})
	register("ns", func([]string) (string, error) {
		var l []string
		for _, k := range []string{"cgroup", "ipc", "mnt", "net", "pid", "time", "user", "uts"} {
			link, err := os.Readlink("/proc/self/ns/" + k)
			if err != nil {
				return "", err
			}
			l = append(l, link)
		}
		return strings.Join(l, "\n"), nil
	})
	register("ignored", func([]string) (string, error) { return fields("/proc/self/status", []string{"SigIgn", "SigBlk"}) })
	register("readfd", func(a []string) (string, error) {
		buf := make([]byte, 4096)
		n, err := syscall.Read(int(number(a[0])), buf)
		return string(buf[:max(0, n)]), err
	})
}

// fds lists the open descriptors but for the one that lists them.
func fds([]string) (string, error) {
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		return "", err
	}
	var open []int
	for _, e := range entries {
		target, err := os.Readlink("/proc/self/fd/" + e.Name())
		if err != nil || strings.HasPrefix(target, "/proc/") || strings.HasPrefix(target, "anon_inode:[event") {
			continue // the listing itself, and the Go runtime's poller
		}
		n, err := strconv.Atoi(e.Name())
		if err != nil {
			return "", err
		}
		open = append(open, n)
	}
	slices.Sort(open)
	return strings.Trim(fmt.Sprint(open), "[]"), nil
}

// fields gives "Key:value" of the lines with these keys.
func fields(path string, keys []string) (string, error) {
	b, err := os.ReadFile(path)
	var l []string
	for line := range strings.Lines(string(b)) {
		key, value, _ := strings.Cut(line, ":")
		if len(keys) == 0 || slices.Contains(keys, key) {
			l = append(l, key+":"+strings.TrimSpace(value))
		}
	}
	return strings.Join(l, "\n"), err
}
