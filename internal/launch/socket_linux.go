package launch

import (
	"context"
	"errors"
	"fmt"
	"os"
	"syscall"
)

// socket is an answer to Socket.
type socket struct {
	file *os.File
	err  error
}

// Socket has process 1 make a socket, which is therefore in the sandbox's
// network, as socket(2) does; non-blocking and closed on exec are added. The
// caller closes it. The error is [os.ErrProcessDone] when the sandbox has ended,
// and otherwise has the errno.
func (p *Process) Socket(ctx context.Context, family, kind, protocol int) (*os.File, error) {
	answer := make(chan socket, 1)
	p.mu.Lock()
	gone := p.children.gone
	p.mu.Unlock()
	if gone {
		return nil, os.ErrProcessDone
	}
	if err := p.askSocket(answer, family, kind, protocol); err != nil {
		return nil, err
	}
	select {
	case s := <-answer:
		return s.file, s.err
	case <-ctx.Done():
		go func() {
			if s := <-answer; s.file != nil {
				_ = s.file.Close() // nobody wants it
			}
		}()
		return nil, ctx.Err()
	}
}

// askSocket queues up and sends the order: answers come in the order of orders.
func (p *Process) askSocket(answer chan<- socket, family, kind, protocol int) error {
	p.sending.Lock()
	defer p.sending.Unlock()
	if p.Monitored() {
		return ErrMonitored
	}
	p.mu.Lock()
	p.children.sockets = append(p.children.sockets, answer)
	p.mu.Unlock()
	m := message{kind: cmdSocket, arg: uint32(family), value: uint64(uint32(kind|syscall.SOCK_NONBLOCK)) | uint64(uint32(protocol))<<32}
	err := writeMessage(p.control, m)
	if err == nil {
		return nil
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if n := len(p.children.sockets); n > 0 { // else it was answered that the sandbox has ended
		p.children.sockets = p.children.sockets[:n-1]
	}
	if errors.Is(err, syscall.EPIPE) || errors.Is(err, os.ErrClosed) {
		return os.ErrProcessDone
	}
	return fmt.Errorf("ask for socket: %w", err)
}

// gotSocket gives the first who waits what process 1 has made.
func (p *Process) gotSocket(msg message) error {
	s := socket{}
	if msg.arg != 0 {
		s.err = os.NewSyscallError("socket", syscall.Errno(msg.arg))
	}
	files := p.TakeFiles()
	if len(files) == 1 {
		s.file = files[0]
	}
	p.mu.Lock()
	waiting := p.children.sockets
	if len(waiting) > 0 {
		p.children.sockets = waiting[1:]
	}
	p.mu.Unlock()
	if len(waiting) == 0 || len(files) > 1 || (s.file == nil) == (s.err == nil) {
		return errors.Join(fmt.Errorf("BUG: %d sockets from process 1", len(files)), closeAll(nil, files))
	}
	waiting[0] <- s
	return nil
}
