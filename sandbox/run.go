package sandbox

import (
	"context"
	"errors"
	"fmt"
	"syscall"
	"time"

	"github.com/sandkit/sandkit/internal/capture"
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
	out := &capture.Buffer{Limit: MaxOutput, Full: func() { _ = s.end(ReasonKilled) }}
	s.stdout = out
	var errOut *capture.Ends
	if s.stderr == nil {
		errOut = &capture.Ends{}
		s.stderr = errOut
	}
	_, err = s.run(ctx)
	if errOut != nil {
		if e, ok := errors.AsType[*ExitError](err); ok {
			e.Stderr = errOut.Bytes()
		}
	}
	return outputOf(out, err)
}

// outputOf is the content, and the error, to which it may add that it was full.
func outputOf(b *capture.Buffer, err error) ([]byte, error) {
	if b.Over() {
		err = fmt.Errorf("%w of %d bytes: %w", ErrOutputLimit, MaxOutput, err)
	}
	return b.Bytes(), err
}
