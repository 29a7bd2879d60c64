package sandbox

import (
	"context"
	"errors"
	"io"
	"os"
	"os/signal"
	"sync"
	"syscall"

	"github.com/sandkit/sandkit/internal/pty"
	"github.com/sandkit/sandkit/internal/undo"
)

// interactive is Interactive for any files.
func interactive(ctx context.Context, s *Sandbox, c *console) (res *Result, err error) {
	o := &AttachOptions{Stdout: c.out, Stderr: c.err, DetachKeys: c.keys}
	if _, err := o.keys(true); err == nil && !s.shares() {
		return nil, s.wrap("attach to", "", "", errNothingShared())
	} else if err != nil {
		return nil, s.wrap("attach to", "", "", err)
	}
	cl := o.client()
	s.join(cl) // before the start, so that nothing is missed
	defer s.fan.leave(cl)
	if err := s.Start(ctx); err != nil && !errors.Is(err, ErrRunning) {
		return nil, err
	}
	if err := s.sit(ctx, c, cl, o); err != nil {
		return nil, s.wrap("attach to", "", "", err)
	}
	return s.Wait(ctx)
}

// sit is the conversation with who sits at the console.
func (s *Sandbox) sit(ctx context.Context, c *console, cl *client, o *AttachOptions) (err error) {
	var after undo.Stack // also when something panics
	defer func() { err = errors.Join(err, after.Unwind()) }()
	tty := s.spec.Process.TTY != nil
	if tty && pty.IsTerminal(c.in) {
		restore, err := pty.MakeRaw(c.in)
		if err != nil {
			return err
		}
		after.Push("restore terminal", restore)
	}
	if tty || s.spec.OpenStdin {
		typed, err := pty.NewReader(c.in)
		if err != nil {
			return err
		}
		after.Push("stop reading", typed.Close)
		o.Stdin = &ending{from: typed, end: s.CloseStdin}
	}
	defer ForwardSignals(ctx, s)()
	defer s.followSize(tty, c)()
	return s.converse(ctx, cl, o)
}

// followSize makes the program's terminal as large as that of the console, now
// and whenever it changes, until stop.
func (s *Sandbox) followSize(tty bool, c *console) (stop func()) {
	from := c.out
	if !pty.IsTerminal(from) {
		from = c.in
	}
	if !tty || !pty.IsTerminal(from) {
		return func() {}
	}
	resize := func() {
		rows, cols, err := pty.Size(from)
		if err == nil {
			err = s.Resize(rows, cols)
		}
		if err != nil {
			s.log.Debug("terminal not resized", "id", s.id, "error", err)
		}
	}
	changed := make(chan os.Signal, 1)
	signal.Notify(changed, syscall.SIGWINCH)
	resize()
	end := make(chan struct{})
	var done sync.WaitGroup
	done.Go(func() {
		for {
			select {
			case <-changed:
				resize()
			case <-end:
				return
			}
		}
	})
	return func() {
		signal.Stop(changed)
		close(end)
		done.Wait()
	}
}

// ending is a reader that tells its end.
type ending struct {
	from io.Reader
	end  func() error
}

// Read reads.
func (e *ending) Read(p []byte) (int, error) {
	n, err := e.from.Read(p)
	if errors.Is(err, io.EOF) {
		_ = e.end() // or the sandbox has ended
	}
	return n, err
}
