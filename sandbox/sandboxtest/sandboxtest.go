package sandboxtest

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/sandkit/sandkit/sandbox"
)

// New makes a sandbox that is closed when the test ends; an error of Close fails
// the test. What goes to standard output and standard error is logged when the
// test has failed, unless WithStdout and WithStderr send it elsewhere. Wrong
// options end the test.
func New(tb testing.TB, opts ...sandbox.Option) *sandbox.Sandbox {
	tb.Helper()
	seen := &tail{}
	return open(tb, seen, slices.Concat(seenBy(seen), opts))
}

// seenBy are options that come first, so that those of the test win.
func seenBy(t *tail) []sandbox.Option {
	return []sandbox.Option{sandbox.WithStdout(t), sandbox.WithStderr(t)}
}

func open(tb testing.TB, seen *tail, opts []sandbox.Option) *sandbox.Sandbox {
	tb.Helper()
	Need(tb)
	s, err := sandbox.New(opts...)
	if err != nil {
		tb.Fatalf("sandbox: %v", err)
	}
	tb.Cleanup(func() {
		tb.Helper()
		finish(tb, s.Close)
		if tb.Failed() {
			report(tb, s, seen)
		}
	})
	return s
}

// finish closes the sandbox, the error of which is the test's.
func finish(tb testing.TB, closing func() error) {
	tb.Helper()
	if err := closing(); err != nil {
		tb.Errorf("close sandbox: %v", err)
	}
}

// Start is [New], and starts the sandbox. When that fails the test ends: it is
// skipped, as by [Skip], if the host cannot do what the options ask for.
func Start(tb testing.TB, opts ...sandbox.Option) *sandbox.Sandbox {
	tb.Helper()
	s := New(tb, opts...)
	start(tb, s)
	return s
}

func start(tb testing.TB, s *sandbox.Sandbox) {
	tb.Helper()
	err := s.Start(tb.Context())
	switch {
	case errors.Is(err, sandbox.ErrNotSupported):
		Skip(tb, err.Error())
	case err != nil:
		tb.Fatalf("sandbox: %v", err)
	}
}

// Run runs a sandbox to its end and gives the result, whatever the exit code is.
// A sandbox that does not start, or whose output cannot be written, ends the
// test; so does one that still runs shortly before the time of the tests is
// over (go test -timeout), which says more than the panic that would follow.
func Run(tb testing.TB, opts ...sandbox.Option) *sandbox.Result {
	tb.Helper()
	s := Start(tb, opts...)
	res, err := wait(tb, s)
	if _, exit := errors.AsType[*sandbox.ExitError](err); err != nil && !exit {
		tb.Fatalf("sandbox: %v", err)
	}
	return res
}

// Output runs a sandbox to its end and gives what it wrote to standard output.
// Anything but exit code 0 ends the test, and so do more than
// [sandbox.MaxOutput] bytes. A WithStdout among the options does not count.
func Output(tb testing.TB, opts ...sandbox.Option) string {
	tb.Helper()
	seen := &tail{}
	out := &both{seen: seen}
	s := open(tb, seen, slices.Concat(seenBy(seen), opts, []sandbox.Option{sandbox.WithStdout(out)}))
	start(tb, s)
	if _, err := wait(tb, s); out.over {
		tb.Fatalf("sandbox: %v of %d bytes", sandbox.ErrOutputLimit, sandbox.MaxOutput)
	} else if err != nil {
		tb.Fatalf("sandbox: %v", err)
	}
	return out.kept.String()
}

// wait waits for the end, as long as there is time to tell about it.
func wait(tb testing.TB, s *sandbox.Sandbox) (*sandbox.Result, error) {
	tb.Helper()
	ctx := tb.Context()
	if t, ok := tb.(interface{ Deadline() (time.Time, bool) }); ok {
		if end, ok := t.Deadline(); ok {
			left := time.Until(end)
			var cancel context.CancelFunc
			ctx, cancel = context.WithTimeout(ctx, left-min(left/10, margin))
			defer cancel()
		}
	}
	res, err := s.Wait(ctx)
	if res == nil && errors.Is(err, context.DeadlineExceeded) {
		tb.Fatalf("the sandbox still runs, and the time of the tests is nearly over: %v", err)
	}
	return res, err
}

// margin is how much of the time of the tests is left for ending a sandbox.
const margin = 10 * time.Second
