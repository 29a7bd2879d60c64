package sandbox

import (
	"errors"
	"fmt"
	"io"
	"os"
	"syscall"

	"github.com/sandkit/sandkit/fs"
	"github.com/sandkit/sandkit/internal/launch"
	"github.com/sandkit/sandkit/internal/program"
	"github.com/sandkit/sandkit/internal/pty"
	"github.com/sandkit/sandkit/internal/sys"
	"github.com/sandkit/sandkit/sandbox/logs"
)

// terminal makes the main process's terminal.
func (b *builder) terminal(q *program.Sequence) {
	if tty := b.spec.Process.TTY; tty != nil {
		rows, cols := tty.size()
		master := b.tree.Terminal(q, b.who.UID, rows, cols)
		b.master = &master
	}
}

// kept are the descriptors that the host program gets.
func (b *builder) kept() []program.FD {
	var kept []program.FD
	if !b.private {
		kept = b.tree.Kept()
	}
	if b.master != nil {
		kept = append(kept, *b.master)
	}
	return kept
}

// openTerminal makes the terminal the main process's, in place of the files that
// it got. It is looked up where the process will find it, in its own copy of the
// mounts, so that it has a name there.
func (b *builder) openTerminal(q *program.Sequence) {
	if b.spec.Process.TTY == nil {
		return
	}
	q.Stage(program.Stage(StageDev), fs.TerminalPath)
	tty := q.Openat2(program.Cwd, fs.TerminalPath, sys.O_RDWR|sys.O_NOCTTY, sys.RESOLVE_NO_SYMLINKS|sys.RESOLVE_NO_MAGICLINKS)
	q.ControllingTerminal(tty)
	q.Standard(tty)
	q.Close(tty)
}

// furtherTerminal is how a further process gets one; nil when it gets none.
func (b *builder) furtherTerminal() *terminal {
	if b.spec.Process.TTY == nil {
		return nil
	}
	return &terminal{open: b.makeTerminal}
}

// makeTerminal makes one in the running sandbox.
func (b *builder) makeTerminal() (master, slave *os.File, err error) {
	err = b.live.withFiles(func(h held) error {
		if master, slave, err = pty.OpenIn(h.root); err != nil {
			return err
		}
		rows, cols := b.spec.Process.TTY.size()
		err := pty.SetSize(master, rows, cols)
		// Who is an ordinary user can give nothing away, and is mostly the only user
		// inside.
		if uid, ok := h.owners.outside(b.who.UID); err == nil && ok {
			err = slave.Chown(int(uid), -1)
		}
		if err != nil {
			return errors.Join(err, master.Close(), slave.Close())
		}
		return nil
	})
	if err != nil {
		return nil, nil, fmt.Errorf("make terminal: %w", err)
	}
	return master, slave, nil
}

// outside is who a user inside is on a host where this program may be anybody;
// otherwise false.
func (o owners) outside(uid uint32) (uint32, bool) {
	switch {
	case o.outer != nil:
		return 0, false
	case o.inner == nil:
		return uid, true
	}
	return o.inner.UIDOutside(uid)
}

// openTerminal makes the streams of a process that has a terminal. The main
// process makes its own, in place of the files that it is handed.
func (s *streams) openTerminal(p *processConfig) error {
	s.input = &input{terminal: true, open: p.open}
	s.reader = p.stdin
	if f, ok := p.stdin.(*os.File); ok && f == nil {
		s.reader = nil
	}
	s.to = p.stdout
	if f, ok := p.stdout.(*os.File); p.stdout == nil || ok && f == nil {
		s.to = io.Discard
	}
	if p.tty.open == nil {
		if err := s.openNull(os.O_RDWR); err != nil {
			return err
		}
	} else {
		master, slave, err := p.tty.open()
		if err != nil {
			return err
		}
		s.files, s.theirs = append(s.files, slave), append(s.theirs, slave)
		if err := s.connect(master); err != nil {
			return err
		}
	}
	s.files = append(s.files, s.files[0], s.files[0])
	return nil
}

// connect copies from and to a terminal's master, which is the streams' from now
// on.
func (s *streams) connect(master *os.File) error {
	s.tty, s.input.file = master, master
	if s.logs != nil {
		return s.logs.addTerminal(master, s.to)
	}
	s.copiers = append(s.copiers, &copier{name: "terminal", from: master, terminal: true, to: s.fan.tee(logs.Stdout, s.to)})
	return nil
}

// takeTerminal takes over the main process's terminal, if it has one.
func (s *streams) takeTerminal(p *launch.Process) error {
	if s.input == nil || !s.input.terminal {
		return nil
	}
	return s.connect(p.TakeLast())
}

// Resize changes the size of the program's terminal: the processes in its
// foreground get SIGWINCH. 0, 0 changes nothing. The error matches
// [ErrNotRunning] when the sandbox does not run, and [ErrInvalidSpec] when there
// is no terminal.
func (s *Sandbox) Resize(rows, cols uint16) error {
	s.mu.Lock()
	r := s.running
	s.mu.Unlock()
	if r == nil {
		return s.wrap("resize", "", "", ErrNotRunning)
	}
	return s.wrap("resize", "", "", r.streams.resize(rows, cols))
}

// Resize is [Sandbox.Resize] for the terminal of a further process.
func (p *Process) Resize(rows, cols uint16) error {
	select {
	case <-p.ended:
		return p.s.wrap("resize", "", "", ErrNotRunning)
	default:
		return p.s.wrap("resize", "", "", p.streams.resize(rows, cols))
	}
}

func (s *streams) resize(rows, cols uint16) error {
	if s.tty == nil {
		return errNoTerminal()
	}
	if rows == 0 && cols == 0 {
		return nil
	}
	err := pty.SetSize(s.tty, rows, cols)
	if errors.Is(err, os.ErrClosed) {
		err = ErrNotRunning
	}
	return err
}

// terminalReader reads from a terminal's master until the deadline. That nobody
// has the other end open (EIO) is not the end: somebody may open it again.
type terminalReader struct{ master *os.File }

// Read reads.
func (r terminalReader) Read(p []byte) (n int, err error) {
	conn, err := r.master.SyscallConn()
	if err != nil {
		return 0, err
	}
	var readErr error
	err = conn.Read(func(fd uintptr) bool {
		for {
			n, readErr = syscall.Read(int(fd), p)
			if !errors.Is(readErr, syscall.EINTR) {
				return !errors.Is(readErr, syscall.EAGAIN) && !errors.Is(readErr, syscall.EIO)
			}
		}
	})
	if err = errors.Join(err, readErr); err == nil && n == 0 {
		err = io.EOF
	}
	return max(0, n), err
}
