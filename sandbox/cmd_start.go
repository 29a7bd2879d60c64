package sandbox

import (
	"context"
	"errors"
	"fmt"
	"io"
	iofs "io/fs"
	"os"
	"os/exec"
	"sync/atomic"
	"syscall"

	"github.com/sandkit/sandkit/internal/undo"
)

// misuse is an error of calling the methods of a Cmd, with the sentinel that it
// matches. The words are those that os/exec's users know.
func misuse(what string, is error) error { return &misuseError{what, is} }

type misuseError struct {
	what string
	is   error
}

// Error says what is wrong.
func (e *misuseError) Error() string { return "sandbox: " + e.what }

// Unwrap gives the sentinel.
func (e *misuseError) Unwrap() error { return e.is }

// notFoundError adds what os/exec says of a command that does not exist.
type notFoundError struct {
	error
	name string
}

// Unwrap gives both views.
func (e *notFoundError) Unwrap() []error {
	return []error{e.error, &exec.Error{Name: e.name, Err: exec.ErrNotFound}}
}

// Start makes the sandbox and returns when the command executes. On error
// nothing is left, but the Cmd cannot be started again. After success, [Cmd.Wait]
// has to be called: it lets go of everything.
func (c *Cmd) Start() (err error) {
	if atomic.SwapInt32(&c.started, 1) != 0 {
		return misuse("already started", ErrRunning)
	}
	defer func() {
		more := closeFiles(&c.theirs)
		if err == nil {
			return // the command has them, whatever closing the copies here gave
		}
		if more = errors.Join(more, closeFiles(&c.ours)); more != nil {
			err = errors.Join(err, more)
		}
	}()
	switch {
	case c.Err != nil:
		return c.Err
	case c.Path == "":
		return misuse("no command", ErrInvalidSpec)
	case c.ctx == nil && c.Cancel != nil:
		return misuse("Cancel needs a context, use Command", ErrInvalidSpec)
	case c.ctx == nil:
		c.ctx = context.Background()
	}
	if err := c.ctx.Err(); err != nil {
		return err
	}
	cfg := c.config()
	feed, err := c.openFeed(cfg)
	if err != nil {
		return err
	}
	s, err := cfg.sandbox()
	if err != nil {
		return err
	}
	s.private = true // nobody else has it
	c.sandbox = s
	if err := s.Start(c.ctx); err != nil {
		err = c.startError(err)
		if cerr := s.Close(); cerr != nil {
			err = errors.Join(err, cerr)
		}
		return err
	}
	c.Process = &CmdProcess{Pid: s.pid(), sandbox: s}
	if feed != nil {
		c.fed = make(chan error, 1)
		go feed(c.fed)
	}
	if c.ctx.Done() != nil && (c.Cancel != nil || c.WaitDelay != 0) {
		c.watched = make(chan watched, 1)
		go c.watch()
	}
	return nil
}

// startError makes errors of the start match what os/exec gives.
func (c *Cmd) startError(err error) error {
	if ended := c.ctx.Err(); ended != nil && !errors.Is(err, ended) {
		return fmt.Errorf("%w: %w", ended, err)
	}
	if e, ok := errors.AsType[*Error](err); ok && e.Stage == StageExec && errors.Is(err, ErrNotFound) {
		return &notFoundError{err, c.Path}
	}
	return err
}

// openFeed makes the pipe for a Stdin that is no file. Unlike the sandbox, which
// leaves a reader alone when the command has ended, a Cmd waits for it.
func (c *Cmd) openFeed(cfg *config) (feed func(chan<- error), err error) {
	if _, file := c.Stdin.(*os.File); file || c.Stdin == nil {
		return nil, nil //nolint:nilnil // there is nothing to feed
	}
	read, write, err := os.Pipe()
	if err != nil {
		return nil, fmt.Errorf("make pipe for stdin: %w", err)
	}
	c.theirs, c.ours = append(c.theirs, read), append(c.ours, write)
	cfg.process.stdin = read
	return func(done chan<- error) {
		_, err := io.Copy(write, c.Stdin)
		if readsNoMore(write, err) {
			err = nil // the command's decision
		}
		if cerr := write.Close(); err == nil {
			err = cerr
		}
		if err != nil {
			err = fmt.Errorf("copy stdin: %w", err)
		}
		done <- err
	}, nil
}

// readsNoMore tells whether a copy ended because the other end of the pipe is
// closed.
func readsNoMore(pipe *os.File, err error) bool {
	e, ok := errors.AsType[*iofs.PathError](err)
	return ok && e.Op == "write" && e.Path == pipe.Name() && errors.Is(e.Err, syscall.EPIPE)
}

// closeFiles closes what is not closed yet.
func closeFiles(files *[]*os.File) error {
	var errs undo.Errors
	for _, f := range *files {
		if err := f.Close(); !errors.Is(err, os.ErrClosed) {
			errs.Add(err)
		}
	}
	*files = nil
	return errs.Err()
}
