package dns

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"time"
)

// Server answers questions about names. Make it with [New], and close it.
type Server struct {
	config  Config
	waiting chan struct{} // one for each question that is with an upstream
	working chan struct{} // one for each that is at work at all
	streams chan struct{} // one for each TCP connection
	buffers sync.Pool     // *[]byte, for packets

	closing  chan struct{}
	mu       sync.Mutex
	closed   bool
	services sync.WaitGroup // calls of Serve
}

// New makes a server, which does nothing until [Server.Serve]. The error is a
// [*ConfigError], perhaps with a [*NameError].
func New(config Config) (*Server, error) {
	config, err := config.complete()
	if err != nil {
		return nil, err
	}
	return &Server{
		config:  config,
		waiting: make(chan struct{}, config.MaxConcurrent),
		working: make(chan struct{}, config.MaxConcurrent+local),
		streams: make(chan struct{}, local),
		closing: make(chan struct{}),
	}, nil
}

// Close ends all calls of Serve, and returns when nothing of them is left. It may be
// called more than once.
func (s *Server) Close() error {
	s.mu.Lock()
	if !s.closed {
		s.closed = true
		close(s.closing)
	}
	s.mu.Unlock()
	s.services.Wait()
	return nil
}

// enter counts a call of Serve, unless the server is closed.
func (s *Server) enter() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.closed {
		s.services.Add(1)
	}
	return !s.closed
}

// Serve answers at a socket for packets and at a listener, one of which may be nil,
// until the context ends or the server is closed; that is no error. It also ends when
// a socket fails again and again. Then, and whatever happened, the two are closed, and
// nothing of it is left. Several calls with other sockets may run at a time, for which
// the limits hold together. After [Server.Close] the error matches [net.ErrClosed].
func (s *Server) Serve(ctx context.Context, packets net.PacketConn, streams net.Listener) error {
	if !s.enter() {
		return errors.Join(fmt.Errorf("serve names: %w", net.ErrClosed), closeBoth(packets, streams))
	}
	defer s.services.Done()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var work sync.WaitGroup
	var errs [2]error
	if packets != nil {
		work.Go(func() { defer cancel(); errs[0] = s.servePackets(ctx, packets, &work) })
	}
	if streams != nil {
		work.Go(func() { defer cancel(); errs[1] = s.serveStreams(ctx, streams, &work) })
	}
	if packets != nil || streams != nil {
		select {
		case <-ctx.Done():
		case <-s.closing:
		}
	}
	cancel()
	err := closeBoth(packets, streams)
	work.Wait() // nobody uses the sockets any more
	return errors.Join(append(errs[:], err)...)
}

func closeBoth(packets net.PacketConn, streams net.Listener) error {
	var errs []error
	for _, c := range []io.Closer{packets, streams} {
		if c == nil {
			continue
		}
		if err := c.Close(); err != nil && !errors.Is(err, net.ErrClosed) {
			errs = append(errs, fmt.Errorf("close socket: %w", err))
		}
	}
	return errors.Join(errs...)
}

// buffer is one for a packet and a byte more, by which those that are too long are
// known.
func (s *Server) buffer() *[]byte {
	if b, ok := s.buffers.Get().(*[]byte); ok {
		return b
	}
	b := make([]byte, maxPacket+1)
	return &b
}

// servePackets reads packets. It never waits for anything else: what comes while too
// much is at work is dropped.
func (s *Server) servePackets(ctx context.Context, conn net.PacketConn, work *sync.WaitGroup) error {
	buf := *s.buffer()
	var trouble failures
	for {
		n, from, err := conn.ReadFrom(buf)
		if err != nil {
			if err = trouble.wait(ctx, err); err != nil || ctx.Err() != nil {
				return err
			}
			continue
		}
		trouble = 0
		select {
		case s.working <- struct{}{}:
		default:
			continue
		}
		raw := append([]byte(nil), buf[:n]...)
		work.Go(func() {
			defer func() { <-s.working }()
			if msg := s.answer(ctx, raw, false); msg != nil {
				if _, err := conn.WriteTo(msg, from); err != nil {
					s.config.Logger.Debug("send answer", "error", err)
				}
			}
		})
	}
}

// failures counts those of a socket in a row.
type failures int

// maxFailures are a second of them.
const maxFailures = 100

// wait is what to do about a failure: the result is nil if it may pass, as when there
// are no descriptors left, or if all is over.
func (f *failures) wait(ctx context.Context, err error) error {
	select {
	case <-ctx.Done():
		return nil
	default:
	}
	if *f++; *f > maxFailures || errors.Is(err, net.ErrClosed) {
		return fmt.Errorf("receive questions: %w", err)
	}
	select {
	case <-time.After(10 * time.Millisecond):
	case <-ctx.Done():
	}
	return nil
}
