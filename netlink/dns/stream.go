package dns

import (
	"context"
	"net"
	"sync"
	"time"
)

// maxPipelined bounds the questions of one connection that are at work.
const maxPipelined = 32

// serveStreams accepts connections. One too many is closed.
func (s *Server) serveStreams(ctx context.Context, l net.Listener, work *sync.WaitGroup) error {
	var trouble failures
	for {
		conn, err := l.Accept()
		if err != nil {
			if err = trouble.wait(ctx, err); err != nil || ctx.Err() != nil {
				return err
			}
			continue
		}
		trouble = 0
		select {
		case s.streams <- struct{}{}:
		default:
			_ = conn.Close() // nothing was said
			continue
		}
		work.Go(func() {
			defer func() { <-s.streams }()
			s.serveStream(ctx, conn)
		})
	}
}

// serveStream answers the questions of one connection, as they are ready. It reads no
// further one while too many are at work, and ends with a client that is silent for
// long or does not read.
func (s *Server) serveStream(ctx context.Context, conn net.Conn) {
	ctx, cancel := context.WithCancel(ctx)
	stop := context.AfterFunc(ctx, func() { _ = conn.Close() }) // or it has ended
	var work sync.WaitGroup
	defer conn.Close()
	defer cancel()
	defer stop()
	defer work.Wait()
	var writing sync.Mutex
	slots := make(chan struct{}, maxPipelined)
	for {
		if err := conn.SetReadDeadline(time.Now().Add(s.config.Idle)); err != nil {
			return
		}
		raw, err := readMessage(conn, maxPacket)
		if err != nil || !s.acquire(ctx, slots) {
			return
		}
		work.Go(func() {
			defer func() { <-s.working; <-slots }()
			msg := s.answer(ctx, raw, true)
			if msg == nil {
				return
			}
			writing.Lock()
			defer writing.Unlock()
			if ctx.Err() != nil {
				return
			}
			_ = conn.SetWriteDeadline(time.Now().Add(s.config.Timeout)) // or it has ended
			if err := writeMessage(conn, msg); err != nil {
				s.config.Logger.Debug("send answer", "error", err)
				cancel()
			}
		})
	}
}

// acquire waits until a question may be worked at.
func (s *Server) acquire(ctx context.Context, slots chan struct{}) bool {
	select {
	case slots <- struct{}{}:
	case <-ctx.Done():
		return false
	}
	select {
	case s.working <- struct{}{}:
		return true
	case <-ctx.Done():
		return false
	}
}
