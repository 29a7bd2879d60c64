package pty_test

import (
	"bufio"
	"errors"
	"io"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/sandkit/sandkit/internal/pty"
	"github.com/sandkit/sandkit/internal/testutil"
)

func pair(t *testing.T) (master, slave *os.File) {
	t.Helper()
	master, slave, err := pty.Open()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		master.Close()
		slave.Close()
	})
	return master, slave
}

func TestPair(t *testing.T) {
	testutil.Unchanged(t)
	master, slave := pair(t)
	if !pty.IsTerminal(slave) || !pty.IsTerminal(master) {
		t.Error("it is no terminal")
	}
	if err := pty.SetSize(master, 12, 34); err != nil {
		t.Fatal(err)
	}
	if rows, cols, err := pty.Size(slave); err != nil || rows != 12 || cols != 34 {
		t.Errorf("%d, %d, %v", rows, cols, err)
	}
	if _, err := master.WriteString("typed\n"); err != nil {
		t.Fatal(err)
	}
	if line, err := bufio.NewReader(slave).ReadString('\n'); err != nil || line != "typed\n" {
		t.Errorf("%q, %v", line, err)
	}
	echo := make([]byte, 100)
	if n, err := master.Read(echo); err != nil || string(echo[:n]) != "typed\r\n" {
		t.Errorf("%q, %v", echo[:n], err)
	}
	if err := slave.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := master.Read(echo); !errors.Is(err, syscall.EIO) {
		t.Errorf("when nobody has the slave: %v", err)
	}
	if err := master.Close(); err != nil {
		t.Fatal(err)
	}
	if err := pty.SetSize(master, 1, 1); !errors.Is(err, os.ErrClosed) {
		t.Errorf("closed: %v", err)
	}
}

// TestRaw: every byte is handed on, and afterwards all is as it was.
func TestRaw(t *testing.T) {
	testutil.Unchanged(t)
	master, slave := pair(t)
	restore, err := pty.MakeRaw(slave)
	if err != nil {
		t.Fatal(err)
	}
	all := make([]byte, 256)
	for i := range all {
		all[i] = byte(i)
	}
	for _, ends := range [][2]*os.File{{master, slave}, {slave, master}} {
		if _, err := ends[0].Write(all); err != nil {
			t.Fatal(err)
		}
		got := make([]byte, len(all))
		if _, err := io.ReadFull(ends[1], got); err != nil || string(got) != string(all) {
			t.Errorf("%q, %v", got, err)
		}
	}
	if eof, err := pty.EndOfInput(master, true); err != nil || string(eof) != "\x04" {
		t.Errorf("the end while it is raw: %q, %v", eof, err)
	}
	if err := restore(); err != nil {
		t.Fatal(err)
	}
	for unfinished, want := range map[bool]string{false: "\x04", true: "\x04\x04"} {
		eof, err := pty.EndOfInput(master, unfinished)
		if err != nil || string(eof) != want {
			t.Errorf("the end: %q, %v", eof, err)
		}
		if unfinished {
			eof = append([]byte("x"), eof...)
		}
		if _, err := master.Write(eof); err != nil {
			t.Fatal(err)
		}
		buf := make([]byte, 10)
		if unfinished {
			if n, err := slave.Read(buf); n != 1 || err != nil {
				t.Errorf("%d, %v", n, err)
			}
		}
		if n, err := slave.Read(buf); n != 0 || err != io.EOF {
			t.Errorf("%d, %v", n, err)
		}
	}
}

func TestNoTerminal(t *testing.T) {
	testutil.Unchanged(t)
	null, err := os.OpenFile(os.DevNull, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer null.Close()
	if pty.IsTerminal(null) {
		t.Error("the null device is a terminal")
	}
	_, rawErr := pty.MakeRaw(null)
	_, eofErr := pty.EndOfInput(null, false)
	_, _, sizeErr := pty.Size(null)
	for _, err := range []error{rawErr, eofErr, sizeErr, pty.SetSize(null, 1, 1)} {
		if !errors.Is(err, syscall.ENOTTY) {
			t.Error(err)
		}
	}
}

// TestOpenIn: what is not a devpts is not opened, and no link is followed.
func TestOpenIn(t *testing.T) {
	testutil.Unchanged(t)
	for name, c := range map[string]struct {
		prepare func(dev string) error
		want    error
	}{
		"nothing":   {func(string) error { return nil }, syscall.ENOENT},
		"directory": {func(dev string) error { return os.Mkdir(dev+"/pts", 0o755) }, pty.ErrNotDevpts},
		"file":      {func(dev string) error { return os.WriteFile(dev+"/pts", nil, 0o644) }, syscall.ENOTDIR},
		"link":      {func(dev string) error { return os.Symlink("/dev/pts", dev+"/pts") }, syscall.ELOOP},
		"magic":     {func(dev string) error { return os.Symlink("/proc/self/root/dev/pts", dev+"/pts") }, syscall.ELOOP},
	} {
		root := t.TempDir()
		dev := filepath.Join(root, "dev")
		if err := errors.Join(os.Mkdir(dev, 0o755), c.prepare(dev)); err != nil {
			t.Fatal(err)
		}
		dir, err := os.Open(root)
		if err != nil {
			t.Fatal(err)
		}
		if _, _, err := pty.OpenIn(dir); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
		dir.Close()
	}
	if !testutil.IsRoot() {
		return // the host's may be for root alone
	}
	slash, err := os.Open("/")
	if err != nil {
		t.Fatal(err)
	}
	defer slash.Close()
	master, slave, err := pty.OpenIn(slash)
	if err != nil {
		t.Fatal(err)
	}
	master.Close()
	slave.Close()
}

// TestReader: it gives what there is, ends when it is closed, and takes nothing
// afterwards.
func TestReader(t *testing.T) {
	testutil.Unchanged(t)
	master, slave := pair(t)
	r, err := pty.NewReader(slave)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := master.WriteString("one\n"); err != nil {
		t.Fatal(err)
	}
	buf := make([]byte, 100)
	if n, err := r.Read(buf); err != nil || string(buf[:n]) != "one\n" {
		t.Errorf("%q, %v", buf[:n], err)
	}
	ended := make(chan error)
	go func() {
		_, err := r.Read(make([]byte, 100))
		ended <- err
	}()
	if err := errors.Join(r.Close(), r.Close()); err != nil {
		t.Error(err)
	}
	if err := <-ended; !errors.Is(err, os.ErrClosed) {
		t.Errorf("closed: %v", err)
	}
	if _, err := master.WriteString("two\n"); err != nil {
		t.Fatal(err)
	}
	if n, err := slave.Read(buf); err != nil || string(buf[:n]) != "two\n" {
		t.Errorf("who reads next gets %q, %v", buf[:n], err)
	}
	file, err := os.CreateTemp(t.TempDir(), "")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	if r, err = pty.NewReader(file); err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if _, err := r.Read(buf); !errors.Is(err, io.EOF) {
		t.Errorf("the end of a file: %v", err)
	}
}
