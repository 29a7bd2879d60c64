package launch

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"sync"
	"syscall"
	"time"

	"github.com/sandkit/sandkit/internal/program"
	"github.com/sandkit/sandkit/internal/sys"
)

// Options are what the launcher gets besides the Program.
type Options struct {
	// Files are the descriptors announced with Program.Pass, MainFiles those
	// announced with PassMain, in that order. They stay the caller's, who may
	// close them when Start has returned, but for those of a prelude.
	Files, MainFiles []*os.File
	// Rooms makes the cgroup to start in; nil for the host program's own.
	Rooms *Rooms
	// Park allows to use a launcher that has executed the prelude already, and
	// to keep one ready for the next start.
	Park bool
}

// request is a Program that is ready to be sent.
type request struct {
	prog  *program.Program
	parts []program.Part
	Options
	key string // of the prelude, when launchers are parked
}

// splitFiles gives those that go with the first part, after the room's, and the
// others.
func (r *request) splitFiles() (first, second []*os.File) {
	prelude, _, _ := r.prog.Passed()
	n := len(prelude) - r.Rooms.files()
	return r.Files[:n], r.Files[n:]
}

// Start executes the Program and returns when the main process has executed.
// When ctx ends before that, or a step fails, nothing of it is left.
func Start(ctx context.Context, prog *program.Program, o Options) (*Process, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	prelude, rest, main := prog.Passed()
	if want := len(prelude) + len(rest) - o.Rooms.files(); want != len(o.Files) || len(main) != len(o.MainFiles) {
		return nil, fmt.Errorf("BUG: program expects %d and %d files, got %d and %d", want, len(main), len(o.Files), len(o.MainFiles))
	}
	parts, err := prog.Encode()
	if err != nil {
		return nil, err
	}
	r := &request{prog: prog, parts: parts, Options: o}
	if !o.Park || len(parts) < 2 {
		return r.startCold(ctx)
	}
	r.key = r.preludeKey()
	if p := lot.take(r); p != nil {
		p, err := r.finish(ctx, p, 1)
		if err == nil || !brokeEarly(err) || ctx.Err() != nil {
			return r.parkAfter(p), err
		}
	}
	p, err := r.startCold(ctx)
	return r.parkAfter(p), err
}

// parkDelay is when launchers are parked for the next starts if the sandbox is
// still running then; otherwise that is done when all of it is gone, so as not
// to compete with it.
const parkDelay = 20 * time.Millisecond

// parkAfter has another launcher parked once the process has got going.
func (r *request) parkAfter(p *Process) *Process {
	if p == nil {
		return nil
	}
	park := sync.OnceFunc(func() { lot.used(r) })
	timer := time.AfterFunc(parkDelay, park)
	p.ended = func() {
		timer.Stop()
		park()
	}
	return p
}

// startCold starts a launcher and sends it everything.
func (r *request) startCold(ctx context.Context) (*Process, error) {
	p, err := r.startLauncher()
	if err != nil {
		return nil, err
	}
	return r.finish(ctx, p, len(r.parts)-1)
}

// brokeEarly tells whether a launcher failed at what it did ahead of time.
func brokeEarly(err error) bool {
	var step *StepError
	return errors.As(err, &step) && step.early || errors.Is(err, io.ErrUnexpectedEOF)
}

// startLauncher starts the embedded program with one end of a socket, in which
// the first part waits already.
func (r *request) startLauncher() (*Process, error) {
	program, err := image()
	if err != nil {
		return nil, err
	}
	local, remote, err := sys.SocketPair()
	if err != nil {
		return nil, err
	}
	p := &Process{control: local.File("sandbox control"), forking: r.prog.Forks(), children: children{turn: make(chan struct{}, 1)}}
	end := remote.File("sandbox")
	err = r.exec(p, program, end)
	if cerr := end.Close(); err == nil && cerr != nil {
		err = fmt.Errorf("close socket: %w", cerr)
	}
	if p.proc != nil && err != nil {
		err = errors.Join(err, p.discard())
	} else if err != nil {
		err = errors.Join(err, p.control.Close(), p.leave())
	}
	if err != nil {
		return nil, err
	}
	return p, nil
}

// exec puts the first part into the socket and starts the launcher with its
// other end.
func (r *request) exec(p *Process, program, end *os.File) (err error) {
	dir, files, err := r.Rooms.enter(p)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, closeAll(dir, files)) }()
	first, _ := r.splitFiles()
	first = slices.Concat(files, first)
	mainFiles := r.MainFiles
	if len(r.parts) > 1 {
		mainFiles = nil
	}
	if err := p.out.addPart(r.parts[0], first, mainFiles); err != nil {
		return err
	}
	if err := p.out.send(p.control, false); err != nil {
		return err
	}
	attr := &os.ProcAttr{
		Dir:   "/",
		Env:   []string{}, // nil would hand over the host program's
		Files: []*os.File{end, program},
		Sys:   &syscall.SysProcAttr{Cloneflags: r.prog.CloneFlags},
	}
	if dir != nil {
		attr.Sys.UseCgroupFD, attr.Sys.CgroupFD = true, int(dir.Fd())
	}
	if p.proc, err = os.StartProcess(imagePath, []string{"sandkit"}, attr); err != nil {
		return fmt.Errorf("start launcher: %w", err)
	}
	return nil
}

// finish sends the part with this number and waits for the execution.
func (r *request) finish(ctx context.Context, p *Process, part int) (*Process, error) {
	stop := context.AfterFunc(ctx, p.abort)
	err := r.Rooms.settle(p)
	if err == nil && part > 0 {
		_, second := r.splitFiles()
		err = p.out.addPart(r.parts[part], second, r.MainFiles)
	}
	if err == nil {
		err = p.out.send(p.control, true)
	}
	if err == nil || errors.Is(err, syscall.EPIPE) { // a message tells why it is gone
		err = p.awaitStart(r.prog)
	}
	if !stop() && ctx.Err() != nil {
		err = ctx.Err()
	}
	if err != nil {
		return nil, errors.Join(err, p.discard())
	}
	return p, nil
}

// awaitStart follows the Program until the main process has executed. That it
// has forked process 1 may be the last thing that the launcher tells.
func (p *Process) awaitStart(prog *program.Program) error {
	for started := false; !started || p.isForking(); {
		m, err := p.receive(prog.Kept())
		if errors.Is(err, io.EOF) || errors.Is(err, syscall.ECONNRESET) {
			return fmt.Errorf("launcher ended during set-up: %w", io.ErrUnexpectedEOF)
		}
		if err != nil {
			return fmt.Errorf("read from launcher: %w", err)
		}
		switch m.kind {
		case msgStarted:
			if len(p.files) != prog.Kept() {
				return fmt.Errorf("BUG: got %d of %d files from launcher", len(p.files), prog.Kept())
			}
			started, p.main = true, int(m.arg)
		case msgExited:
			if p.early, err = p.readStatus(m); err != nil {
				return err
			}
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
	return p.reapEarlier()
}

func (p *Process) isForking() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.forking
}

func stepError(prog *program.Program, m message) error {
	errno := syscall.Errno(m.value)
	if m.arg == noStep {
		return fmt.Errorf("launcher: %w", errno)
	}
	st, n, err := prog.Locate(m.arg)
	if err != nil {
		return fmt.Errorf("launcher reports %w: %w", err, errno)
	}
	return &StepError{
		Stage: string(st.Stage), Path: st.Path, Call: st.Call.Name, Step: n, Errno: errno,
		IDMap: st.IDMaps(), early: prog.IsPrelude(m.arg),
	}
}
