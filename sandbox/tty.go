package sandbox

import (
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/sandkit/sandkit/fs"
	"github.com/sandkit/sandkit/internal/undo"
)

// TTY is the terminal of a process. The zero value is one of 24 rows and 80
// columns.
type TTY struct {
	Rows uint16 `json:"rows,omitempty"` // 0: 24
	Cols uint16 `json:"cols,omitempty"` // 0: 80
}

// size is how large it is at first.
func (t *TTY) size() (rows, cols uint16) {
	rows, cols = t.Rows, t.Cols
	if rows == 0 {
		rows = 24
	}
	if cols == 0 {
		cols = 80
	}
	return rows, cols
}

// WithTTY gives the process a terminal of this size, in characters; 0 means 24
// rows, or 80 columns. It is one of the sandbox's own: the process's standard
// streams, its controlling terminal, and, for the main process, /dev/console. It
// belongs to the process's user, and TERM is xterm unless it is given.
//
// What the process writes, also to its standard error, and what the terminal
// echoes, goes to WithStdout; WithStderr is an error, unless it is the same
// writer. What WithStdin reads is typed into the terminal. When the reader ends,
// the terminal's end-of-file character (Ctrl-D) is typed, since programs that
// read from a terminal see no other end; with [WithOpenStdin] it is not. Files
// are not handed over but copied, too. Without WithStdin nothing is typed, and
// who reads waits.
//
// When a process that [Sandbox.Exec] has started ends, its terminal hangs up on
// those that it left behind. Who is an ordinary user outside cannot give the
// terminal of a further process to a user other than the sandbox's root, if there
// are several; it works, but cannot be opened by its name then.
//
// It needs Linux 4.13.
func WithTTY(rows, cols uint16) ProcOption {
	return procOption(func(c *processConfig) { c.spec.TTY = &TTY{Rows: rows, Cols: cols} })
}

// WithOpenStdin keeps the program's standard input open, for those who
// [Sandbox.Attach]: a pipe, or the terminal of [WithTTY]. That WithStdin's reader
// ends, or that of somebody who is attached, does not end it: that is what
// [Sandbox.CloseStdin] is for. What the program writes can be attached to as
// well, also without WithStdout and WithStderr.
func WithOpenStdin() Option { return option(func(c *config) { c.spec.OpenStdin = true }) }

// terminal is how a process gets one.
type terminal struct {
	// open makes it; nil when the launcher does.
	open func() (master, slave *os.File, err error)
}

// checkTerminal finds what a terminal does not go with.
func (s *Spec) checkTerminal(errs *undo.Errors) {
	if s.Idle && (s.Process.TTY != nil || s.OpenStdin) {
		errs.Add(errors.New("WithIdle, WithTTY, WithOpenStdin: an idle sandbox has no program of its own, use WithTTY with Exec"))
	}
	if target := fs.CoversTerminal(s.Mounts); s.Process.TTY != nil && target != "" {
		errs.Add(fmt.Errorf("WithTTY, WithMount: a mount at %q hides the terminal, leave one out", target))
	}
}

// errNoTerminal is for who asks for the terminal of a process without one.
func errNoTerminal() error {
	return fmt.Errorf("%w: the process has no terminal, use WithTTY", ErrInvalidSpec)
}

// sameWriter compares writers; those that cannot be compared are not the same.
func sameWriter(a, b io.Writer) (same bool) {
	defer func() {
		if recover() != nil {
			same = false
		}
	}()
	return a == b
}
