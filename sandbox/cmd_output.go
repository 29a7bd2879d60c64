package sandbox

import (
	"errors"
	"io"
	"os"

	"github.com/sandkit/sandkit/internal/capture"
)

// Output runs the command and returns what it wrote to its standard output, also
// beside an error. A command that writes more than [MaxOutput] is killed, and the
// error matches [ErrOutputLimit]. If Stderr is nil, an [*ExitError] has the
// beginning and the end of the standard error.
func (c *Cmd) Output() ([]byte, error) {
	if c.Stdout != nil {
		return nil, misuse("Stdout already set", ErrInvalidSpec)
	}
	var errOut *capture.Ends
	if c.Stderr == nil {
		errOut = &capture.Ends{}
		c.Stderr = errOut
	}
	out := c.limitedBuffer()
	c.Stdout = out
	err := c.Run()
	if errOut != nil {
		if e, ok := errors.AsType[*ExitError](err); ok {
			e.Stderr = errOut.Bytes()
		}
	}
	return outputOf(out, err)
}

// CombinedOutput runs the command and returns what it wrote to standard output
// and standard error, in the order in which it came. It is bounded as in
// [Cmd.Output].
func (c *Cmd) CombinedOutput() ([]byte, error) {
	if c.Stdout != nil {
		return nil, misuse("Stdout already set", ErrInvalidSpec)
	}
	if c.Stderr != nil {
		return nil, misuse("Stderr already set", ErrInvalidSpec)
	}
	out := c.limitedBuffer()
	c.Stdout, c.Stderr = out, out
	return outputOf(out, c.Run())
}

// limitedBuffer is a buffer that kills the command when it is full. Output can
// come before Start returns, when there is a sandbox and no Process yet.
func (c *Cmd) limitedBuffer() *capture.Buffer {
	return &capture.Buffer{Limit: MaxOutput, Full: func() { _ = c.sandbox.end(ReasonKilled) }}
}

// StdinPipe gives the writing end of a pipe that the command reads. Closing it
// tells the command that there is no more; Wait closes it, too.
func (c *Cmd) StdinPipe() (io.WriteCloser, error) {
	if c.Stdin != nil {
		return nil, misuse("Stdin already set", ErrInvalidSpec)
	}
	read, write, err := c.pipe("StdinPipe")
	if err != nil {
		return nil, err
	}
	c.theirs, c.ours = append(c.theirs, read), append(c.ours, write)
	c.Stdin = read
	return write, nil
}

// StdoutPipe gives the reading end of a pipe that the command writes to. [Cmd.Wait]
// closes it, so everything has to be read before.
func (c *Cmd) StdoutPipe() (io.ReadCloser, error) {
	if c.Stdout != nil {
		return nil, misuse("Stdout already set", ErrInvalidSpec)
	}
	return c.outputPipe("StdoutPipe", &c.Stdout)
}

// StderrPipe is [Cmd.StdoutPipe] for the standard error.
func (c *Cmd) StderrPipe() (io.ReadCloser, error) {
	if c.Stderr != nil {
		return nil, misuse("Stderr already set", ErrInvalidSpec)
	}
	return c.outputPipe("StderrPipe", &c.Stderr)
}

func (c *Cmd) outputPipe(method string, field *io.Writer) (*os.File, error) {
	read, write, err := c.pipe(method)
	if err != nil {
		return nil, err
	}
	c.theirs, c.ours = append(c.theirs, write), append(c.ours, read)
	*field = write
	return read, nil
}

func (c *Cmd) pipe(method string) (read, write *os.File, err error) {
	if c.Process != nil {
		return nil, nil, misuse(method+" after process started", ErrRunning)
	}
	return os.Pipe()
}
