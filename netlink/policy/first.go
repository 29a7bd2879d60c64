package policy

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"sync"
	"time"
)

// serverError is that the server failed before anything was decided.
type serverError struct{ err error }

func (e *serverError) Error() string { return fmt.Sprintf("read from server: %v", e.err) }

func (e *serverError) Unwrap() error { return e.err }

// errServerFirst ends the wait for a client that says nothing.
var errServerFirst = errors.New("the server speaks first")

// sniffBoth waits for whichever side speaks first: a server does not in TLS and HTTP.
func (s *session) sniffBoth(deadline time.Time) (Sniffed, error) {
	client := &firstReader{Conn: s.client, s: s, deadline: deadline}
	s.setReadDeadline(s.client, deadline)
	var reading sync.WaitGroup
	var failed error
	reading.Go(func() {
		buf := make([]byte, firstRead)
		n, err := s.server.Read(buf)
		s.early, failed = buf[:n], err
		client.interrupt()
	})
	sniffed, head, err := Sniff(client)
	s.head = head
	_ = s.server.SetReadDeadline(past) // or it has ended
	reading.Wait()
	s.setReadDeadline(s.server, time.Time{})
	if failed != nil && !errors.Is(failed, io.EOF) && !errors.Is(failed, os.ErrDeadlineExceeded) {
		return Sniffed{}, &serverError{failed}
	}
	if errors.Is(err, errServerFirst) {
		return Sniffed{App: Opaque}, nil
	}
	return sniffed, err
}

// firstReader reads what the client says, until the server speaks before it. Once
// the client has said something it may end it.
type firstReader struct {
	net.Conn
	s        *session
	deadline time.Time
	said     bool

	mu          sync.Mutex
	interrupted bool
}

// interrupt is called at most once.
func (r *firstReader) interrupt() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.interrupted = true
	r.s.setReadDeadline(r.Conn, past)
}

func (r *firstReader) Read(p []byte) (int, error) {
	for {
		n, err := r.Conn.Read(p)
		r.said = r.said || n > 0
		if n > 0 || !errors.Is(err, os.ErrDeadlineExceeded) || !r.resume() {
			return n, err
		}
		if !r.said {
			return 0, errServerFirst
		}
	}
}

// resume restores the deadline once, when it was the interruption that has ended a
// read.
func (r *firstReader) resume() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if over, _ := r.s.ended(); over || !r.interrupted {
		return false
	}
	r.interrupted = false
	r.s.setReadDeadline(r.Conn, r.deadline)
	return true
}
