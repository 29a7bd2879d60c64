package policy

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"sync/atomic"
	"time"
)

// Defaults of a [Handler].
const (
	DefaultPeekTimeout = 10 * time.Second
	DefaultDialTimeout = 10 * time.Second
	DefaultIdleTimeout = 15 * time.Minute
	DefaultMaxConns    = 1024
)

// Dial connects to an address, as [net.Dialer.DialContext] does. A [Handler] gives it
// an IP address and a port, never a name.
type Dial func(ctx context.Context, network, addr string) (net.Conn, error)

// Handler carries the connections of one sandbox, as far as they are allowed. Only
// the Decider is needed. Its fields must not change once Serve was called.
type Handler struct {
	Decider *Decider
	// Audit gets the events; nil: nobody does. It is called by the goroutine of the
	// connection, before the first byte is copied and after the last: one that takes
	// long delays this connection, and no copying. It is called concurrently.
	Audit func(Event)
	// PeekTimeout is how long a connection may take to tell its name, and
	// DialTimeout how long the other side to answer; 0: [DefaultPeekTimeout] and
	// [DefaultDialTimeout].
	PeekTimeout, DialTimeout time.Duration
	// IdleTimeout ends a connection on which nothing moves in either direction; 0:
	// [DefaultIdleTimeout], negative: never. The kernel moves up to 1 MiB at a time:
	// who takes longer than this for as much may count as idle.
	IdleTimeout time.Duration
	// MaxDuration ends every connection; 0: never.
	MaxDuration time.Duration
	// MaxConns is how many connections there may be at a time; 0:
	// [DefaultMaxConns]. Others are reset.
	MaxConns int

	active atomic.Int64
}

// Serve decides about a TCP connection that a sandbox wants to have with dst, and
// carries it to its end. It closes conn: with a reset, if it is one of TCP, when it
// is denied, when nobody answers and when either side was reset. It returns nil when
// both sides have ended as they should, the cause of the context when this ends, and
// else what kept it; a [*DeniedError] if that were the rules.
//
// The caller must not hand over connections to the address at which it listens for
// connections itself.
func (h *Handler) Serve(ctx context.Context, conn net.Conn, dst netip.AddrPort, dial Dial) error {
	s := newSession(h, conn, dst)
	defer h.active.Add(-1)
	if h.active.Add(1) > int64(orDefault(h.MaxConns, DefaultMaxConns)) {
		s.decision = Decision{Reason: ErrBusy.Error()}
		s.reset()
		s.tell(Denied, ErrBusy)
		return fmt.Errorf("serve %s: %w", dst, ErrBusy)
	}
	if h.MaxDuration > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeoutCause(ctx, h.MaxDuration, ErrOverdue)
		defer cancel()
	}
	stop := context.AfterFunc(ctx, func() { s.end(context.Cause(ctx)) })
	defer stop()
	err := s.open(ctx, dial)
	if err == nil {
		s.tell(Opened, nil)
		err = s.copy()
		s.finish(err)
		s.tell(Closed, err)
	} else {
		s.reset()
		if errors.Is(err, ErrDenied) {
			s.tell(Denied, nil)
			return err
		}
		s.tell(Failed, err)
	}
	if err != nil {
		return fmt.Errorf("serve %s: %w", dst, err)
	}
	return nil
}

func orDefault[T int | time.Duration](value, otherwise T) T {
	if value == 0 {
		return otherwise
	}
	return value
}
