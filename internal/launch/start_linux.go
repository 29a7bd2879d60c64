package launch

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"syscall"

	"github.com/sandkit/sandkit/internal/program"
	"github.com/sandkit/sandkit/internal/sys"
)

// Options are what the launcher gets besides the Program.
type Options struct {
	// Files are the descriptors announced with Program.Pass, in that order.
	// They stay the caller's, who may close them when Start has returned.
	Files []*os.File
	// Cgroup is a directory of cgroup v2 to start in (CLONE_INTO_CGROUP,
	// Linux 5.7); nil for the host program's own.
	Cgroup *os.File
}

// Start executes the Program and returns when the main process has executed.
// When ctx ends before that, or a step fails, nothing of it is left.
func Start(ctx context.Context, prog *program.Program, o Options) (*Process, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if n := len(prog.Passed()); n != len(o.Files) {
		return nil, fmt.Errorf("BUG: program expects %d files, got %d", n, len(o.Files))
	}
	code, err := prog.Encode()
	if err != nil {
		return nil, err
	}
	p, rest, err := startLauncher(prog, code, o)
	if err != nil {
		return nil, err
	}
	stop := context.AfterFunc(ctx, p.abort)
	_, err = p.control.Write(rest)
	if err == nil || errors.Is(err, syscall.EPIPE) { // a message tells why it is gone
		err = p.awaitStart(prog)
	}
	if !stop() && ctx.Err() != nil {
		err = ctx.Err()
	}
	if err != nil {
		p.abort()
		p.drain()
		return nil, err
	}
	return p, nil
}

// startLauncher starts the embedded program with one end of a socket, in which
// its Program waits already, but for the rest that did not fit.
func startLauncher(prog *program.Program, code []byte, o Options) (p *Process, rest []byte, err error) {
	path, err := image()
	if err != nil {
		return nil, nil, err
	}
	local, remote, err := sys.SocketPair()
	if err != nil {
		return nil, nil, err
	}
	control, end := local.File("sandbox control"), remote.File("sandbox")
	defer func() {
		if cerr := end.Close(); err == nil && cerr != nil {
			err = fmt.Errorf("close socket: %w", cerr)
		}
		if err != nil {
			control.Close()
		}
	}()
	if rest, err = sendProgram(control, code, o.Files); err != nil {
		return nil, nil, err
	}
	attr := &os.ProcAttr{
		Dir:   "/",
		Env:   []string{}, // nil would hand over the host program's
		Files: []*os.File{end},
		Sys:   &syscall.SysProcAttr{Cloneflags: prog.CloneFlags},
	}
	if o.Cgroup != nil {
		attr.Sys.UseCgroupFD, attr.Sys.CgroupFD = true, int(o.Cgroup.Fd())
	}
	proc, err := os.StartProcess(path, []string{"sandkit"}, attr)
	if err != nil {
		return nil, nil, fmt.Errorf("start launcher: %w", err)
	}
	return &Process{control: control, proc: proc, forking: prog.Forks()}, rest, nil
}

// awaitStart follows the Program until the main process has executed.
func (p *Process) awaitStart(prog *program.Program) error {
	for {
		m, err := readMessage(p.control)
		if errors.Is(err, io.EOF) || errors.Is(err, syscall.ECONNRESET) {
			return fmt.Errorf("launcher ended during set-up: %w", io.ErrUnexpectedEOF)
		}
		if err != nil {
			return fmt.Errorf("read from launcher: %w", err)
		}
		switch m.kind {
		case msgStarted:
			return nil
		case msgForked:
			if err := p.follow(int(m.value)); err != nil {
				return err
			}
		case msgFailed:
			return stepError(prog, m)
		default:
			return fmt.Errorf("BUG: message %d from launcher during set-up", m.kind)
		}
	}
}

func stepError(prog *program.Program, m message) error {
	errno := syscall.Errno(m.value)
	if m.arg == noStep {
		return fmt.Errorf("launcher: %w", errno)
	}
	st, err := prog.Step(int(m.arg))
	if err != nil {
		return fmt.Errorf("launcher reports %w: %w", err, errno)
	}
	return &StepError{Stage: string(st.Stage), Path: st.Path, Call: st.Call.Name, Step: int(m.arg), Errno: errno}
}
