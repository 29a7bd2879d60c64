package testutil

import (
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// Tree makes files below dir, one line each:
//
//	dir a/b 0750
//	file a/b/c content to the end of the line
//	link a/l ../../etc
//	fifo f
func Tree(tb testing.TB, dir string, lines ...string) {
	tb.Helper()
	for _, l := range lines {
		f := strings.SplitN(l, " ", 3)
		for len(f) < 3 {
			f = append(f, "")
		}
		at := filepath.Join(dir, f[1])
		if err := os.MkdirAll(filepath.Dir(at), 0o755); err != nil {
			tb.Fatal(err)
		}
		if err := entry(f[0], at, f[2]); err != nil {
			tb.Fatalf("%s: %v", l, err)
		}
	}
}

func entry(kind, at, arg string) error {
	switch kind {
	case "dir":
		mode := uint64(0o755)
		if arg != "" {
			var err error
			if mode, err = strconv.ParseUint(arg, 8, 12); err != nil {
				return err
			}
		}
		if err := os.MkdirAll(at, 0o755); err != nil {
			return err
		}
		return os.Chmod(at, os.FileMode(mode)&os.ModePerm|sticky(mode))
	case "file":
		return os.WriteFile(at, []byte(arg), 0o644)
	case "link":
		return os.Symlink(arg, at)
	case "fifo":
		return syscall.Mkfifo(at, 0o644)
	}
	return os.ErrInvalid
}

func sticky(mode uint64) os.FileMode {
	if mode&0o1000 != 0 {
		return os.ModeSticky
	}
	return 0
}

// Root makes a small root file system with the probe at /bin/probe, and the
// entries that are given beside it.
func Root(tb testing.TB, lines ...string) string {
	tb.Helper()
	dir := filepath.Join(tb.TempDir(), "root")
	Tree(tb, dir, append([]string{
		"dir bin", "dir dev", "dir etc", "dir proc", "dir sys", "dir tmp 1777", "dir home/user",
		"file etc/passwd root:x:0:0:root:/root:/bin/sh\nuser:x:1000:1000:User:/home/user:/bin/sh\n",
		"file etc/group root:x:0:\nuser:x:1000:\nvideo:x:44:user\n",
	}, lines...)...)
	CopyFile(tb, Probe(tb), filepath.Join(dir, "bin/probe"))
	return dir
}

// CopyFile copies an executable file.
func CopyFile(tb testing.TB, from, to string) {
	tb.Helper()
	src, err := os.Open(from)
	if err != nil {
		tb.Fatal(err)
	}
	defer src.Close()
	// The lock keeps a process that another test forks just now from holding the
	// file open for writing, which would make it busy (ETXTBSY).
	syscall.ForkLock.RLock()
	defer syscall.ForkLock.RUnlock()
	dst, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o755)
	if err != nil {
		tb.Fatal(err)
	}
	if _, err := io.Copy(dst, src); err != nil {
		tb.Fatal(err)
	}
	if err := dst.Close(); err != nil {
		tb.Fatal(err)
	}
}
