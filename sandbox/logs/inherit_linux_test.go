package logs

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/sandkit/sandkit/internal/testutil"
)

// TestInherit: a log goes on with another writer, with nobody in between.
func TestInherit(t *testing.T) {
	testutil.Unchanged(t)
	path := filepath.Join(t.TempDir(), "log")
	l, err := OpenJSONFile(path, JSONFileOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Log(Entry{Time: time.Now(), Stream: Stdout, Line: []byte("one\n")}); err != nil {
		t.Fatal(err)
	}
	lock, err := l.Detach()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := l.Detach(); !errors.Is(err, ErrClosed) {
		t.Errorf("again: %v", err)
	}
	if err := l.Log(Entry{}); !errors.Is(err, ErrClosed) {
		t.Errorf("log: %v", err)
	}
	if err := l.Close(); err != nil {
		t.Error(err)
	}
	if _, err := OpenJSONFile(path, JSONFileOptions{}); !errors.Is(err, ErrBusy) {
		t.Errorf("open: %v", err)
	}
	other, err := os.Open(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	if _, err := InheritJSONFile(path, JSONFileOptions{}, other); err == nil {
		t.Error("another file was taken for the lock")
	}
	if _, err := InheritJSONFile(path, JSONFileOptions{MaxSize: -1}, lock); err == nil {
		t.Error("wrong options were taken")
	}
	if l, err = InheritJSONFile(path, JSONFileOptions{}, lock); err != nil {
		t.Fatal(err)
	}
	if err := l.Log(Entry{Time: time.Now(), Stream: Stdout, Line: []byte("two\n")}); err != nil {
		t.Error(err)
	}
	if err := l.Close(); err != nil {
		t.Error(err)
	}
	var got string
	for e, err := range ReadJSONFile(t.Context(), path, Options{Tail: -1, Follow: true}) {
		if err != nil {
			t.Fatal(err)
		}
		got += string(e.Line)
	}
	if got != "one\ntwo\n" {
		t.Errorf("%q", got)
	}
}

func TestPending(t *testing.T) {
	a, b := NewSplitter(Stdout, time.Now), NewSplitter(Stdout, time.Now)
	a.Write([]byte("whole\nha"))
	if n := len(b.Write(a.Pending())); n != 0 {
		t.Errorf("%d entries of half a line", n)
	}
	if all := b.Write([]byte("lf\n")); len(all) != 1 || string(all[0].Line) != "half\n" {
		t.Errorf("%v", all)
	}
}
