package dns

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

// serve lets a server answer on the loopback until the test ends. It gives the
// address of both sockets.
func serve(t testing.TB, s *Server) string {
	t.Helper()
	u, l := sockets(t)
	done := make(chan error, 1)
	go func() { done <- s.Serve(context.Background(), u, l) }()
	t.Cleanup(func() {
		_ = s.Close()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return u.LocalAddr().String()
}

func dial(t testing.TB, network, addr string) net.Conn {
	t.Helper()
	c, err := net.Dial(network, addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

// ask sends packets and reads that many answers, by UDP.
func ask(t testing.TB, c net.Conn, packets ...[]byte) (answers [][]byte) {
	t.Helper()
	for _, p := range packets {
		if _, err := c.Write(p); err != nil {
			t.Fatal(err)
		}
	}
	for range packets {
		buf := make([]byte, maxPacket)
		n, err := c.Read(buf)
		if err != nil {
			t.Fatal(err)
		}
		answers = append(answers, buf[:n])
	}
	return answers
}

// stuck is a way to upstreams that leads nowhere until it is released, or all ends.
func stuck() (dial func(context.Context, string, string) (net.Conn, error), begun chan struct{}, release func()) {
	begun, released := make(chan struct{}, 10000), make(chan struct{})
	return func(ctx context.Context, _, _ string) (net.Conn, error) {
		begun <- struct{}{}
		select {
		case <-ctx.Done():
		case <-released:
		}
		return nil, syscall.ENETUNREACH
	}, begun, sync.OnceFunc(func() { close(released) })
}

var nowhere = []netip.AddrPort{netip.MustParseAddrPort("192.0.2.1:53")}

// TestResolver: Go's resolver is happy with it, with packets and, for what is long,
// with TCP.
func TestResolver(t *testing.T) {
	z := shop(t)
	for i := range 200 {
		add(t, z, fmt.Sprint("all", i), []string{"all"}, fmt.Sprintf("10.0.0.%d", i))
	}
	addr := serve(t, newServer(t, Config{Names: z}))
	r := &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, network, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, network, addr)
	}}
	if got, err := r.LookupHost(t.Context(), "db.shop."); err != nil || shown(got, true) != "[172.20.0.2 fd00::2] true" {
		t.Error(got, err)
	}
	if got, err := r.LookupNetIP(t.Context(), "ip4", "all."); err != nil || len(got) != 200 {
		t.Error(len(got), err)
	}
	if got, err := r.LookupAddr(t.Context(), "172.20.0.3"); err != nil || shown(got, true) != "[web.shop.] true" {
		t.Error(got, err)
	}
	var none *net.DNSError
	if got, err := r.LookupNetIP(t.Context(), "ip6", "web."); !errors.As(err, &none) || !none.IsNotFound {
		t.Error(got, err)
	}
}

// TestFlood: what is at work is bounded, and names that are known are answered
// although questions wait for upstreams that do not answer.
func TestFlood(t *testing.T) {
	const most = 4
	dialUp, begun, release := stuck()
	s := newServer(t, Config{Names: shop(t), Upstreams: nowhere, Dial: dialUp, MaxConcurrent: most})
	addr := serve(t, s)
	c := dial(t, "udp", addr)
	slow, local := packet(t, "slow.example.", a, 0), packet(t, "db.", a, 0)
	for range most {
		if _, err := c.Write(slow); err != nil {
			t.Fatal(err)
		}
		<-begun
	}
	for range 100 { // one too many is told so, and those that are known go on
		got := ask(t, c, slow)
		if said(t, got[0]) != "ServerFailure" {
			t.Fatal(said(t, got[0]))
		}
		if got = ask(t, c, local); said(t, got[0]) != "Success 172.20.0.2" {
			t.Fatal(said(t, got[0]))
		}
	}
	flooder := dial(t, "udp", addr)
	for range 20000 {
		_, _ = flooder.Write(slow)
	}
	if n := runtime.NumGoroutine(); n > most+2*256+50 {
		t.Errorf("%d goroutines", n)
	}
	if n := len(begun); n != 0 {
		t.Errorf("%d more go out", n)
	}
	survives(t, c, local)
	release()
}

// survives checks that a question is answered after a flood, in which packets may be
// lost.
func survives(t *testing.T, c net.Conn, q []byte) {
	t.Helper()
	for answered := false; !answered; {
		_ = c.SetReadDeadline(time.Now().Add(100 * time.Millisecond))
		if _, err := c.Write(q); err != nil {
			t.Fatal(err)
		}
		buf := make([]byte, maxPacket)
		n, err := c.Read(buf)
		answered = err == nil && strings.HasPrefix(said(t, buf[:n]), "Success")
	}
}

// blocked are names that nobody can look up for now.
type blocked struct{ begun, release chan struct{} }

func (b blocked) Lookup(string) ([]netip.Addr, bool) {
	b.begun <- struct{}{}
	<-b.release
	return nil, true
}

func (b blocked) Reverse(netip.Addr) ([]string, bool) { return nil, false }

// queue is a socket that has each packet taken from it before the next one.
type queue struct {
	net.PacketConn
	packets chan []byte
	sent    atomic.Int64
	done    chan struct{}
}

func (q *queue) ReadFrom(b []byte) (int, net.Addr, error) {
	select {
	case p := <-q.packets:
		return copy(b, p), &net.UDPAddr{}, nil
	case <-q.done:
		return 0, nil, net.ErrClosed
	}
}

func (q *queue) WriteTo(b []byte, _ net.Addr) (int, error) { q.sent.Add(1); return len(b), nil }

func (q *queue) Close() error { close(q.done); return nil }

// TestDropped: when all that may be at work is, packets are dropped without waiting.
func TestDropped(t *testing.T) {
	names := blocked{make(chan struct{}, 10000), make(chan struct{})}
	s := newServer(t, Config{Names: names, MaxConcurrent: 1})
	conn := &queue{packets: make(chan []byte), done: make(chan struct{})}
	done := make(chan error)
	go func() { done <- s.Serve(t.Context(), conn, nil) }()
	q := packet(t, "db.", a, 0)
	for range 1 + local {
		conn.packets <- q
		<-names.begun
	}
	for range 1000 {
		conn.packets <- q
	}
	conn.packets <- nil // so the one before has been looked at
	close(names.release)
	if err := errors.Join(s.Close(), <-done); err != nil {
		t.Error(err)
	}
	if n := conn.sent.Load(); n != 1+local || len(names.begun) != 0 {
		t.Errorf("%d answers, %d more begun", n, len(names.begun))
	}
}

// broken is a socket with a fault.
type broken struct {
	net.PacketConn
	fails int // how often, before each of so many packets
	times int
	n     int
	err   error
	sock  chan struct{}
}

func (b *broken) ReadFrom([]byte) (int, net.Addr, error) {
	if b.n++; b.n <= b.fails {
		return 0, nil, b.err
	}
	if b.times--; b.times >= 0 {
		b.n = 0
		return 0, nil, nil
	}
	<-b.sock
	return 0, nil, net.ErrClosed
}

func (b *broken) Close() error { close(b.sock); return errors.New("close: it is broken") }

// TestBrokenSocket: a fault that passes is none; one that stays ends it.
func TestBrokenSocket(t *testing.T) {
	for fails, want := range map[int]string{
		maxFailures:     "close socket: close: it is broken",
		maxFailures + 1: "receive questions: cannot allocate memory\nclose socket: close: it is broken",
	} {
		synctest.Test(t, func(t *testing.T) {
			s := newServer(t, Config{})
			ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
			defer cancel()
			err := s.Serve(ctx, &broken{fails: fails, times: 3, err: syscall.ENOMEM, sock: make(chan struct{})}, nil)
			if err == nil || err.Error() != want {
				t.Errorf("%d failures: %v, not %s", fails, err, want)
			}
		})
	}
	s := newServer(t, Config{})
	u, l := sockets(t)
	l.Close() // by somebody else
	if err := s.Serve(t.Context(), u, l); !errors.Is(err, net.ErrClosed) {
		t.Error(err)
	}
}

// TestClosed: a server that is closed serves nobody, and closes what it gets.
func TestClosed(t *testing.T) {
	s := newServer(t, Config{})
	for range 2 {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
	u, l := sockets(t)
	if err := s.Serve(t.Context(), u, l); !errors.Is(err, net.ErrClosed) {
		t.Error(err)
	}
	if err := u.Close(); !errors.Is(err, net.ErrClosed) {
		t.Error("the socket is open")
	}
	if err := newServer(t, Config{}).Serve(t.Context(), nil, nil); err != nil {
		t.Error(err)
	}
}
