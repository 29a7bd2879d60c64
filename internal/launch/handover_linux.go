package launch

import (
	"errors"
	"maps"
	"os"
	"slices"
	"syscall"
	"time"

	"github.com/sandkit/sandkit/internal/sys"
)

// ErrLetGo is what Wait returns after [Process.LetGo].
var ErrLetGo = errors.New("the sandbox was let go")

// What a monitor (package internal/monitor) understands beside what process 1
// does.
const (
	cmdKill = 32
	cmdStop = 33
)

// past is a deadline that is over.
var past = time.Unix(1, 0)

// handing is a pause of Wait between two messages.
type handing struct {
	leave  bool // for ever
	parked chan struct{}
	goOn   chan struct{}
	over   chan struct{} // closed when the sandbox ends first
}

// Attach makes a Process of a sandbox that another process has started. With
// monitored, the connection is one to its monitor; without, it is process 1's
// socket, and the sandbox ends when it is closed. The pidfd is process 1's. The
// files are the Process's.
func Attach(conn, pidfd *os.File, pid, mainPID int, monitored bool) *Process {
	p := &Process{control: conn, pid: pid, pidfd: pidfd, main: mainPID, children: children{turn: make(chan struct{}, 1)}}
	p.monitored.Store(monitored)
	return p
}

// pause asks Wait to pause; nil when the sandbox has ended.
func (p *Process) pause(leave bool) *handing {
	h := &handing{leave: leave, parked: make(chan struct{}), goOn: make(chan struct{}), over: make(chan struct{})}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.children.gone {
		return nil
	}
	p.handing = h
	_ = p.control.SetReadDeadline(past) // it is a socket
	return h
}

// yield is called by Wait between two messages, and gives way to who has asked
// for a pause. It tells whether to end.
func (p *Process) yield() (leave bool) {
	p.mu.Lock()
	h := p.handing
	p.mu.Unlock()
	if h == nil || h.leave {
		return h != nil
	}
	close(h.parked)
	<-h.goOn
	return false
}

// HandOver gives process 1's socket to pass, with the numbers inside of the
// processes that this program has made. It passes the socket on and gives a
// connection through which the sandbox can be reached from then on; this Process
// goes on with that. Wait must have been called. When pass fails nothing is
// changed. The error is [os.ErrProcessDone] when the sandbox has ended.
func (p *Process) HandOver(pass func(control *os.File, children []int) (*os.File, error)) error {
	p.children.turn <- struct{}{} // nothing is being made meanwhile
	defer func() { <-p.children.turn }()
	p.sending.Lock()
	defer p.sending.Unlock()
	h := p.pause(false)
	if h == nil {
		return os.ErrProcessDone
	}
	select {
	case <-h.parked:
	case <-h.over:
		return os.ErrProcessDone
	}
	p.mu.Lock()
	pids := slices.Collect(maps.Keys(p.children.alive))
	p.mu.Unlock()
	next, err := pass(p.control, pids)
	p.mu.Lock()
	defer p.mu.Unlock()
	p.handing = nil
	if err == nil {
		err = p.control.Close()
		p.control = next
		p.monitored.Store(true)
		p.forget()
	} else {
		_ = p.control.SetReadDeadline(time.Time{})
	}
	close(h.goOn)
	return err
}

// ErrMonitored is what a monitor does not do: [Process.Socket], [Process.Clear].
var ErrMonitored = errors.New("a monitor has the sandbox")

// forget tells those who wait for what a monitor does not pass on. p.mu is held.
func (p *Process) forget() {
	c := &p.children
	for _, answer := range c.clearing {
		answer <- ErrMonitored
	}
	for _, answer := range c.sockets {
		answer <- socket{err: ErrMonitored}
	}
	c.clearing, c.sockets = nil, nil
}

// LetGo has Wait return [ErrLetGo], while the sandbox lives on: it is one of a
// monitor.
func (p *Process) LetGo() { p.pause(true) }

// Stop has the monitor send a signal to the main process and, after the grace,
// kill all of the sandbox.
func (p *Process) Stop(sig syscall.Signal, grace time.Duration) error {
	return p.order(message{kind: cmdStop, arg: uint32(sig), value: uint64(grace.Milliseconds())})
}

// Monitored tells whether a monitor has the sandbox.
func (p *Process) Monitored() bool { return p.monitored.Load() }

// leaveAlive closes what the Process has of a sandbox that lives on.
func (p *Process) leaveAlive() error {
	err := errors.Join(p.control.Close(), closeAll(p.pidfd, p.TakeFiles()))
	if p.pidfd == nil { // a child, which somebody has to wait for
		go func() { _ = waitFor(p.proc) }()
	}
	return errors.Join(ErrLetGo, err)
}

// PIDFD gives a pidfd of process 1, which is known not to be another process that
// has got its number. It is called between two messages, see [Process.HandOver].
// The caller closes it.
func (p *Process) PIDFD() (*os.File, error) {
	if p.pidfd != nil {
		fd, err := sys.Duplicate(p.pidfd)
		if err != nil {
			return nil, err
		}
		return fd.File(p.pidfd.Name()), nil
	}
	fd, err := sys.OpenPidfd(p.PID())
	if err != nil {
		return nil, err
	}
	return fd.File("process 1"), nil
}
