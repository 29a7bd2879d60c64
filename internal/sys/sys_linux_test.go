package sys

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

func openDescriptors(t *testing.T) int {
	t.Helper()
	d, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	return len(d)
}

// TestFDHasOneOwner: a descriptor is closed once, by whoever owns it.
func TestFDHasOneOwner(t *testing.T) {
	before := openDescriptors(t)
	fd, err := Openat(AT_FDCWD, "/", O_PATH|O_DIRECTORY)
	if err != nil {
		t.Fatal(err)
	}
	if n := fd.Int(); n < 3 || fd.String() != "fd "+itoa(n) {
		t.Errorf("%d, %s", n, fd)
	}
	for range 2 {
		if err := fd.Close(); err != nil || fd.Int() != -1 {
			t.Errorf("close: %v, number %d", err, fd.Int())
		}
	}
	given, err := Openat(AT_FDCWD, "/", O_PATH)
	if err != nil {
		t.Fatal(err)
	}
	n := given.Disown()
	if err := given.Close(); err != nil || given.Int() != -1 {
		t.Errorf("after Disown: %v, %d", err, given.Int())
	}
	if _, err := Mode(n); err != nil {
		t.Errorf("it was closed by who had given it away: %v", err)
	}
	f := NewFD(n).File("name")
	if f.Name() != "name" {
		t.Errorf("name %q", f.Name())
	}
	f.Close()
	var none *FD
	if none.Int() != -1 || none.Close() != nil || none.Disown() != -1 {
		t.Error("nil owns something")
	}
	if after := openDescriptors(t); after != before {
		t.Errorf("%d descriptors, %d before", after, before)
	}
	wrong := NewFD(1 << 20)
	if err := wrong.Close(); !errors.Is(err, syscall.EBADF) {
		t.Errorf("close what is not open: %v", err)
	}
}

func itoa(n int) string {
	if n < 10 {
		return string(rune('0' + n))
	}
	return itoa(n/10) + itoa(n%10)
}

func TestOpenRules(t *testing.T) {
	dir := t.TempDir()
	if err := os.Symlink("/etc", filepath.Join(dir, "out")); err != nil {
		t.Fatal(err)
	}
	root, err := Openat(AT_FDCWD, dir, O_PATH|O_DIRECTORY)
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	for rule, want := range map[uint64]error{
		RESOLVE_IN_ROOT: syscall.ENOENT, RESOLVE_BENEATH: syscall.EXDEV, RESOLVE_NO_SYMLINKS: syscall.ELOOP, 1 << 60: syscall.EINVAL,
	} {
		if fd, err := Openat2(root.Int(), "out/passwd", O_RDONLY, rule); !errors.Is(err, want) {
			t.Errorf("rule %#x: %v, %v; want %v", rule, fd, err, want)
		}
	}
	link, err := Openat(root.Int(), "out", O_PATH|O_NOFOLLOW)
	if err != nil {
		t.Fatal(err)
	}
	defer link.Close()
	if to, err := Readlink(link.Int()); err != nil || to != "/etc" {
		t.Errorf("the link leads to %q, %v", to, err)
	}
	if mode, err := Mode(link.Int()); err != nil || mode&syscall.S_IFMT != syscall.S_IFLNK {
		t.Errorf("mode %o, %v", mode, err)
	}
}

// TestSendFiles: data and descriptors arrive, and a full socket either waits or
// takes nothing.
func TestSendFiles(t *testing.T) {
	a, b, err := SocketPair()
	if err != nil {
		t.Fatal(err)
	}
	local, remote := a.File("local"), b.File("remote")
	defer local.Close()
	defer remote.Close()
	conn, err := local.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	files := make([]int, 200)
	for i := range files {
		files[i] = int(remote.Fd())
	}
	if n, err := SendFiles(conn, []byte("hello"), files, true); n != 5 || err != nil {
		t.Fatalf("sent %d, %v", n, err)
	}
	buf, oob := make([]byte, 16), make([]byte, 4096)
	n, oobn, flags, _, err := syscall.Recvmsg(int(remote.Fd()), buf, oob, syscall.MSG_CMSG_CLOEXEC)
	if err != nil || string(buf[:n]) != "hello" || flags&syscall.MSG_CTRUNC != 0 {
		t.Fatalf("received %q, flags %#x, %v", buf[:n], flags, err)
	}
	messages, err := syscall.ParseSocketControlMessage(oob[:oobn])
	if err != nil {
		t.Fatal(err)
	}
	got, err := syscall.ParseUnixRights(&messages[0])
	if err != nil || len(got) != len(files) {
		t.Errorf("%d of %d descriptors, %v", len(got), len(files), err)
	}
	for _, fd := range got {
		if err := syscall.Close(fd); err != nil {
			t.Error(err)
		}
	}
	total, chunk := 0, make([]byte, 64<<10)
	for {
		n, err := SendFiles(conn, chunk, nil, false)
		if err != nil {
			t.Fatal(err)
		}
		if total += n; n == 0 {
			break
		}
	}
	if err := CloseWrite(local); err != nil {
		t.Fatal(err)
	}
	if rest, err := io.ReadAll(remote); err != nil || len(rest) != total {
		t.Errorf("%d of %d bytes, %v", len(rest), total, err)
	}
	remote.Close()
	if _, err := SendFiles(conn, []byte("x"), nil, true); !errors.Is(err, syscall.EPIPE) {
		t.Errorf("to nobody: %v", err)
	}
}

// TestLocks: a byte has one holder, also within one program, until its file is
// closed.
func TestLocks(t *testing.T) {
	path := filepath.Join(t.TempDir(), "locks")
	open := func() *os.File {
		f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
		if err != nil {
			t.Fatal(err)
		}
		return f
	}
	first, second := open(), open()
	defer second.Close()
	take := func(f *os.File, at int64, want bool) {
		t.Helper()
		if ok, err := TryLockByte(f, at); ok != want || err != nil {
			t.Errorf("byte %d: %v, %v; want %v", at, ok, err, want)
		}
	}
	take(first, 7, true)
	take(second, 7, false)
	take(second, 8, true)
	take(first, 1<<40, true)
	first.Close()
	take(second, 7, true)
	if _, err := TryLockByte(first, 1); err == nil {
		t.Errorf("a closed file: %v", err)
	}
	readOnly, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer readOnly.Close()
	if _, err := TryLockByte(readOnly, 9); !errors.Is(err, syscall.EBADF) {
		t.Errorf("a file that cannot be written: %v", err)
	}
}

func TestCheckNamespace(t *testing.T) {
	for path, want := range map[string]error{"/proc/self/ns/uts": nil, "/proc/self/ns/net": os.ErrInvalid, "/dev/null": os.ErrInvalid, "/etc": os.ErrInvalid} {
		f, err := os.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		if err := CheckNamespace(f, CLONE_NEWUTS); !errors.Is(err, want) {
			t.Errorf("%s as a UTS namespace: %v, want %v", path, err, want)
		}
		f.Close()
		if err := CheckNamespace(f, CLONE_NEWUTS); err == nil {
			t.Errorf("%s, closed: %v", path, err)
		}
	}
}

// TestClosedWatch: it tells nobody, and vouches for nothing.
func TestClosedWatch(t *testing.T) {
	w, err := WatchMounts(func() { t.Error("told after the end") })
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil || !w.Changed() {
		t.Errorf("close: %v; it still vouches for the mounts", err)
	}
}

// TestIdentity: equal for the same file only.
func TestIdentity(t *testing.T) {
	open := func(path string) *os.File {
		f, err := os.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { f.Close() })
		return f
	}
	ids := [][]byte{Identity(nil), Identity(open("/proc/self/ns/uts")), Identity(open("/proc/self/ns/net")), Identity(open("/etc/passwd"))}
	closed := open("/etc")
	closed.Close()
	ids = append(ids, Identity(closed))
	for i := range ids {
		for j := range i {
			if bytes.Equal(ids[i], ids[j]) {
				t.Errorf("%d and %d are the same: %x", i, j, ids[i])
			}
		}
	}
	if !bytes.Equal(ids[1], Identity(open("/proc/self/ns/uts"))) {
		t.Error("one namespace is two")
	}
}

func TestErrnoName(t *testing.T) {
	if got := ErrnoName(syscall.ENOSPC); got != "ENOSPC" {
		t.Errorf("%s", got)
	}
	if got := ErrnoName(4000); !strings.Contains(got, "4000") {
		t.Errorf("%s", got)
	}
}

// TestSyscallStat: it is what os has.
func TestSyscallStat(t *testing.T) {
	dir := t.TempDir()
	if err := os.Symlink("nowhere", dir+"/l"); err != nil {
		t.Fatal(err)
	}
	fd, err := Openat(AT_FDCWD, dir, O_PATH)
	if err != nil {
		t.Fatal(err)
	}
	defer fd.Close()
	for name, path := range map[string]string{"l": dir + "/l", "": dir} {
		got, err := SyscallStat(fd.Int(), name)
		if err != nil {
			t.Fatal(err)
		}
		info, err := os.Lstat(path)
		if err != nil {
			t.Fatal(err)
		}
		if want := info.Sys().(*syscall.Stat_t); *got != *want {
			t.Errorf("%q: %+v, want %+v", name, got, want)
		}
	}
	if _, err := SyscallStat(fd.Int(), "none"); !errors.Is(err, syscall.ENOENT) {
		t.Errorf("none: %v", err)
	}
}
