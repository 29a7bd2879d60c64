package launch

import (
	"errors"
	"fmt"
	"os"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/sandkit/sandkit/internal/sys"
)

// Process is a started sandbox: its process 1. Wait must be called once; it
// releases everything.
type Process struct {
	control *os.File
	out     outbox     // used by one goroutine, before the main process has executed
	files   []*os.File // what the Program kept; likewise
	main    int        // the main process's pid inside
	early   Status     // when the main process ended before Start
	sending sync.Mutex // orders to process 1, which must not mix

	mu      sync.Mutex
	proc    *os.Process   // process 1, or what will become it
	earlier []*os.Process // launchers that forked process 1 and ended
	forking bool          // proc is still to fork process 1
	ended   func()        // called by Release; may be nil
	room    Room          // may be nil
	killed  bool

	children children

	// Of one that is handed over, or that another process has started.
	monitored atomic.Bool
	handing   *handing // nil: nobody wants to
	pid       int      // of process 1, if it is no child
	pidfd     *os.File // likewise
}

// Status is how the main process ended.
type Status struct {
	// Known is false when process 1 was killed before it could tell; then the
	// kernel killed the main process with it.
	Known bool
	Wait  syscall.WaitStatus
	Usage *syscall.Rusage // of the main process and what it waited for; nil when not known
}

// PID is process 1's number outside.
func (p *Process) PID() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.pid != 0 {
		return p.pid
	}
	return p.proc.Pid
}

// MainPID is the main process's number inside.
func (p *Process) MainPID() int { return p.main }

// TakeFiles gives what the Program kept, see [program.Sequence.Keep]. They are
// the caller's from now on; what was not taken is closed by Wait.
func (p *Process) TakeFiles() []*os.File {
	files := p.files
	p.files = nil
	return files
}

// follow goes on with the process that the launcher forked as another child of
// this program.
func (p *Process) follow(pid int) error {
	next, err := os.FindProcess(pid)
	if err != nil {
		return fmt.Errorf("find process %d: %w", pid, err)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.earlier = append(p.earlier, p.proc)
	p.proc, p.forking = next, false
	if p.killed {
		return kill(next)
	}
	return nil
}

// Kill ends the sandbox at once, with every process in it. It is no error
// when it has ended already.
func (p *Process) Kill() error {
	if p.monitored.Load() && p.order(message{kind: cmdKill}) == nil {
		return nil
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.killed = true
	if p.pidfd != nil {
		return sys.SignalPidfd(p.pidfd, syscall.SIGKILL)
	}
	if p.forking {
		// If the launcher died now, nobody would know its child's pid. It only
		// makes calls that do not block, unless it waits for its Program.
		return sys.CloseWrite(p.control)
	}
	return kill(p.proc)
}

func kill(proc *os.Process) error {
	if err := proc.Kill(); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("kill process %d: %w", proc.Pid, err)
	}
	return nil
}

// Signal sends a signal to the main process, through process 1. Signal 0 only
// tells whether process 1 is there.
func (p *Process) Signal(sig syscall.Signal) error {
	if sig == 0 {
		return p.signal(0, initPID)
	}
	return p.signal(sig, 0)
}

// initPID is process 1's number inside, which is no process's that it has made:
// nothing obeys an order for it.
const initPID = 1

// signal sends a signal to a process inside that process 1 has made; 0 is the
// main process.
func (p *Process) signal(sig syscall.Signal, pid int) error {
	if err := p.order(message{kind: cmdSignal, arg: uint32(sig), value: uint64(pid)}); err != nil {
		return fmt.Errorf("signal sandbox: %w", err)
	}
	return nil
}

// order tells process 1 to do something. The error is [os.ErrProcessDone] when it
// is gone.
func (p *Process) order(m message) error {
	p.sending.Lock()
	defer p.sending.Unlock()
	err := writeMessage(p.control, m)
	if errors.Is(err, syscall.EPIPE) || errors.Is(err, os.ErrClosed) {
		return os.ErrProcessDone
	}
	return err
}

// Wait returns when every process of the sandbox is gone.
func (p *Process) Wait() (Status, error) {
	s, err := p.listen()
	p.forsake()
	if errors.Is(err, ErrLetGo) {
		return s, p.leaveAlive()
	}
	return s, errors.Join(err, p.reap())
}

// listen follows what process 1 tells until the main process has ended.
func (p *Process) listen() (Status, error) {
	if p.early.Known {
		return p.early, nil
	}
	for {
		if p.yield() {
			return Status{}, ErrLetGo
		}
		m, err := p.receive(1) // a socket
		if errors.Is(err, os.ErrDeadlineExceeded) {
			continue
		}
		if err != nil {
			return Status{}, nil //nolint:nilerr // it was killed, and the end of the stream says only that
		}
		if m.kind == msgExited {
			return p.readStatus(m)
		}
		if err := p.heard(m); err != nil {
			_ = p.Kill()
			return Status{}, err
		}
	}
}

// readStatus takes the message that a process has ended.
func (p *Process) readStatus(m message) (Status, error) {
	usage, err := readRusage(p.control)
	if errors.Is(err, os.ErrDeadlineExceeded) { // it is there all the same
		_ = p.control.SetReadDeadline(time.Time{})
		usage, err = readRusage(p.control)
	}
	if err != nil {
		err = fmt.Errorf("read usage: %w", err)
	}
	return Status{Known: true, Wait: syscall.WaitStatus(m.arg), Usage: usage}, err
}

// Release tells that all work for this process is done, so that launchers may
// be parked for the next.
func (p *Process) Release() {
	if p.ended != nil {
		p.ended()
	}
}

// abort ends the set-up.
func (p *Process) abort() { _ = p.Kill() }

// drain reads on until the last process has let go of the socket, so that one
// which the launcher forks meanwhile is not lost, and reaps.
func (p *Process) drain() error {
	for {
		m, err := readMessage(p.control)
		if err != nil {
			break
		}
		if m.kind == msgForked && p.follow(int(m.value)) != nil {
			break
		}
	}
	return p.reap()
}

// reap waits for the processes and closes the socket. Process 1 can only be
// waited for when all others of its PID namespace are gone.
func (p *Process) reap() error {
	errs := []error{p.reapEarlier()}
	p.mu.Lock()
	proc := p.proc
	p.mu.Unlock()
	if p.pidfd != nil {
		errs = append(errs, sys.AwaitExit(p.pidfd))
	} else {
		errs = append(errs, waitFor(proc))
	}
	errs = append(errs, closeAll(p.pidfd, p.TakeFiles()))
	if err := p.control.Close(); err != nil {
		errs = append(errs, fmt.Errorf("close control socket: %w", err))
	}
	return errors.Join(errs...)
}

// reapEarlier waits for the launchers that have done their work, so that no
// zombie and no descriptor of them stays as long as the sandbox.
func (p *Process) reapEarlier() error {
	p.mu.Lock()
	procs := p.earlier
	p.earlier = nil
	p.mu.Unlock()
	var errs []error
	for _, proc := range procs {
		errs = append(errs, waitFor(proc))
	}
	return errors.Join(errs...)
}

func waitFor(proc *os.Process) error {
	// Somebody else in the host program may wait for all children.
	if _, err := proc.Wait(); err != nil && !errors.Is(err, syscall.ECHILD) && !errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("wait for process %d: %w", proc.Pid, err)
	}
	return nil
}
