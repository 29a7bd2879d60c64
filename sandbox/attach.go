package sandbox

import (
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/sandkit/sandkit/internal/keys"
)

// ErrDetached tells that somebody who was attached has typed the keys for leaving.
var ErrDetached = errors.New("detached")

// DefaultDetachKeys are Docker's.
const DefaultDetachKeys = keys.Default

// AttachOptions are the streams of somebody who attaches to a sandbox.
type AttachOptions struct {
	// Stdin is what is written to the program; nil: nothing. It needs WithTTY or
	// WithOpenStdin. Where it ends, the program's input does not. After Attach has
	// returned, a Read that is waiting still takes what comes next.
	Stdin io.Reader
	// Stdout and Stderr get what the program writes; nil: nothing. A terminal has
	// one stream, Stdout; so have a WithStdout and WithStderr that are the same
	// writer.
	Stdout, Stderr io.Writer
	// DetachKeys end Attach with [ErrDetached] when they are typed into Stdin, if
	// the program has a terminal: single characters, "ctrl-" and one of a to z and
	// @ [ \ ] ^ _, and "DEL", separated by commas. What may be the beginning of
	// them waits until it is clear that it is not. Empty: [DefaultDetachKeys];
	// "none": none.
	DetachKeys string
	// Logs gives first what was printed before, which needs [WithLogs].
	Logs bool
}

// shares tells whether any output is copied, so that one can attach to it.
func (s *Sandbox) shares() bool {
	copied := func(w io.Writer) bool {
		_, file := w.(*os.File)
		return w != nil && !file
	}
	return s.spec.Process.TTY != nil || s.spec.OpenStdin || s.spec.Logs.Driver != "" || s.logFunc != nil || copied(s.stdout) || copied(s.stderr)
}

// errNothingShared is for who would see nothing.
func errNothingShared() error {
	return fmt.Errorf("%w: the program's output goes straight to files, use WithTTY, WithOpenStdin or WithLogs, or writers that are no files", ErrInvalidSpec)
}

// noDetachKeys as DetachKeys means that there are none.
const noDetachKeys = "none"

// keys are the bytes of DetachKeys.
func (o *AttachOptions) keys(terminal bool) ([]byte, error) {
	list := o.DetachKeys
	switch list {
	case "":
		list = DefaultDetachKeys
	case noDetachKeys:
		return nil, nil
	}
	b, err := keys.Parse(list)
	if err != nil {
		return nil, fmt.Errorf("%w: DetachKeys: %w", ErrInvalidSpec, err)
	}
	if !terminal {
		return nil, nil
	}
	return b, nil
}

// DroppedError tells somebody who was attached that he was too slow: so much of
// the output, the oldest of what had waited for him, was left out.
type DroppedError struct{ Bytes int64 }

// Error says how much.
func (e *DroppedError) Error() string {
	return fmt.Sprintf("too slow: %d bytes of output were left out", e.Bytes)
}
