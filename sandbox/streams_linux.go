package sandbox

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"syscall"

	"github.com/sandkit/sandkit/internal/undo"
	"github.com/sandkit/sandkit/sandbox/logs"
)

// streams are the standard streams of a process: what it gets, and what this
// program copies meanwhile.
type streams struct {
	files   []*os.File // descriptors 0, 1, 2, and the extra ones
	theirs  []*os.File // those of files that are closed after the start
	copiers []*copier
	logs    *collector // reads the output in place of copiers; nil for none
	stdin   *os.File   // our end of the pipe, when there is one
	reader  io.Reader
	lines   *collector // logs, also when that is done
	fan     *fan       // nil: nobody can attach
	input   *input     // in place of stdin, when several may write; nil: there is none
	tty     *os.File   // the terminal's master; nil: there is none
	to      io.Writer  // where its output goes
}

// openStreams makes pipes where the caller gave no file.
func openStreams(p *processConfig) (*streams, error) {
	s := &streams{fan: p.fan}
	if err := s.open(p); err != nil {
		return nil, errors.Join(err, s.closeTheirs(), s.closeOurs())
	}
	return s, nil
}

func (s *streams) open(p *processConfig) (err error) {
	if len(p.drivers) > 0 { // its own from here on
		if s.logs, err = newCollector(p.drivers); err != nil {
			return err
		}
	}
	if s.logs != nil {
		s.logs.fan = p.fan
	}
	if err := s.openStandard(p); err != nil {
		return err
	}
	s.lines = s.logs
	for i, f := range p.extra {
		if err := checkExtra(f); err != nil {
			return fmt.Errorf("WithExtraFiles: file %d: %w", i, err)
		}
		s.files = append(s.files, f)
	}
	return nil
}

// openStandard makes the first three.
func (s *streams) openStandard(p *processConfig) error {
	if p.tty != nil {
		return s.openTerminal(p)
	}
	open := s.openStdin
	if p.open {
		open = s.openInput
	}
	if err := open(p.stdin); err != nil {
		return err
	}
	return s.openOutputs(p)
}

func (s *streams) openOutputs(p *processConfig) error {
	if s.logs != nil {
		return s.openLogged(p)
	}
	if err := s.openOutput("stdout", p.copied(p.stdout)); err != nil {
		return err
	}
	if p.stderr != nil && sameWriter(p.stdout, p.stderr) {
		s.files = append(s.files, s.files[1])
	} else if err := s.openOutput("stderr", p.copied(p.stderr)); err != nil {
		return err
	}
	return nil
}

// openLogged makes pipes whatever the caller gave, as the output is kept, too.
func (s *streams) openLogged(p *processConfig) error {
	for _, out := range []struct {
		stream logs.Stream
		to     io.Writer
	}{{logs.Stdout, p.stdout}, {logs.Stderr, p.stderr}} {
		if f, ok := out.to.(*os.File); ok && f == nil {
			out.to = nil
		}
		write, err := s.logs.add(string(out.stream), out.stream, out.to)
		if err != nil {
			return err
		}
		s.files, s.theirs = append(s.files, write), append(s.theirs, write)
	}
	return nil
}

// checkExtra refuses a directory: openat(fd, "..") would leave the root.
func checkExtra(f *os.File) error {
	st, err := f.Stat()
	if err != nil {
		return err
	}
	if st.IsDir() {
		return fmt.Errorf("%s is a directory, through which the process could leave its root; use a bind mount: %w", f.Name(), ErrInvalidSpec)
	}
	return nil
}

func (s *streams) openStdin(r io.Reader) error {
	switch in := r.(type) {
	case nil:
		return s.openNull(os.O_RDONLY)
	case *os.File:
		if in == nil {
			return s.openNull(os.O_RDONLY)
		}
		if err := checkExtra(in); err != nil {
			return fmt.Errorf("WithStdin: %w", err)
		}
		s.files = append(s.files, in)
		return nil
	}
	read, write, err := os.Pipe()
	if err != nil {
		return fmt.Errorf("make pipe for stdin: %w", err)
	}
	s.files, s.theirs = append(s.files, read), append(s.theirs, read)
	s.stdin, s.reader = write, r
	return nil
}

func (s *streams) openOutput(name string, w io.Writer) error {
	switch out := w.(type) {
	case nil:
		return s.openNull(os.O_WRONLY)
	case *os.File:
		if out == nil {
			return s.openNull(os.O_WRONLY)
		}
		if err := checkExtra(out); err != nil {
			return fmt.Errorf("%s: %w", "With"+strings.ToUpper(name[:1])+name[1:], err)
		}
		s.files = append(s.files, out)
		return nil
	}
	read, write, err := os.Pipe()
	if err != nil {
		return fmt.Errorf("make pipe for %s: %w", name, err)
	}
	s.files, s.theirs = append(s.files, write), append(s.theirs, write)
	s.copiers = append(s.copiers, &copier{name: name, from: read, to: s.fan.tee(logs.Stream(name), w)})
	return nil
}

func (s *streams) openNull(flag int) error {
	f, err := os.OpenFile(os.DevNull, flag, 0)
	if err != nil {
		return err
	}
	s.files, s.theirs = append(s.files, f), append(s.theirs, f)
	return nil
}

// closeTheirs closes the process's ends, once it has them.
func (s *streams) closeTheirs() error {
	var errs undo.Errors
	for _, f := range s.theirs {
		errs.Add(f.Close())
	}
	s.theirs = nil
	return errs.Err()
}

// closeOurs closes our ends when nothing is copied.
func (s *streams) closeOurs() error {
	var errs undo.Errors
	for _, c := range s.copiers {
		errs.Add(c.from.Close())
	}
	if s.stdin != nil {
		errs.Add(s.stdin.Close())
	}
	if s.input != nil {
		errs.Add(s.input.close())
	}
	if s.logs != nil {
		errs.Add(s.logs.discard())
	}
	s.copiers, s.stdin, s.logs = nil, nil, nil
	return errs.Err()
}

// start copies in the background.
func (s *streams) start() {
	for _, c := range s.copiers {
		c.done.Add(1)
		go c.run()
	}
	if s.logs != nil {
		s.logs.start()
	}
	if s.stdin != nil {
		go feed(s.stdin, s.reader)
	}
	if s.input != nil && s.reader != nil {
		go s.input.feed(s.reader)
	}
}

// feed copies into the process. Nobody waits for it: the reader may block as
// long as it likes. A process that does not read on ends it.
func feed(to *os.File, from io.Reader) {
	_, _ = io.Copy(to, from) // EPIPE is the process's decision, as with os/exec
	_ = to.Close()
}

// finish takes over what the pipes still hold once every process is gone, and
// gives the first error of a writer.
func (s *streams) finish() error {
	var errs undo.Errors
	for _, c := range s.copiers {
		// Every writer inside is gone. If somebody outside has got the other end
		// meanwhile, the pipe does not end by itself.
		_ = c.from.SetReadDeadline(past) // fails when the copier is done already
		c.done.Wait()
		errs.Add(c.err)
	}
	if s.logs != nil {
		errs.Add(s.logs.finish())
	}
	if s.input != nil {
		errs.Add(s.input.close())
	}
	s.copiers, s.logs = nil, nil
	return errs.Err()
}

// copier copies one stream of output.
type copier struct {
	name     string
	from     *os.File
	terminal bool // from is one's master
	to       io.Writer
	done     sync.WaitGroup
	err      error
}

func (c *copier) run() {
	defer c.done.Done()
	var from io.Reader = onlyReader{c.from}
	if c.terminal {
		from = terminalReader{c.from}
	}
	_, err := io.Copy(c.to, from)
	if errors.Is(err, os.ErrDeadlineExceeded) {
		err = c.drain()
	}
	if err != nil {
		c.err = fmt.Errorf("write %s: %w", c.name, err)
	}
	if err := c.from.Close(); err != nil && c.err == nil {
		c.err = fmt.Errorf("close %s: %w", c.name, err)
	}
}

// drain copies what is in the pipe, without waiting for more.
func (c *copier) drain() error {
	conn, err := c.from.SyscallConn()
	if err != nil {
		return err
	}
	buf := make([]byte, 32<<10)
	for {
		n, errno := 0, error(nil)
		if err := conn.Control(func(fd uintptr) { n, errno = syscall.Read(int(fd), buf) }); err != nil {
			return err
		}
		switch {
		case errors.Is(errno, syscall.EINTR):
			continue
		case errors.Is(errno, syscall.EAGAIN), errors.Is(errno, syscall.EIO), n == 0 && errno == nil:
			return nil
		case errno != nil:
			return errno
		}
		if _, err := c.to.Write(buf[:n]); err != nil {
			return err
		}
	}
}

// onlyReader hides the file's other methods, so that io.Copy does not splice
// and the deadline works for every writer.
type onlyReader struct{ io.Reader }
