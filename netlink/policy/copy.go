package policy

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// samples is how often, in the time after which it is idle, a connection is looked
// at.
const samples = 4

// copy carries both ways to their ends.
func (s *session) copy() error {
	idle := orDefault(s.h.IdleTimeout, DefaultIdleTimeout)
	s.setReadDeadline(s.client, time.Time{})
	if idle > 0 {
		s.mu.Lock()
		s.moved = time.Now()
		s.idle = time.AfterFunc(idle, func() { s.watch(idle) })
		s.mu.Unlock()
	}
	var both sync.WaitGroup
	both.Go(func() { s.pass(s.client, s.server, s.early, &s.received, idle/samples) })
	s.pass(s.server, s.client, s.head, &s.sent, idle/samples)
	both.Wait()
	_, cause := s.ended()
	s.end(nil)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.idle != nil {
		s.idle.Stop() // watch, if it runs, sees that it is over
	}
	return cause
}

// watch ends a connection that is idle.
func (s *session) watch(idle time.Duration) {
	s.mu.Lock()
	rest := idle - time.Since(s.moved)
	if !s.over && rest > 0 {
		s.idle.Reset(rest)
	}
	s.mu.Unlock()
	if rest <= 0 {
		s.end(ErrIdle)
	}
}

// pass copies one way, first what was read already, and passes on the end. Between
// two connections of TCP the kernel copies (splice(2)); reading is interrupted every
// now and then, to see whether something has moved. An error ends both ways.
func (s *session) pass(to, from net.Conn, first []byte, count *atomic.Int64, every time.Duration) {
	if len(first) > 0 {
		n, err := to.Write(first)
		s.progress(count, int64(n))
		if err != nil {
			s.fail(err)
			return
		}
	}
	for {
		if every > 0 {
			s.setReadDeadline(from, time.Now().Add(every))
		}
		n, err := io.Copy(to, from)
		s.progress(count, n)
		if err == nil {
			break
		}
		if over, _ := s.ended(); over || !errors.Is(err, os.ErrDeadlineExceeded) {
			s.fail(err)
			return
		}
	}
	half, ok := to.(interface{ CloseWrite() error })
	if !ok {
		s.end(nil)
		return
	}
	if err := half.CloseWrite(); err != nil {
		s.fail(err)
	}
}

// fail ends both ways. That a side does not listen any more, which has said all that
// it wanted to, ends only what it would have heard.
func (s *session) fail(err error) {
	if !errors.Is(err, syscall.EPIPE) && !errors.Is(err, syscall.ENOTCONN) {
		s.end(fmt.Errorf("copy: %w", err))
	}
}

func (s *session) progress(count *atomic.Int64, n int64) {
	if n == 0 {
		return
	}
	count.Add(n)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.moved = time.Now()
}
