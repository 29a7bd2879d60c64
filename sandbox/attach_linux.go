package sandbox

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/sandkit/sandkit/internal/keys"
	"github.com/sandkit/sandkit/sandbox/logs"
)

// Attach gives what the program writes from now on, and writes to it, until the
// sandbox ends; then it returns nil. Many can be attached at once. It returns
// [ErrDetached] when the keys were typed, ctx.Err() when ctx ends, and the error
// of a Stdout or Stderr that fails; the sandbox goes on then.
//
// Nobody who reads slowly holds the program up: 1 MiB waits for each, then the
// oldest of it is dropped, and in the end the error matches [*DroppedError] as
// well. Attach does not return while a Write has not.
//
// There is something to attach to when the program has a terminal, with
// [WithLogs] and [WithOpenStdin], and for output for which WithStdout or
// WithStderr gave a writer. An *os.File is handed over, and nothing of it is seen
// here: without a terminal, the error matches [ErrInvalidSpec] when that is all.
// It matches [ErrNotRunning] when the sandbox does not run, and [ErrPaused] when
// it is paused.
func (s *Sandbox) Attach(ctx context.Context, o AttachOptions) error {
	return s.wrap("attach to", "", "", s.attach(ctx, &o))
}

func (s *Sandbox) attach(ctx context.Context, o *AttachOptions) error {
	if _, err := o.keys(true); err != nil {
		return err
	}
	if _, err := s.attachable(); err != nil {
		return err
	}
	if o.Logs && s.spec.Logs.Driver == "" {
		return &NotSupportedError{Feature: "reading logs that are not kept", Hint: "use WithLogs"}
	}
	c := o.client()
	joined := s.join(c)
	defer s.fan.leave(c)
	if o.Logs {
		if err := s.replay(ctx, o, joined); err != nil {
			return err
		}
	}
	return s.converse(ctx, c, o)
}

// attachable gives what runs, if one can attach to it.
func (s *Sandbox) attachable() (*running, error) {
	s.mu.Lock()
	r := s.running
	s.mu.Unlock()
	switch {
	case r == nil:
		return nil, ErrNotRunning
	case r.group.paused():
		return nil, ErrPaused
	case !s.shares():
		return nil, errNothingShared()
	}
	return r, nil
}

// client is who gets the output.
func (o *AttachOptions) client() *client {
	return newClient(func(stream logs.Stream) bool { return o.writer(stream) != nil })
}

// writer is where a stream goes.
func (o *AttachOptions) writer(stream logs.Stream) io.Writer {
	if stream == logs.Stderr {
		return o.Stderr
	}
	return o.Stdout
}

// joined is what there was when a client joined.
type joined struct {
	at      time.Time
	pending []LogEntry // lines that had begun
}

func (s *Sandbox) join(c *client) (j joined) {
	s.mu.Lock()
	r := s.running
	s.mu.Unlock()
	s.fan.join(c, func(now time.Time) {
		j.at = now
		if r != nil && r.streams.lines != nil {
			j.pending = r.streams.lines.pending()
		}
	})
	return j
}

// replay gives what was printed before somebody joined.
func (s *Sandbox) replay(ctx context.Context, o *AttachOptions, j joined) error {
	give := func(e LogEntry) error {
		if w := o.writer(e.Stream); w != nil {
			_, err := w.Write(e.Line)
			return err
		}
		return nil
	}
	for e, err := range s.Logs(ctx, LogOptions{Tail: -1, Until: j.at}) {
		if _, ok := errors.AsType[*logs.DroppedError](err); ok {
			continue // older than what is kept
		}
		if err == nil {
			err = give(e)
		}
		if err != nil {
			return err
		}
	}
	for _, e := range j.pending {
		if err := give(e); err != nil {
			return err
		}
	}
	return nil
}

// converse copies in both directions until one of the ends.
func (s *Sandbox) converse(ctx context.Context, c *client, o *AttachOptions) error {
	r, err := s.attachable()
	if errors.Is(err, ErrNotRunning) {
		select { // it ran
		case <-s.ended:
			return c.rest(o)
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	if err != nil {
		return err
	}
	detached, stop, err := r.streams.typeFrom(o)
	if err != nil {
		return err
	}
	defer stop()
	for {
		select {
		case <-detached:
			return errors.Join(ErrDetached, c.dropped())
		case <-ctx.Done():
			return errors.Join(ctx.Err(), c.dropped())
		default:
		}
		if next, ok := c.take(); ok {
			if _, err := o.writer(next.stream).Write(next.data); err != nil {
				return fmt.Errorf("write %s: %w", next.stream, err)
			}
			continue
		}
		select { // what is not the end is looked at above
		case <-c.more:
		case <-detached:
		case <-ctx.Done():
		case <-s.ended:
			return c.rest(o)
		}
	}
}

// rest writes what waits when nothing more comes.
func (c *client) rest(o *AttachOptions) error {
	for next, ok := c.take(); ok; next, ok = c.take() {
		if _, err := o.writer(next.stream).Write(next.data); err != nil {
			return fmt.Errorf("write %s: %w", next.stream, err)
		}
	}
	return c.dropped()
}

// typeFrom writes what somebody types to the process, until stop. The channel is
// closed when the keys for leaving were typed.
func (s *streams) typeFrom(o *AttachOptions) (detached <-chan struct{}, stop func(), err error) {
	sequence, err := o.keys(s.tty != nil)
	if err != nil || o.Stdin == nil {
		return nil, func() {}, err
	}
	if s.input == nil {
		return nil, nil, fmt.Errorf("%w: Stdin: the program's input is not open, use WithOpenStdin or WithTTY", ErrInvalidSpec)
	}
	to, err := s.input.join()
	if errors.Is(err, os.ErrClosed) {
		return nil, nil, fmt.Errorf("the program's input has ended: %w", err)
	}
	if err != nil {
		return nil, nil, err
	}
	left := make(chan struct{})
	go func() {
		if typeInto(to, o.Stdin, keys.NewFinder(sequence)) {
			close(left)
		}
	}()
	return left, func() { s.input.leave(to) }, nil
}

// typeInto copies what is typed until it ends, or the process does, or the keys
// were among it.
func typeInto(to io.Writer, from io.Reader, finder *keys.Finder) (found bool) {
	buf := make([]byte, 4096)
	for {
		n, err := from.Read(buf)
		pass, found := finder.Next(buf[:n])
		if len(pass) > 0 {
			if _, err := to.Write(pass); err != nil {
				return found
			}
		}
		if found {
			return true
		}
		if err != nil {
			_, _ = to.Write(finder.Rest()) // nobody is told: the process has ended
			return false
		}
	}
}

// CloseStdin ends the program's standard input, which [WithOpenStdin] keeps open,
// for everybody who is attached. Into a terminal it types the end-of-file
// character, after which more can be typed. The error matches [ErrNotRunning]
// when the sandbox does not run, and [ErrInvalidSpec] when it has no such input.
func (s *Sandbox) CloseStdin() error {
	s.mu.Lock()
	r := s.running
	s.mu.Unlock()
	var err error
	switch {
	case r == nil:
		err = ErrNotRunning
	case r.streams.input == nil:
		err = fmt.Errorf("%w: the program's input is not open, use WithOpenStdin or WithTTY", ErrInvalidSpec)
	default:
		if err = r.streams.input.end(false); errors.Is(err, os.ErrClosed) {
			err = ErrNotRunning
		}
	}
	return s.wrap("close stdin of", "", "", err)
}
