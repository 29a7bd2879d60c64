package policy

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"io"
	"net"
	"net/netip"
	"sync"
	"syscall"
	"testing"
	"time"
)

// TestCopy: all bytes pass both ways, and so does the end of each direction.
func TestCopy(t *testing.T) {
	w := newWorld(t, "", "allow 192.0.2.1", tcpServer(t, echo))
	var clients sync.WaitGroup
	for range 8 {
		clients.Go(func() {
			c, result := w.connect(t.Context(), goodAddr+":7")
			sent := make([]byte, 3<<20+17)
			_, _ = rand.Read(sent)
			clients.Go(func() {
				_, _ = c.Write(sent)
				_ = c.CloseWrite()
			})
			if got, err := io.ReadAll(c); err != nil || !bytes.Equal(got, sent) {
				t.Errorf("%d bytes of %d, %v", len(got), len(sent), err)
			}
			if err := <-result; err != nil {
				t.Error(err)
			}
		})
	}
	clients.Wait()
	w.serve.Wait()
	for _, e := range w.events {
		if want := int64(3<<20 + 17); e.Kind == Closed && (e.Sent != want || e.Received != want || e.Err != "") {
			t.Errorf("%+v", e)
		}
	}
}

// TestSamples: reading that is interrupted all the time loses nothing.
func TestSamples(t *testing.T) {
	w := newWorld(t, "", "allow 192.0.2.1", tcpServer(t, echo))
	w.Audit = nil
	client, inner := tcpPair(t)
	defer client.Close()
	conn, err := w.dial(t.Context(), "tcp", "")
	if err != nil {
		t.Fatal(err)
	}
	s := newSession(&w.Handler, inner, netip.MustParseAddrPort(goodAddr+":7"))
	s.server = conn
	var both sync.WaitGroup
	both.Go(func() { s.pass(s.client, s.server, nil, &s.received, time.Microsecond) })
	both.Go(func() { s.pass(s.server, s.client, nil, &s.sent, time.Microsecond) })
	sent := make([]byte, 4<<20)
	_, _ = rand.Read(sent)
	both.Go(func() {
		_, _ = client.Write(sent)
		_ = client.CloseWrite()
	})
	got, err := io.ReadAll(client)
	both.Wait()
	s.finish(nil)
	if err != nil || !bytes.Equal(got, sent) || s.sent.Load() != 4<<20 || s.received.Load() != 4<<20 {
		t.Errorf("%d bytes, %v, %d and %d are counted", len(got), err, s.sent.Load(), s.received.Load())
	}
}

// TestSlowLoris: who never ends its beginning is reset, at ports with names and at
// others.
func TestSlowLoris(t *testing.T) {
	server := tcpServer(t, func(c *net.TCPConn) { _, _ = io.Copy(io.Discard, c) })
	for _, port := range []string{":443", ":80", ":8443"} {
		for _, begin := range []string{"", "GET / HTTP/1.1\r\nHost: good.t", "\x16\x03\x01\x02\x00\x01"} {
			w := newWorld(t, "", "allow good.test", server)
			w.PeekTimeout = time.Millisecond
			pin(t, w.Decider, "good.test", goodAddr)
			c, result := w.connect(t.Context(), goodAddr+port)
			_, _ = io.WriteString(c, begin) // it may be reset already
			wasReset(t, c)
			if err := <-result; !errors.Is(err, ErrDenied) || w.kinds() != "denied" || w.events[0].Reason != "it told no name in time" {
				t.Errorf("%s %q: %v, %+v", port, begin, err, w.events)
			}
		}
	}
}

// TestEarlyEnd: a client that says nothing and ends is denied, not waited for.
func TestEarlyEnd(t *testing.T) {
	w := newWorld(t, "", "allow good.test", "")
	pin(t, w.Decider, "good.test", goodAddr)
	c, result := w.connect(t.Context(), goodAddr+":443")
	_ = c.CloseWrite()
	if err := <-result; !errors.Is(err, ErrDenied) || !errors.Is(err, io.ErrUnexpectedEOF) || w.events[0].Reason != "it ended before it said anything" {
		t.Error(err)
	}
}

// TestIdle: nothing moves, and it ends.
func TestIdle(t *testing.T) {
	w := newWorld(t, "", "allow 192.0.2.1", tcpServer(t, echo))
	w.IdleTimeout = 10 * time.Millisecond
	c, result := w.connect(t.Context(), goodAddr+":7")
	wasReset(t, c)
	if err := <-result; !errors.Is(err, ErrIdle) || w.kinds() != "opened closed" || w.events[1].Err != ErrIdle.Error() {
		t.Errorf("%v, %+v", err, w.events)
	}
}

// TestOverdue: it ends, whatever moves.
func TestOverdue(t *testing.T) {
	flood := func(c *net.TCPConn) {
		for b := make([]byte, 1<<10); ; {
			if _, err := c.Write(b); err != nil {
				return
			}
		}
	}
	w := newWorld(t, "", "allow 192.0.2.1", tcpServer(t, flood))
	w.MaxDuration, w.IdleTimeout = 20*time.Millisecond, -1
	c, result := w.connect(t.Context(), goodAddr+":7")
	if _, err := io.Copy(io.Discard, c); !isReset(err) {
		t.Error(err)
	}
	if err := <-result; !errors.Is(err, ErrOverdue) {
		t.Error(err)
	}
}

// TestCancel: the end of the context is that of every connection, at each stage.
func TestCancel(t *testing.T) {
	cause := errors.New("the sandbox has ended")
	server := tcpServer(t, echo)
	for _, c := range []struct{ rules, dst string }{
		{"allow 192.0.2.1", goodAddr + ":7"},     // copies
		{"allow good.test", goodAddr + ":443"},   // waits for the name
		{"allow good.test", goodAddr + ":8443"},  // waits for either side
		{"allow 192.0.2.1", goodAddr + ":65535"}, // dials
	} {
		w := newWorld(t, "", c.rules, server)
		if w.Decider.AllowsName("good.test") {
			pin(t, w.Decider, "good.test", goodAddr)
		}
		ctx, cancel := context.WithCancelCause(t.Context())
		client, inner := tcpPair(t)
		defer client.Close()
		watched := &deadlineWatch{TCPConn: inner, set: make(chan struct{}, 100)}
		result := make(chan error, 1)
		w.serve.Go(func() {
			result <- w.Serve(ctx, watched, netip.MustParseAddrPort(c.dst), func(ctx context.Context, network, addr string) (net.Conn, error) {
				if addr == goodAddr+":65535" {
					watched.set <- struct{}{}
					<-ctx.Done()
					return nil, ctx.Err()
				}
				return w.dial(ctx, network, addr)
			})
		})
		<-watched.set
		cancel(cause)
		wasReset(t, client)
		if err := <-result; !errors.Is(err, cause) {
			t.Errorf("%+v: %v", c, err)
		}
	}
}

// deadlineWatch tells that reading is about to begin.
type deadlineWatch struct {
	*net.TCPConn
	set chan struct{}
}

func (c *deadlineWatch) SetReadDeadline(t time.Time) error {
	err := c.TCPConn.SetReadDeadline(t)
	select {
	case c.set <- struct{}{}:
	default:
	}
	return err
}

// TestDialFails: the client sees a reset, as if nobody listened.
func TestDialFails(t *testing.T) {
	for rules, port := range map[string]string{"allow 192.0.2.1": ":7", "allow good.test": ":22"} {
		w := newWorld(t, "", rules, "127.0.0.1:1")
		if w.Decider.AllowsName("good.test") {
			pin(t, w.Decider, "good.test", goodAddr)
		}
		c, result := w.connect(t.Context(), goodAddr+port)
		wasReset(t, c)
		if err := <-result; !errors.Is(err, syscall.ECONNREFUSED) || w.kinds() != "failed" || w.events[0].Err == "" {
			t.Errorf("%v, %+v", err, w.events)
		}
	}
}

// TestResetPasses: a reset of the server is one for the client, in the copying and
// before.
func TestResetPasses(t *testing.T) {
	server := tcpServer(t, func(c *net.TCPConn) { _ = c.SetLinger(0) })
	for rules, port := range map[string]string{"allow 192.0.2.1": ":7", "allow good.test": ":22"} {
		w := newWorld(t, "", rules, server)
		if w.Decider.AllowsName("good.test") {
			pin(t, w.Decider, "good.test", goodAddr)
		}
		c, result := w.connect(t.Context(), goodAddr+port)
		wasReset(t, c)
		if err := <-result; !errors.Is(err, syscall.ECONNRESET) {
			t.Error(err)
		}
	}
}

// TestMaxConns: one more than there may be is reset, and there is room again.
func TestMaxConns(t *testing.T) {
	w := newWorld(t, "", "allow 192.0.2.1", tcpServer(t, echo))
	w.MaxConns = 1
	first, result := w.connect(t.Context(), goodAddr+":7")
	buf := make([]byte, 1)
	for range 2 {
		_, _ = first.Write(buf)
		if _, err := io.ReadFull(first, buf); err != nil { // it is served
			t.Fatal(err)
		}
		second, busy := w.connect(t.Context(), goodAddr+":7")
		wasReset(t, second)
		if err := <-busy; !errors.Is(err, ErrBusy) {
			t.Error(err)
		}
		_ = first.CloseWrite()
		if err := <-result; err != nil {
			t.Error(err)
		}
		first, result = w.connect(t.Context(), goodAddr+":7")
	}
	_ = first.CloseWrite()
	if err := <-result; err != nil {
		t.Error(err)
	}
}

// TestPipe: any connection will do, also one without halves.
func TestPipe(t *testing.T) {
	client, inner := net.Pipe()
	w := newWorld(t, "", "allow good.test", tcpServer(t, echo))
	pin(t, w.Decider, "good.test", goodAddr)
	result := make(chan error, 1)
	w.serve.Go(func() {
		result <- w.Serve(t.Context(), inner, netip.MustParseAddrPort("[::ffff:192.0.2.1]:80"), w.dial)
	})
	const in = "GET / HTTP/1.1\r\nHost: good.test\r\n\r\n"
	if _, err := io.WriteString(client, in); err != nil {
		t.Fatal(err)
	}
	got := make([]byte, len(in))
	if _, err := io.ReadFull(client, got); string(got) != in || err != nil {
		t.Errorf("%q, %v", got, err)
	}
	_ = client.Close()
	if err := <-result; err != nil || w.dialed[0] != "tcp/192.0.2.1:80" {
		t.Errorf("%v, %v", err, w.dialed)
	}
}
