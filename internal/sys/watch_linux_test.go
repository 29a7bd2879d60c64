package sys

import (
	"encoding/binary"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"golang.org/x/sys/unix"
)

// TestWatchDir: names that appear, are replaced and go are told in order.
func TestWatchDir(t *testing.T) {
	path := t.TempDir()
	dir, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	w, err := WatchDir(dir)
	if err := errors.Join(err, dir.Close()); err != nil {
		t.Fatal(err)
	}
	a, b := filepath.Join(path, "a"), filepath.Join(path, "b")
	if err := errors.Join(os.WriteFile(a, nil, 0o600), os.Rename(a, b), os.Remove(b)); err != nil {
		t.Fatal(err)
	}
	var got []WatchChange
	for len(got) < 4 {
		more, err := w.Read()
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, more...)
	}
	want := []WatchChange{{Name: "a"}, {Name: "a", Gone: true}, {Name: "b"}, {Name: "b", Gone: true}}
	if !slices.Equal(got, want) {
		t.Errorf("%v, should be %v", got, want)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Read(); !errors.Is(err, os.ErrClosed) {
		t.Errorf("closed: %v", err)
	}
	file, err := os.Open("/proc/self/stat")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := WatchDir(file); !errors.Is(err, unix.ENOTDIR) {
		t.Errorf("file: %v", err)
	}
	file.Close()
}

// TestParseChanges: what the kernel says of the queue and of the directory.
func TestParseChanges(t *testing.T) {
	event := func(mask uint32) []byte {
		b := make([]byte, unix.SizeofInotifyEvent)
		binary.NativeEndian.PutUint32(b[4:], mask)
		return b
	}
	if got, err := parseChanges(event(unix.IN_Q_OVERFLOW)); err != nil || len(got) != 1 || !got[0].Overflow {
		t.Errorf("%v, %v", got, err)
	}
	if got, err := parseChanges(event(unix.IN_IGNORED)); !errors.Is(err, os.ErrNotExist) || len(got) != 0 {
		t.Errorf("%v, %v", got, err)
	}
	cut := event(unix.IN_CREATE)
	binary.NativeEndian.PutUint32(cut[12:], 100)
	if got, err := parseChanges(append(cut, 'x')); err != nil || len(got) != 1 || got[0].Name != "x" {
		t.Errorf("%v, %v", got, err)
	}
}

// TestByteLocked: others see a lock, and asking takes none.
func TestByteLocked(t *testing.T) {
	path := filepath.Join(t.TempDir(), "lock")
	open := func() *os.File {
		f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { f.Close() })
		return f
	}
	mine, other := open(), open()
	ask := func(f *os.File, want bool) {
		t.Helper()
		if got, err := ByteLocked(f, 0); got != want || err != nil {
			t.Errorf("%v, %v", got, err)
		}
	}
	ask(other, false)
	if ok, err := TryLockByte(mine, 0); !ok || err != nil {
		t.Fatal(ok, err)
	}
	ask(other, true)
	ask(mine, false)
	if err := UnlockByte(mine, 0); err != nil {
		t.Fatal(err)
	}
	ask(other, false)
}
