//go:build linux

package main

import (
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
)

func registerFiles() {
	registerChanges()
	register("read", func(a []string) (string, error) {
		f, err := os.Open(a[0])
		if err != nil {
			return "", err
		}
		defer f.Close()
		b, err := io.ReadAll(io.LimitReader(f, 1<<20))
		return string(b), err
	})
	register("write", func(a []string) (string, error) { // opens for writing, writes what is given
		f, err := os.OpenFile(a[0], os.O_WRONLY, 0)
		if err != nil {
			return "", err
		}
		defer f.Close()
		if len(a) > 1 {
			_, err = f.WriteString(a[1])
		}
		return "", err
	})
	register("trunc", func(a []string) (string, error) {
		f, err := os.OpenFile(a[0], os.O_RDWR|os.O_TRUNC, 0)
		if err != nil {
			return "", err
		}
		return "", f.Close()
	})
	register("create", func(a []string) (string, error) {
		f, err := os.OpenFile(a[0], os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
		if err != nil {
			return "", err
		}
		defer f.Close()
		_, err = f.WriteString(strings.Join(a[1:], ""))
		return "", err
	})
	register("ls", func(a []string) (string, error) {
		entries, err := os.ReadDir(a[0])
		names := make([]string, len(entries))
		for i, e := range entries {
			names[i] = e.Name()
		}
		return strings.Join(names, "\n"), err
	})
	register("stat", func(a []string) (string, error) {
		var st syscall.Stat_t
		if err := syscall.Lstat(a[0], &st); err != nil {
			return "", err
		}
		return fmt.Sprintf("%o %d:%d rdev=%d:%d size=%d", st.Mode, st.Uid, st.Gid, st.Rdev>>8, st.Rdev&0xff, st.Size), nil
	})
	register("readlink", func(a []string) (string, error) { return os.Readlink(a[0]) })
	register("fill", fill)
	register("sweep", sweep)
}

func registerChanges() {
	register("mkdir", func(a []string) (string, error) { return "", os.Mkdir(a[0], 0o755) })
	register("remove", func(a []string) (string, error) { return "", os.RemoveAll(a[0]) })
	register("rename", func(a []string) (string, error) { return "", os.Rename(a[0], a[1]) })
	register("link", func(a []string) (string, error) { return "", os.Link(a[0], a[1]) })
	register("chown", func(a []string) (string, error) {
		return "", os.Chown(a[0], int(number(a[1])), int(number(a[2])))
	})
	register("mknod", func(a []string) (string, error) {
		return "", syscall.Mknod(a[0], uint32(number(a[1])), int(number(a[2])))
	})
}

// fill writes zeros until it fails and tells how many bytes fit.
func fill(a []string) (string, error) {
	f, err := os.OpenFile(a[0], os.O_WRONLY|os.O_CREATE, 0o644)
	if err != nil {
		return "", err
	}
	defer f.Close()
	total, limit, buf := 0, int(number(a[1])), make([]byte, 64<<10)
	for total < limit {
		n, err := f.Write(buf)
		if total += n; err != nil {
			return fmt.Sprint(total), err
		}
	}
	return fmt.Sprint(total), nil
}

// sweep opens every file below a directory for writing and lists those where
// that works. Processes are left out.
func sweep(a []string) (string, error) {
	var open []string
	err := filepath.WalkDir(a[0], func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return nil //nolint:nilerr // not readable, so not writable by this way either
		}
		if d.IsDir() && slices.Contains(a[1:], p) {
			return fs.SkipDir
		}
		if d.Type().IsRegular() {
			if fd, err := syscall.Open(p, syscall.O_WRONLY|syscall.O_NONBLOCK|syscall.O_CLOEXEC, 0); err == nil {
				open = append(open, p)
				return syscall.Close(fd)
			}
		}
		return nil
	})
	return strings.Join(open, "\n"), err
}
