package sys

import (
	"errors"
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

// TestFileWatch: Wait returns for what is watched, and only for that; Interrupt
// and Close end it.
func TestFileWatch(t *testing.T) {
	before := openDescriptors(t)
	dir := t.TempDir()
	path := filepath.Join(dir, "file")
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	w, err := NewFileWatch()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.AddFile(path + "no"); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("watch what is not there: %v", err)
	}
	if _, err := w.AddName(path + "/x"); err == nil {
		t.Error("watched a name in a file")
	}
	id, err := w.AddFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if again, err := w.AddFile(path); err != nil || again != id {
		t.Errorf("the same file again: %d, was %d; %v", again, id, err)
	}
	done := make(chan error)
	wait := func() { done <- w.Wait() }
	go wait()
	if err := os.WriteFile(path, []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := <-done; err != nil {
		t.Errorf("write: %v", err)
	}
	names, err := w.AddName(path + "2")
	if err != nil {
		t.Fatal(err)
	}
	if n, err := w.Named(); n != 0 || err != nil {
		t.Errorf("named %d times, %v", n, err)
	}
	if err := os.Rename(path, path+"2"); err != nil {
		t.Fatal(err)
	}
	if err := w.Wait(); err != nil {
		t.Errorf("rename: %v", err)
	}
	for i := range 3 {
		if err := os.WriteFile(path, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		if n, err := w.Named(); n != int64(i+1) || err != nil {
			t.Errorf("named %d times, %v", n, err)
		}
		if err := os.Rename(path, path+"2"); err != nil {
			t.Fatal(err)
		}
	}
	if n, err := w.Named(); n != 4 || err != nil {
		t.Errorf("named %d times, %v", n, err)
	}
	if err := errors.Join(w.Remove(id), w.Remove(names), w.Remove(id), w.Interrupt()); err != nil {
		t.Error(err)
	}
	if err := os.WriteFile(path+"2", nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for err == nil { // that a watch has ended is told, too
		err = w.Wait()
	}
	if !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("after Interrupt: %v", err)
	}
	if err := w.Close(); err != nil {
		t.Error(err)
	}
	if err := w.Interrupt(); err == nil {
		t.Error("closed watch was interrupted")
	}
	if _, err := w.AddFile(path); err == nil {
		t.Error("closed watch takes files")
	}
	if after := openDescriptors(t); after != before {
		t.Errorf("%d descriptors, %d before", after, before)
	}
}

// TestByteLockOnFIFO: what locks files locks FIFOs as well.
func TestByteLockOnFIFO(t *testing.T) {
	path := filepath.Join(t.TempDir(), "fifo")
	if err := syscall.Mkfifo(path, 0o600); err != nil {
		t.Fatal(err)
	}
	var files [2]*os.File
	for i := range files {
		f, err := os.OpenFile(path, os.O_RDWR|syscall.O_NONBLOCK, 0)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		files[i] = f
	}
	if ok, err := TryLockByte(files[0], 0); !ok || err != nil {
		t.Fatal(ok, err)
	}
	if ok, err := TryLockByte(files[1], 0); ok || err != nil {
		t.Error("locked twice", err)
	}
	if err := UnlockByte(files[0], 0); err != nil {
		t.Error(err)
	}
	if ok, err := TryLockByte(files[1], 0); !ok || err != nil {
		t.Error("still locked", err)
	}
}
