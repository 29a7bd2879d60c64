package sandbox_test

import (
	"bytes"
	"context"
	"io"
	"strings"
	"sync"
	"testing"

	"github.com/sandkit/sandkit/sandbox"
)

// screen is a writer that one can wait for.
type screen struct {
	mu   sync.Mutex
	text bytes.Buffer
	more chan struct{} // closed, and made again, by each Write
}

func newScreen() *screen { return &screen{more: make(chan struct{})} }

func (s *screen) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	close(s.more)
	s.more = make(chan struct{})
	return s.text.Write(p)
}

// String is all of it, with the line ends of a file.
func (s *screen) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return strings.ReplaceAll(s.text.String(), "\r\n", "\n")
}

// await waits until something is on it.
func (s *screen) await(t testing.TB, text string) {
	t.Helper()
	ctx := testContext(t)
	for {
		s.mu.Lock()
		found, more := bytes.Contains(s.text.Bytes(), []byte(text)), s.more
		s.mu.Unlock()
		if found {
			return
		}
		select {
		case <-more:
		case <-ctx.Done():
			t.Fatalf("no %q in %q", text, s)
		}
	}
}

// keyboard types.
type keyboard struct {
	io.Reader
	to *io.PipeWriter
}

func newKeyboard(t testing.TB) *keyboard {
	t.Helper()
	r, w := io.Pipe()
	t.Cleanup(func() { w.Close() })
	return &keyboard{r, w}
}

func (k *keyboard) press(t testing.TB, text string) {
	t.Helper()
	if _, err := io.WriteString(k.to, text); err != nil {
		t.Error(err)
	}
}

// attached is somebody who is attached.
type attached struct {
	screen *screen
	ended  chan error
	cancel context.CancelFunc
}

// attach attaches, and returns when that has happened.
func attach(t testing.TB, s *sandbox.Sandbox, o sandbox.AttachOptions) *attached {
	t.Helper()
	ctx, cancel := context.WithCancel(testContext(t))
	a := &attached{newScreen(), make(chan error, 1), cancel}
	if o.Stdout == nil {
		o.Stdout = a.screen
	}
	before := sandbox.Attached(s)
	go func() { a.ended <- s.Attach(ctx, o) }()
	for sandbox.Attached(s) == before {
		select {
		case err := <-a.ended:
			if err != nil {
				t.Fatalf("not attached: %v", err)
			}
			a.ended <- nil // it was, and the sandbox has ended
			return a
		default:
		}
	}
	return a
}

func (a *attached) end(t testing.TB) error {
	t.Helper()
	select {
	case err := <-a.ended:
		return err
	case <-testContext(t).Done():
		t.Fatal("still attached")
		return nil
	}
}
