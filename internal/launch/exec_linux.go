package launch

import (
	"context"
	"errors"
	"fmt"
	"os"
	"syscall"

	"github.com/sandkit/sandkit/internal/program"
	"github.com/sandkit/sandkit/internal/sys"
)

// A Child is a further process of a sandbox, which process 1 has made.
type Child struct {
	of    *Process
	pid   int // inside
	ended chan struct{}
	s     Status // once ended is closed
	last  bool   // likewise
}

// children are the further processes of a sandbox.
type children struct {
	turn  chan struct{} // holds a token while one is being made
	asked *making       // the one that is; nil for none
	alive map[int]*Child
	gone  bool // no more can be made

	clearing []chan<- error  // who waits in Clear; each takes one without a reader
	sockets  []chan<- socket // who waits in Socket; likewise
}

// making is a Child on its way.
type making struct {
	prog   *program.Program
	out    outbox
	files  []*os.File
	answer chan answer // takes one without a reader
}

type answer struct {
	child *Child
	err   error
}

// Exec executes the Program's Main sequence in another process of the sandbox
// and returns when that has executed. Process 1 makes it, so that it is in the
// same namespaces and in the same cgroup, and shares process 1's memory until
// then, into which nobody in the sandbox can look. The files are those announced
// with PassMain; they stay the caller's. When ctx ends before, the process is
// killed as soon as it is there. The error is [os.ErrProcessDone] when the
// sandbox has ended.
func (p *Process) Exec(ctx context.Context, prog *program.Program, files []*os.File) (*Child, error) {
	m, err := newMaking(prog, files)
	if err != nil {
		return nil, err
	}
	select {
	case p.children.turn <- struct{}{}:
	case <-ctx.Done():
		return nil, errors.Join(ctx.Err(), m.close())
	}
	go p.make(m)
	select {
	case a := <-m.answer:
		return a.child, a.err
	case <-ctx.Done():
		go func() {
			if a := <-m.answer; a.child != nil {
				_ = a.child.Signal(syscall.SIGKILL) // it has ended, or it ends
			}
		}()
		return nil, ctx.Err()
	}
}

// newMaking encodes the Program, and takes duplicates of the files: they are sent
// when it is their turn, which the caller may not wait for.
func newMaking(prog *program.Program, files []*os.File) (*making, error) {
	if _, _, main := prog.Passed(); len(main) != len(files) || prog.Init.Len() > 0 {
		return nil, fmt.Errorf("BUG: program expects %d files, got %d", len(main), len(files))
	}
	parts, err := prog.Encode()
	if err != nil {
		return nil, err
	}
	m := &making{prog: prog, answer: make(chan answer, 1)}
	for _, f := range files {
		f.Fd() // a pipe of this program's is to block whoever gets it
		d, err := sys.Duplicate(f)
		if err != nil {
			return nil, errors.Join(fmt.Errorf("duplicate %s: %w", f.Name(), err), m.close())
		}
		m.files = append(m.files, d.File(f.Name()))
	}
	order := message{kind: cmdExec}
	m.out.packets = append(m.out.packets, packet{data: order.append(nil)})
	parts[0].Files = uint64(len(files))
	return m, m.out.addPart(parts[0], nil, m.files)
}

func (m *making) close() error { return closeAll(nil, m.files) }

// make sends the order and leaves the rest to Wait, which hears the answer.
func (p *Process) make(m *making) {
	p.mu.Lock()
	gone := p.children.gone
	if !gone {
		p.children.asked = m
	}
	p.mu.Unlock()
	if gone {
		p.answer(m, answer{err: errors.Join(os.ErrProcessDone, m.close())})
		return
	}
	p.sending.Lock()
	err := m.out.send(p.control, true)
	p.sending.Unlock()
	if err != nil { // the sandbox has ended, or it is ended here
		_ = p.Kill()
	}
	_ = m.close() // duplicates, and the sandbox has its own
}

// answer tells how it went, and lets the next one have its turn.
func (p *Process) answer(m *making, a answer) {
	m.answer <- a
	<-p.children.turn
}

// heard follows what process 1 tells about its children.
func (p *Process) heard(msg message) error {
	p.mu.Lock()
	m, child := p.children.asked, p.children.alive[int(msg.value&^others)]
	p.mu.Unlock()
	switch {
	case msg.kind == msgExecExited && child != nil:
		return p.childEnded(child, msg)
	case msg.kind == msgExecExited: // one that the owner before has made
		_, err := p.readStatus(msg)
		return err
	case msg.kind == msgCleared:
		p.cleared()
	case msg.kind == msgSocket:
		return p.gotSocket(msg)
	case msg.kind == msgExecStarted && m != nil:
		c := &Child{of: p, pid: int(msg.arg), ended: make(chan struct{})}
		p.mu.Lock()
		p.children.asked = nil
		if p.children.alive == nil {
			p.children.alive = make(map[int]*Child)
		}
		p.children.alive[c.pid] = c
		p.mu.Unlock()
		p.answer(m, answer{child: c})
	case msg.kind == msgExecFailed && m != nil:
		p.mu.Lock()
		p.children.asked = nil
		p.mu.Unlock()
		p.answer(m, answer{err: stepError(m.prog, message{kind: msgFailed, arg: msg.arg, value: msg.value})})
	default:
		return fmt.Errorf("BUG: message %d from process 1", msg.kind)
	}
	return nil
}

func (p *Process) childEnded(c *Child, msg message) error {
	s, err := p.readStatus(msg)
	p.mu.Lock()
	delete(p.children.alive, c.pid)
	p.mu.Unlock()
	c.s, c.last = s, msg.value&others == 0
	close(c.ended)
	return err
}

// forsake tells everybody who waits for a child that process 1 is gone, and all
// other processes with it.
func (p *Process) forsake() {
	p.mu.Lock()
	c := &p.children // turn is others' at any moment
	m, alive, clearing, sockets := c.asked, c.alive, c.clearing, c.sockets
	c.asked, c.alive, c.clearing, c.sockets, c.gone = nil, nil, nil, nil, true
	if p.handing != nil && !p.handing.leave {
		close(p.handing.over)
	}
	p.mu.Unlock()
	for _, answer := range clearing {
		answer <- os.ErrProcessDone
	}
	for _, answer := range sockets {
		answer <- socket{err: os.ErrProcessDone}
	}
	for _, child := range alive {
		close(child.ended)
	}
	if m != nil {
		p.answer(m, answer{err: os.ErrProcessDone})
	}
}

// Ended is closed when the process has ended, or the whole sandbox.
func (c *Child) Ended() <-chan struct{} { return c.ended }

// Status is how it ended, once it has. It is not known when the sandbox ended
// first, and the process with it.
func (c *Child) Status() Status { return c.s }

// Last tells, once it has ended, that no process was left then but process 1,
// which makes none unless it is told to. A main process is one that is left.
func (c *Child) Last() bool { return c.last }

// Signal sends it a signal.
func (c *Child) Signal(sig syscall.Signal) error {
	select {
	case <-c.ended:
		return os.ErrProcessDone
	default:
		return c.of.signal(sig, c.pid)
	}
}

// InnerPID is its number inside.
func (c *Child) InnerPID() int { return c.pid }

// PID is its number outside.
func (c *Child) PID() (int, error) {
	return sys.ChildPID(c.of.PID(), c.pid)
}
