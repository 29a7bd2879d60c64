package dns

import (
	"encoding/binary"
	"errors"
	"io"
	"net"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// TestPipelined: the questions of one connection do not wait for each other.
func TestPipelined(t *testing.T) {
	dialUp, begun, release := stuck()
	s := newServer(t, Config{Names: shop(t), Upstreams: nowhere, Dial: dialUp})
	c := dial(t, "tcp", serve(t, s))
	var all []byte
	for i, name := range []string{"slow.example.", "db.", "web."} {
		q := packet(t, name, a, 0)
		binary.BigEndian.PutUint16(q, uint16(i))
		all = append(binary.BigEndian.AppendUint16(all, uint16(len(q))), q...)
	}
	half := len(all) - 7
	for _, part := range [][]byte{all[:1], all[1:half], all[half:]} {
		if _, err := c.Write(part); err != nil {
			t.Fatal(err)
		}
	}
	<-begun
	got := make(map[uint16]string)
	for i := range 3 {
		if i == 2 {
			release()
		}
		msg, err := readMessage(c, maxMessage)
		if err != nil {
			t.Fatal(err)
		}
		got[binary.BigEndian.Uint16(msg)] = said(t, msg)
		if _, slow := got[0]; slow != (i == 2) {
			t.Errorf("%d: %v", i, got)
		}
	}
	if got[0] != "ServerFailure" || got[1] != "Success 172.20.0.2" || got[2] != "Success 172.20.0.3" {
		t.Error(got)
	}
}

// TestHalfClosed: who sends no more still gets the answers.
func TestHalfClosed(t *testing.T) {
	dialUp, begun, release := stuck()
	defer release()
	c := dial(t, "tcp", serve(t, newServer(t, Config{Upstreams: nowhere, Dial: dialUp})))
	if err := writeMessage(c, packet(t, "slow.example.", a, 0)); err != nil {
		t.Fatal(err)
	}
	<-begun
	if err := c.(*net.TCPConn).CloseWrite(); err != nil {
		t.Fatal(err)
	}
	release()
	msg, err := readMessage(c, maxMessage)
	if err != nil || said(t, msg) != "ServerFailure" {
		t.Error(msg, err)
	}
	if _, err := readMessage(c, maxMessage); !errors.Is(err, io.EOF) {
		t.Error(err)
	}
}

// TestBadStreams: what is no message ends the connection.
func TestBadStreams(t *testing.T) {
	addr := serve(t, newServer(t, Config{Names: shop(t)}))
	for _, text := range []string{"\x00\x00", "\x00\x05hello", "\xff\xffabc", "\x10\x01abc", "GET / HTTP/1.1\r\n\r\n"} {
		c := dial(t, "tcp", addr)
		if _, err := c.Write([]byte(text)); err != nil {
			t.Fatal(err)
		}
		if n, err := c.Read(make([]byte, 1)); n != 0 || err == nil {
			t.Errorf("%q is answered", text)
		}
	}
}

// TestStreamCount: connections are bounded.
func TestStreamCount(t *testing.T) {
	addr := serve(t, newServer(t, Config{Names: shop(t)}))
	q := packet(t, "db.", a, 0)
	use := func(c net.Conn) error {
		if err := writeMessage(c, q); err != nil {
			return err
		}
		_, err := readMessage(c, maxMessage)
		return err
	}
	conns := make([]net.Conn, local)
	for i := range conns {
		conns[i] = dial(t, "tcp", addr)
		if err := use(conns[i]); err != nil {
			t.Fatal(err)
		}
	}
	if err := use(dial(t, "tcp", addr)); err == nil {
		t.Error("one too many is served")
	}
	if err := use(conns[0]); err != nil {
		t.Error(err)
	}
}

// pipes is a listener of connections that are no sockets, so that time may stand
// still.
type pipes struct {
	conns chan net.Conn
	done  chan struct{}
	once  sync.Once
}

func newPipes() *pipes { return &pipes{conns: make(chan net.Conn), done: make(chan struct{})} }

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.conns:
		return c, nil
	case <-p.done:
		return nil, net.ErrClosed
	}
}

func (p *pipes) Close() error { p.once.Do(func() { close(p.done) }); return nil }

func (p *pipes) Addr() net.Addr { return nil }

func (p *pipes) dial() net.Conn {
	c, inner := net.Pipe()
	p.conns <- inner
	return c
}

// TestSlowClients: who says nothing, stops in the middle, or does not read is left
// after a while.
func TestSlowClients(t *testing.T) {
	for _, c := range []struct {
		name string
		send func(t *testing.T, c net.Conn)
		want time.Duration
	}{
		{"silent", func(*testing.T, net.Conn) {}, idle},
		{"stops", func(_ *testing.T, c net.Conn) { _, _ = c.Write([]byte{0, 20, 1, 2}) }, idle},
		{"drips", func(_ *testing.T, c net.Conn) {
			for _, b := range []byte{0, 20, 1, 2} {
				time.Sleep(4 * time.Second)
				_, _ = c.Write([]byte{b})
			}
		}, idle},
		{"does not read", func(t *testing.T, c net.Conn) { _ = writeMessage(c, packet(t, "db.", a, 0)) }, timeout},
	} {
		synctest.Test(t, func(t *testing.T) {
			s, l := newServer(t, Config{Names: shop(t)}), newPipes()
			go func() { _ = s.Serve(t.Context(), nil, l) }()
			conn := l.dial()
			began := time.Now()
			var sending sync.WaitGroup
			sending.Go(func() { c.send(t, conn) })
			synctest.Wait()
			ended := make(chan time.Duration)
			go func() {
				for len(s.streams) > 0 {
					time.Sleep(time.Second)
				}
				ended <- time.Since(began)
			}()
			if got := <-ended; got < c.want || got > c.want+time.Second {
				t.Errorf("%s: ends after %v, not %v", c.name, got, c.want)
			}
			if err := s.Close(); err != nil {
				t.Error(err)
			}
			conn.Close()
			sending.Wait()
		})
	}
}

// TestPipelinedCount: one connection cannot have everything at work.
func TestPipelinedCount(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		names := blocked{make(chan struct{}, 1000), make(chan struct{})}
		s, l := newServer(t, Config{Names: names}), newPipes()
		go func() { _ = s.Serve(t.Context(), nil, l) }()
		conn := l.dial()
		q := packet(t, "db.", a, 0)
		var group sync.WaitGroup
		group.Go(func() {
			for range 5 * maxPipelined {
				if err := writeMessage(conn, q); err != nil {
					t.Error(err)
				}
			}
		})
		synctest.Wait()
		if n := len(names.begun); n != maxPipelined {
			t.Errorf("%d are at work", n)
		}
		close(names.release)
		for range 5 * maxPipelined {
			if _, err := readMessage(conn, maxMessage); err != nil {
				t.Fatal(err)
			}
		}
		group.Wait()
		conn.Close()
	})
}
