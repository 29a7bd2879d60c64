package policy

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
)

// world is a handler with a client on one side and servers that stand for any
// address on the other.
type world struct {
	Handler
	t      testing.TB
	server string // where every dial ends
	dialed []string
	mu     sync.Mutex
	events []Event
	serve  sync.WaitGroup
}

// newWorld serves until the test ends, and checks that nothing is left then.
func newWorld(t testing.TB, options, rules, server string) *world {
	t.Helper()
	w := &world{t: t, server: server}
	w.Decider = decider(t, options, rules)
	w.Audit = func(e Event) {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.events = append(w.events, e)
	}
	t.Cleanup(func() {
		w.serve.Wait()
		if n := w.active.Load(); n != 0 {
			t.Errorf("%d connections are counted", n)
		}
		noneLeft(t)
	})
	return w
}

// noneLeft fails if goroutines of the package go on.
func noneLeft(t testing.TB) {
	t.Helper()
	var stacks string
	for range 1000 {
		buf := make([]byte, 1<<20)
		stacks = string(buf[:runtime.Stack(buf, true)])
		if !strings.Contains(stacks, "policy.(*session)") && !strings.Contains(stacks, "policy.(*Handler)") {
			return
		}
		runtime.Gosched()
	}
	t.Errorf("goroutines are left:\n%s", stacks)
}

func (w *world) dial(ctx context.Context, network, addr string) (net.Conn, error) {
	w.mu.Lock()
	w.dialed = append(w.dialed, network+"/"+addr)
	w.mu.Unlock()
	return new(net.Dialer).DialContext(ctx, network, w.server)
}

// connect gives the client's side of a connection to dst, and what Serve returns.
func (w *world) connect(ctx context.Context, dst string) (*net.TCPConn, <-chan error) {
	w.t.Helper()
	client, inner := tcpPair(w.t)
	result := make(chan error, 1)
	w.serve.Go(func() { result <- w.Serve(ctx, inner, netip.MustParseAddrPort(dst), w.dial) })
	w.t.Cleanup(func() { client.Close() })
	return client, result
}

// kinds are the events so far.
func (w *world) kinds() string {
	w.serve.Wait()
	w.mu.Lock()
	defer w.mu.Unlock()
	var kinds []string
	for _, e := range w.events {
		kinds = append(kinds, string(e.Kind))
	}
	return strings.Join(kinds, " ")
}

func tcpPair(t testing.TB) (a, b *net.TCPConn) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	c, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	s, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	return c.(*net.TCPConn), s.(*net.TCPConn)
}

// tcpServer runs f for each connection.
func tcpServer(t testing.TB, f func(*net.TCPConn)) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var running sync.WaitGroup
	running.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			running.Go(func() {
				defer c.Close()
				f(c.(*net.TCPConn))
			})
		}
	})
	t.Cleanup(func() { l.Close(); running.Wait() })
	return l.Addr().String()
}

// echo sends back what it gets, with the end.
func echo(c *net.TCPConn) { _, _ = io.Copy(c, c) }

func isReset(err error) bool {
	return errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE)
}

// wasReset reads until the end, which has to be a reset.
func wasReset(t testing.TB, c net.Conn) {
	t.Helper()
	if b, err := io.ReadAll(c); !isReset(err) || len(b) != 0 {
		t.Errorf("%q, %v; want a reset", b, err)
	}
}

const goodAddr = "192.0.2.1"

// TestTLS: a client of crypto/tls reaches the server with the name that it sends, also
// byte by byte, and no other.
func TestTLS(t *testing.T) {
	srv := httptest.NewUnstartedServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) { _, _ = io.WriteString(rw, r.TLS.ServerName) }))
	srv.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
	srv.StartTLS()
	defer srv.Close()
	for _, port := range []string{":443", ":8443"} {
		for _, slow := range []bool{false, true} {
			for name, want := range map[string]bool{"www.example.com": true, "example.com": false, "evilexample.com": false, "": false} {
				w := newWorld(t, "", "allow tcp *.example.com", srv.Listener.Addr().String())
				pin(t, w.Decider, "www.example.com", goodAddr)
				c, result := w.connect(t.Context(), goodAddr+port)
				var conn net.Conn = c
				if slow {
					conn = byteByByte{c}
				}
				body, err := get(conn, name)
				served := <-result
				if want && (err != nil || body != name || served != nil || w.kinds() != "opened closed" || w.dialed[0] != "tcp/"+goodAddr+port) {
					t.Errorf("%s%s: %q, %v, %v, %s", name, port, body, err, served, w.kinds())
				}
				if !want && (err == nil || !errors.Is(served, ErrDenied) || w.kinds() != "denied") {
					t.Errorf("%s%s: %q, %v, %v, %s", name, port, body, err, served, w.kinds())
				}
				if e := w.events[len(w.events)-1]; want && (e.Name != name || e.Sent == 0 || e.Received == 0 || e.Rule != "allow tcp *.example.com" || !e.Allowed) {
					t.Errorf("%s%s: %+v", name, port, e)
				}
			}
		}
	}
}

// get asks over TLS.
func get(c net.Conn, name string) (string, error) {
	defer c.Close() // when all was read: otherwise it is a reset
	conn := tls.Client(c, &tls.Config{ServerName: name, InsecureSkipVerify: true})
	if err := conn.Handshake(); err != nil {
		return "", err
	}
	if _, err := io.WriteString(conn, "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"); err != nil {
		return "", err
	}
	resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		return "", err
	}
	_, err = io.Copy(io.Discard, conn)
	return string(b), err
}

// byteByByte writes so.
type byteByByte struct{ *net.TCPConn }

func (c byteByByte) Write(p []byte) (int, error) {
	for i := range p {
		if _, err := c.TCPConn.Write(p[i : i+1]); err != nil {
			return i, err
		}
	}
	return len(p), nil
}

// TestHTTP: what is checked is the first request, and what is not is said.
func TestHTTP(t *testing.T) {
	srv := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) { _, _ = io.WriteString(rw, "<"+r.Host+">") }))
	defer srv.Close()
	const last = "Connection: close\r\n\r\n"
	for in, want := range map[string]string{
		"GET / HTTP/1.1\r\nHost: good.test\r\n" + last:                    "<good.test>",
		"GET http://good.test/ HTTP/1.1\r\nHost: good.test\r\n" + last:    "<good.test>",
		"GET / HTTP/1.1\r\nHost: evil.test\r\n" + last:                    "",
		"GET http://evil.test/ HTTP/1.1\r\nHost: good.test\r\n" + last:    "",
		"GET / HTTP/1.1\r\nHost: good.test\r\nHost: evil.test\r\n" + last: "",
		"GET / HTTP/1.1\r\nHost: good.test\r\n evil.test\r\n" + last:      "",
		"CONNECT evil.test:443 HTTP/1.1\r\nHost: evil.test\r\n\r\n":       "",
		"GET / HTTP/1.0\r\n\r\n":                                          "",
		"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n":                                "",
		// The documented limit: a later request of the same connection is not read.
		"GET / HTTP/1.1\r\nHost: good.test\r\n\r\nGET / HTTP/1.1\r\nHost: evil.test\r\n" + last: "<good.test><evil.test>",
	} {
		for _, port := range []string{":80", ":8080"} {
			w := newWorld(t, "", "allow good.test", srv.Listener.Addr().String())
			pin(t, w.Decider, "good.test", goodAddr)
			c, result := w.connect(t.Context(), goodAddr+port)
			if _, err := io.WriteString(c, in); err != nil {
				t.Fatal(err)
			}
			out, err := io.ReadAll(c)
			c.Close()
			served := <-result
			if want == "" {
				if !isReset(err) || len(out) != 0 || !errors.Is(served, ErrDenied) || w.kinds() != "denied" {
					t.Errorf("%s %.50q: %q, %v, %v, %s", port, in, out, err, served, w.kinds())
				}
				continue
			}
			got := ""
			for part := range strings.SplitSeq(string(out), "<") {
				if name, _, ok := strings.Cut(part, ">"); ok {
					got += "<" + name + ">"
				}
			}
			if err != nil || got != want || served != nil || w.kinds() != "opened closed" {
				t.Errorf("%s %.50q: %q, %v, %v, %s", port, in, out, err, served, w.kinds())
			}
		}
	}
}

// TestUnpinned: an address that was not given for a name is not even looked at, also
// when the name that would be told is permitted.
func TestUnpinned(t *testing.T) {
	w := newWorld(t, "", "allow good.test", "")
	pin(t, w.Decider, "good.test", goodAddr)
	c, result := w.connect(t.Context(), "192.0.2.2:443")
	wasReset(t, c) // before anything was sent
	e, ok := errors.AsType[*DeniedError](<-result)
	if !ok || e.Reason != "no rule allows it" || len(w.dialed) != 0 || w.kinds() != "denied" {
		t.Errorf("%v, %v, %s", e, w.dialed, w.kinds())
	}
}

// TestServerFirst: protocols in which the server speaks first pass where no name is
// expected, and what it said is not lost.
func TestServerFirst(t *testing.T) {
	server := tcpServer(t, func(c *net.TCPConn) {
		_, _ = io.WriteString(c, "220 ready\r\n")
		echo(c)
	})
	w := newWorld(t, "", "allow good.test", server)
	pin(t, w.Decider, "good.test", goodAddr)
	c, result := w.connect(t.Context(), goodAddr+":25")
	r := bufio.NewReader(c)
	if line, err := r.ReadString('\n'); line != "220 ready\r\n" || err != nil {
		t.Errorf("%q, %v", line, err)
	}
	if _, err := io.WriteString(c, "QUIT\r\n"); err != nil {
		t.Fatal(err)
	}
	_ = c.CloseWrite()
	if rest, err := io.ReadAll(r); string(rest) != "QUIT\r\n" || err != nil {
		t.Errorf("%q, %v", rest, err)
	}
	if err := <-result; err != nil || w.kinds() != "opened closed" {
		t.Errorf("%v, %s", err, w.kinds())
	}
	if e := w.events[1]; e.Sent != 6 || e.Received != 17 || e.Name != "good.test" {
		t.Errorf("%+v", e)
	}
}

// TestServerFirstLater: a client that has begun to tell its name has to end it,
// whatever the server says meanwhile.
func TestServerFirstLater(t *testing.T) {
	begun := make(chan struct{})
	server := tcpServer(t, func(c *net.TCPConn) {
		<-begun
		_, _ = io.WriteString(c, "early")
		echo(c)
	})
	for name, want := range map[string]bool{"good.test": true, "evil.test": false} {
		w := newWorld(t, "", "allow good.test", server)
		pin(t, w.Decider, "good.test", goodAddr)
		client, inner := tcpPair(t)
		defer client.Close()
		watched := &readWatch{TCPConn: inner, read: make(chan struct{}, 100)}
		result := make(chan error, 1)
		w.serve.Go(func() { result <- w.Serve(t.Context(), watched, netip.MustParseAddrPort(goodAddr+":8443"), w.dial) })
		h := helloFor(t, name)
		if _, err := client.Write(h[:20]); err != nil {
			t.Fatal(err)
		}
		<-watched.read // the 20 bytes are seen
		begun <- struct{}{}
		<-watched.read // the server's word has interrupted it
		if _, err := client.Write(h[20:]); err != nil {
			t.Fatal(err)
		}
		_ = client.CloseWrite()
		got, err := io.ReadAll(client)
		served := <-result
		if want && (err != nil || !bytes.Equal(got, append([]byte("early"), h...)) || served != nil) {
			t.Errorf("%s: %q, %v, %v", name, got, err, served)
		}
		if !want && (!isReset(err) || len(got) != 0 || !errors.Is(served, ErrDenied)) {
			t.Errorf("%s: %q, %v, %v", name, got, err, served)
		}
	}
}

// readWatch tells when a read has ended.
type readWatch struct {
	*net.TCPConn
	read chan struct{}
}

func (c *readWatch) Read(p []byte) (int, error) {
	n, err := c.TCPConn.Read(p)
	select {
	case c.read <- struct{}{}:
	default:
	}
	return n, err
}
