//go:build linux

package main

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"strings"
	"syscall"
	"time"
	"unsafe"
)

// These operations use up what limits limit.
func registerConsume() {
	register("spin", spin)
	register("forks", forks)
	register("eat", eat)
	register("hoard", hoard)
	register("memfd", fillMemfd)
	register("direct", direct)
	register("cpus", func([]string) (string, error) {
		return fmt.Sprint(runtime.NumCPU()), nil // from sched_getaffinity
	})
}

// spin keeps a CPU busy until this process has used so much CPU time, or so
// much time has passed.
func spin(a []string) (string, error) {
	want, err := time.ParseDuration(a[0])
	if err != nil {
		return "", err
	}
	for {
		var u syscall.Rusage
		for range 1 << 20 {
			u.Maxrss++
		}
		if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
			return "", err
		}
		if time.Duration(u.Utime.Nano()+u.Stime.Nano()) >= want {
			return "", nil
		}
	}
}

// forks starts up to n processes that stay, and tells how many there are.
func forks(a []string) (string, error) {
	limit := int(number(a[0]))
	for n := range limit {
		pid, _, errno := syscall.RawSyscall6(syscall.SYS_CLONE, uintptr(syscall.SIGCHLD), 0, 0, 0, 0, 0)
		if errno != 0 {
			return fmt.Sprint(n), errno
		}
		if pid == 0 {
			for {
				_, _, _ = syscall.RawSyscall6(syscall.SYS_PPOLL, 0, 0, 0, 0, 0, 0)
			}
		}
	}
	return fmt.Sprint(limit), nil
}

// eat touches so many MiB of memory.
func eat(a []string) (string, error) {
	const chunk = 1 << 20
	for range int(number(a[0])) {
		b, err := syscall.Mmap(-1, 0, chunk, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_PRIVATE|syscall.MAP_ANON)
		if err != nil {
			return "", err
		}
		for i := 0; i < chunk; i += os.Getpagesize() {
			b[i] = 1
		}
	}
	return "", nil
}

// hoard writes so many MiB to a file.
func hoard(a []string) (string, error) {
	f, err := os.OpenFile(a[0], os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return "", err
	}
	return "", errors.Join(write(f, int(number(a[1]))), f.Close())
}

func write(f *os.File, mib int) error {
	b := make([]byte, 1<<20)
	for i := range mib {
		if _, err := f.Write(b); err != nil {
			return err
		}
		if i%4 == 3 { // a disk may be slow to take what is to be given back
			if err := f.Sync(); err != nil {
				return err
			}
		}
	}
	return nil
}

// fillMemfd writes so many MiB to memory that has no name.
func fillMemfd(a []string) (string, error) {
	memfdCreate := map[string]uintptr{"amd64": 319, "arm64": 279}[runtime.GOARCH]
	name := append([]byte("x"), 0)
	fd, _, errno := syscall.Syscall(memfdCreate, uintptr(unsafe.Pointer(&name[0])), 0, 0)
	if errno != 0 {
		return "", errno
	}
	return "", write(os.NewFile(fd, strings.TrimRight(string(name), "\x00")), int(number(a[0])))
}

// direct reads or writes so many KiB of a file past the page cache, and tells
// how many nanoseconds that took.
func direct(a []string) (string, error) {
	const chunk = 64 << 10
	flags := map[string]int{"r": os.O_RDONLY, "w": os.O_WRONLY | os.O_CREATE}[a[1]]
	fd, err := syscall.Open(a[0], flags|syscall.O_DIRECT|syscall.O_CLOEXEC, 0o600)
	if err != nil {
		return "", err
	}
	defer func() { _ = syscall.Close(fd) }()                                                                         // nothing is buffered
	b, err := syscall.Mmap(-1, 0, chunk, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_PRIVATE|syscall.MAP_ANON) // aligned
	if err != nil {
		return "", err
	}
	move := map[string]func(int, []byte) (int, error){"r": syscall.Read, "w": syscall.Write}[a[1]]
	start := time.Now()
	for range int(number(a[2])) * 1024 / chunk {
		if n, err := move(fd, b); err != nil || n != chunk {
			return fmt.Sprint(n), errors.Join(err, errShort)
		}
	}
	return fmt.Sprint(time.Since(start).Nanoseconds()), nil
}

var errShort = errors.New("short read or write")
