package sandbox

import (
	"errors"
	"fmt"
	"io"
	"os"
	"sync"

	"github.com/sandkit/sandkit/internal/pty"
)

// An input is what a process reads and several may write to: the master of its
// terminal, or the pipe of its standard input.
type input struct {
	terminal bool // file is the streams', otherwise the input's own
	open     bool // goes on when a reader ends

	mu     sync.Mutex
	file   *os.File   // set before the process runs
	joined []*os.File // duplicates
	closed bool
}

// openInput makes a pipe that stays open.
func (s *streams) openInput(r io.Reader) error {
	if f, ok := r.(*os.File); ok && f == nil {
		r = nil
	}
	read, write, err := os.Pipe()
	if err != nil {
		return fmt.Errorf("make pipe for stdin: %w", err)
	}
	s.files, s.theirs = append(s.files, read), append(s.theirs, read)
	s.input, s.reader = &input{file: write, open: true}, r
	return nil
}

// copied gives where output goes that is copied in any case.
func (c *processConfig) copied(w io.Writer) io.Writer {
	if f, ok := w.(*os.File); c.open && (w == nil || ok && f == nil) {
		return new(nowhere)
	}
	return w
}

// nowhere is a writer like io.Discard, but not the same as another one.
type nowhere struct{ _ byte }

// Write does nothing.
func (*nowhere) Write(p []byte) (int, error) { return len(p), nil }

// feed copies into the process. Nobody waits for it, as with feed for a pipe.
func (in *input) feed(from io.Reader) {
	typed := &lastByte{to: in.file, last: '\n'}
	if _, err := io.Copy(typed, onlyReader{from}); err == nil && !in.open {
		_ = in.end(typed.last != '\n') // or the process has ended meanwhile
	}
}

// lastByte remembers the last byte that was written.
type lastByte struct {
	to   io.Writer
	last byte
}

// Write writes.
func (w *lastByte) Write(p []byte) (int, error) {
	if len(p) > 0 {
		w.last = p[len(p)-1]
	}
	return w.to.Write(p)
}

// end lets the process see the end of its input: the pipe's, or what is typed for
// it.
func (in *input) end(unfinished bool) error {
	if !in.terminal {
		return in.close()
	}
	eof, err := pty.EndOfInput(in.file, unfinished)
	if err == nil {
		_, err = in.file.Write(eof)
	}
	return err
}

// join gives a duplicate to write to, which is given back with leave. It can be
// closed at any time, which ends a Write that is waiting.
func (in *input) join() (*os.File, error) {
	in.mu.Lock()
	defer in.mu.Unlock()
	if in.closed {
		return nil, os.ErrClosed
	}
	f, err := duplicate(in.file)
	if err == nil {
		in.joined = append(in.joined, f)
	}
	return f, err
}

// close ends it for everybody, once.
func (in *input) close() error {
	in.mu.Lock()
	defer in.mu.Unlock()
	if in.closed || in.file == nil {
		return nil
	}
	in.closed = true
	var errs []error
	for _, f := range in.joined {
		if err := f.Close(); !errors.Is(err, os.ErrClosed) { // by leave
			errs = append(errs, err)
		}
	}
	in.joined = nil
	if !in.terminal {
		errs = append(errs, in.file.Close())
	}
	return errors.Join(errs...)
}

// leave ends join.
func (in *input) leave(f *os.File) {
	in.mu.Lock()
	defer in.mu.Unlock()
	for i, x := range in.joined {
		if x == f {
			in.joined = append(in.joined[:i], in.joined[i+1:]...)
			break
		}
	}
	f.Close() // or in.close has done it
}
