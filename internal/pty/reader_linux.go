package pty

import (
	"errors"
	"os"
	"sync"

	"github.com/sandkit/sandkit/internal/sys"
)

// A Reader reads from a file until it is stopped, without taking a byte from it
// afterwards: whoever reads next gets all that is typed. The file need not be one
// that the runtime waits for.
type Reader struct {
	from       *os.File
	wake, stop *os.File
	once       sync.Once
	mu         sync.Mutex // held by Read
	closed     bool
}

// NewReader makes a Reader, which the caller closes; the file stays the caller's.
func NewReader(from *os.File) (*Reader, error) {
	wake, stop, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	return &Reader{from: from, wake: wake, stop: stop}, nil
}

// Read waits for input and reads it; os.ErrClosed when the Reader is closed.
func (r *Reader) Read(p []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		return 0, os.ErrClosed
	}
	_, stopped, err := sys.WaitReadable(r.from, r.wake)
	if stopped {
		err = os.ErrClosed
	}
	if err != nil {
		return 0, err
	}
	return r.from.Read(p)
}

// Close ends Read, also one that is waiting, and returns when it has ended.
func (r *Reader) Close() (err error) {
	r.once.Do(func() {
		err = r.stop.Close()
		r.mu.Lock()
		defer r.mu.Unlock()
		r.closed = true
		err = errors.Join(err, r.wake.Close())
	})
	return err
}
