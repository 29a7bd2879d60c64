package policy

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"sync"
	"sync/atomic"
	"time"
)

// session is one connection. It owns both sides.
type session struct {
	h        *Handler
	began    time.Time
	request  Request
	decision Decision
	client   net.Conn
	server   net.Conn // nil before it is dialled
	head     []byte   // what was read of the client's
	early    []byte   // what was read of the server's
	sent     atomic.Int64
	received atomic.Int64

	mu    sync.Mutex
	over  bool // both sides are to end
	cause error
	moved time.Time   // when something was last copied
	idle  *time.Timer // nil when there is none
}

func newSession(h *Handler, conn net.Conn, dst netip.AddrPort) *session {
	if dst.IsValid() {
		dst = netip.AddrPortFrom(normalAddr(dst.Addr()), dst.Port())
	}
	return &session{h: h, began: time.Now(), client: conn, request: Request{Network: "tcp", Dst: dst}}
}

// open decides, and dials if it is allowed.
func (s *session) open(ctx context.Context, dial Dial) error {
	s.decision = s.h.Decider.Decide(s.request)
	if s.decision.Peek {
		if err := s.peek(ctx, dial); err != nil {
			return err
		}
	}
	if !s.decision.Allowed {
		return s.denied(nil)
	}
	if s.server != nil {
		return nil
	}
	return s.dial(ctx, dial)
}

// peek learns the name and decides again. Where only clients speak first, nobody is
// dialled before.
func (s *session) peek(ctx context.Context, dial Dial) error {
	deadline := time.Now().Add(orDefault(s.h.PeekTimeout, DefaultPeekTimeout))
	var sniffed Sniffed
	var err error
	if port := s.request.Dst.Port(); port == 80 || port == 443 {
		s.setReadDeadline(s.client, deadline)
		sniffed, s.head, err = Sniff(s.client)
	} else {
		if err := s.dial(ctx, dial); err != nil {
			return err
		}
		sniffed, err = s.sniffBoth(deadline)
	}
	if over, cause := s.ended(); over {
		return cause
	}
	if _, ok := errors.AsType[*serverError](err); ok {
		return err
	}
	if err != nil {
		s.decision = Decision{Name: s.decision.Name, Reason: peekReason(err, len(s.head) == 0)}
		return s.denied(err)
	}
	s.request.App, s.request.Name, s.request.ECH = sniffed.App, sniffed.Name, sniffed.ECH
	s.decision = s.h.Decider.Decide(s.request)
	return nil
}

func peekReason(err error, silent bool) string {
	switch {
	case errors.Is(err, os.ErrDeadlineExceeded):
		return "it told no name in time"
	case errors.Is(err, io.ErrUnexpectedEOF) && silent:
		return "it ended before it said anything"
	}
	return "its name cannot be read: " + err.Error()
}

func (s *session) denied(cause error) error {
	d := s.decision
	return &DeniedError{s.request.Dst, d.Name, d.Rule, d.Reason, cause}
}

// dial connects to the address that was decided about, and to no other.
func (s *session) dial(ctx context.Context, dial Dial) error {
	bounded, cancel := context.WithTimeout(ctx, orDefault(s.h.DialTimeout, DefaultDialTimeout))
	defer cancel()
	server, err := dial(bounded, "tcp", s.request.Dst.String())
	if cause := context.Cause(ctx); cause != nil {
		if err == nil {
			_ = server.Close() // nothing was said
		}
		return cause
	}
	if err != nil {
		return fmt.Errorf("dial: %w", err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.server = server
	if s.over {
		s.expire()
	}
	return nil
}

// end makes both sides stop. The first cause counts; nil is none.
func (s *session) end(cause error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.over {
		return
	}
	s.over, s.cause = true, cause
	s.expire()
}

// expire interrupts all reading and writing.
func (s *session) expire() {
	_ = s.client.SetDeadline(past) // or it has ended
	if s.server != nil {
		_ = s.server.SetDeadline(past) // likewise
	}
}

var past = time.Unix(1, 0)

// ended tells whether both sides are to end, and why.
func (s *session) ended() (over bool, cause error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.over, s.cause
}

// setReadDeadline sets one, unless all is to end.
func (s *session) setReadDeadline(c net.Conn, t time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.over {
		_ = c.SetReadDeadline(t) // or it has ended
	}
}

// finish closes both sides, so that they see how it has ended.
func (s *session) finish(err error) {
	if err != nil {
		s.reset()
		return
	}
	_ = s.client.Close() // each has been told the end
	_ = s.server.Close()
}

// reset closes both sides so that none takes it for a proper end.
func (s *session) reset() {
	for _, c := range []net.Conn{s.client, s.server} {
		if c == nil {
			continue
		}
		if l, ok := c.(interface{ SetLinger(seconds int) error }); ok {
			_ = l.SetLinger(0) // or it has ended
		}
		_ = c.Close()
	}
}

// tell emits an event.
func (s *session) tell(kind Kind, err error) {
	if s.h.Audit == nil {
		return
	}
	now := time.Now()
	e := Event{
		Time: now, Kind: kind, Network: s.request.Network, Dst: s.request.Dst,
		Name: s.decision.Name, Allowed: kind != Denied, Rule: s.decision.Rule, Reason: s.decision.Reason,
		Sent: s.sent.Load(), Received: s.received.Load(), Duration: now.Sub(s.began),
	}
	if err != nil {
		e.Err = err.Error()
	}
	s.h.Audit(e)
}
