package sandbox

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"sync"
	"syscall"
	"time"
)

// Run makes a sandbox, starts it, waits for its end and closes it. When ctx
// ends first, the sandbox is killed and the error matches both ctx.Err() and
// [*ExitError].
func Run(ctx context.Context, opts ...Option) (*Result, error) {
	s, err := New(opts...)
	if err != nil {
		return nil, err
	}
	return s.run(ctx)
}

func (s *Sandbox) run(ctx context.Context) (*Result, error) {
	s.private = true // it is this function's alone
	began := time.Now()
	if err := s.Start(ctx); err != nil {
		err = errors.Join(err, s.Close())
		if ctx.Err() == nil || !errors.Is(err, ctx.Err()) {
			return nil, err
		}
		// Whether the program was about to run or had just begun, nobody saw.
		res := &Result{ExitCode: -1, Signal: syscall.SIGKILL, Reason: ReasonCancelled, Started: began, Finished: time.Now()}
		return res, fmt.Errorf("%w: %w", err, &ExitError{Result: res})
	}
	stop := context.AfterFunc(ctx, func() { _ = s.end(ReasonCancelled) })
	defer stop()
	res, err := s.Wait(context.WithoutCancel(ctx))
	if res != nil && res.Reason == ReasonCancelled {
		err = fmt.Errorf("%w: %w", ctx.Err(), err)
	}
	if cerr := s.Close(); cerr != nil {
		err = errors.Join(err, cerr)
	}
	return res, err
}

// MaxOutput is how much Output keeps, in bytes.
const MaxOutput = 16 << 20

// Output is [Run] and returns what the program wrote to its standard output,
// also beside an error. A program that writes more than [MaxOutput] is killed,
// and the error matches [ErrOutputLimit]. Without WithStderr, the [ExitError]
// has the beginning and the end of what was written to standard error.
func Output(ctx context.Context, opts ...Option) ([]byte, error) {
	s, err := New(opts...)
	if err != nil {
		return nil, err
	}
	if s.stdout != nil {
		return nil, invalid(errors.New("WithStdout: Output returns the standard output itself"))
	}
	out := &limitedBuffer{limit: MaxOutput, full: func() { _ = s.end(ReasonKilled) }}
	s.stdout = out
	var errOut *ends
	if s.stderr == nil {
		errOut = &ends{}
		s.stderr = errOut
	}
	_, err = s.run(ctx)
	if errOut != nil {
		if e, ok := errors.AsType[*ExitError](err); ok {
			e.Stderr = errOut.bytes()
		}
	}
	return out.result(err)
}

// limitedBuffer keeps what fits and calls full once when more comes.
type limitedBuffer struct {
	kept  bytes.Buffer // not embedded: its ReadFrom knows no limit
	limit int
	over  bool
	full  func()
}

// Write keeps what fits and takes the rest without keeping it.
func (b *limitedBuffer) Write(p []byte) (int, error) {
	room := b.limit - b.kept.Len()
	if len(p) <= room {
		return b.kept.Write(p)
	}
	b.kept.Write(p[:room])
	if !b.over {
		b.over = true
		b.full()
	}
	return len(p), nil
}

// keep is how much of the beginning, and of the end, ends keeps.
const keep = 32 << 10

// ends keeps the beginning and the end of a stream.
type ends struct {
	mu      sync.Mutex
	head    []byte
	tail    []byte
	skipped int
}

// Write never fails.
func (e *ends) Write(p []byte) (int, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	n := len(p)
	if room := keep - len(e.head); room > 0 {
		room = min(room, len(p))
		e.head = append(e.head, p[:room]...)
		p = p[room:]
	}
	e.tail = append(e.tail, p...)
	if over := len(e.tail) - keep; over > 0 {
		e.skipped += over
		e.tail = append(e.tail[:0], e.tail[over:]...)
	}
	return n, nil
}

func (e *ends) bytes() []byte {
	e.mu.Lock()
	defer e.mu.Unlock()
	b := e.head
	if e.skipped > 0 {
		b = fmt.Appendf(b, "\n... %d bytes left out ...\n", e.skipped)
	}
	return append(b, e.tail...)
}
