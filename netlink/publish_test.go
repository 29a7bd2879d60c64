package netlink

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// inside is a server that stands for one in a sandbox.
func inside(t testing.TB) (port uint16) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() { defer c.Close(); _, _ = io.Copy(c, c) }()
		}
	}()
	return portOf(l.Addr())
}

// published serves ports until the test ends.
func published(t testing.TB, ports ...Port) *Published {
	t.Helper()
	p, err := Publish(ports)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := p.Close(); err != nil {
			t.Error(err)
		}
	})
	p.Serve(new(net.Dialer).DialContext)
	return p
}

func portOf(a net.Addr) uint16 { return netip.MustParseAddrPort(a.String()).Port() }

func hostAddr(p Port) string { return net.JoinHostPort(p.HostIP, strconv.Itoa(int(p.HostPort))) }

// TestTCP: bytes pass both ways, and so does the end of each direction.
func TestTCP(t *testing.T) {
	p := published(t, Port{HostIP: "127.0.0.1", Port: inside(t), Protocol: "tcp"})
	var group sync.WaitGroup
	for range 20 {
		group.Go(func() {
			c, err := net.Dial("tcp", hostAddr(p.Ports()[0]))
			if err != nil {
				t.Error(err)
				return
			}
			defer c.Close()
			sent := make([]byte, 1+rand.IntN(1<<20))
			for i := range sent {
				sent[i] = byte(rand.Uint32())
			}
			go func() {
				_, _ = c.Write(sent)
				if half, ok := c.(*net.TCPConn); ok {
					_ = half.CloseWrite()
				}
			}()
			if got, err := io.ReadAll(c); err != nil || !bytes.Equal(got, sent) {
				t.Errorf("%d bytes of %d, %v", len(got), len(sent), err)
			}
		})
	}
	group.Wait()
}

// TestRefused: where nobody listens inside, the connection is reset.
func TestRefused(t *testing.T) {
	p, err := Publish([]Port{{HostIP: "127.0.0.1", Port: 1, Protocol: "tcp"}})
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	p.Serve(func(context.Context, string, string) (net.Conn, error) { return nil, syscall.ECONNREFUSED })
	c, err := net.Dial("tcp", hostAddr(p.Ports()[0]))
	if err == nil {
		_, err = c.Read(make([]byte, 1))
		c.Close()
	}
	if !errors.Is(err, syscall.ECONNRESET) && !errors.Is(err, syscall.ECONNREFUSED) {
		t.Error(err)
	}
}

// TestClose: connections end with it, and nothing listens any more.
func TestClose(t *testing.T) {
	p, err := Publish([]Port{{HostIP: "127.0.0.1", Port: inside(t), Protocol: "tcp"}})
	if err != nil {
		t.Fatal(err)
	}
	p.Serve(new(net.Dialer).DialContext)
	addr := hostAddr(p.Ports()[0])
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	fmt.Fprintln(c, "up")
	if line, err := bufio.NewReader(c).ReadString('\n'); err != nil || line != "up\n" {
		t.Errorf("%q, %v", line, err)
	}
	for range 2 {
		if err := p.Close(); err != nil {
			t.Error(err)
		}
	}
	if _, err := c.Read(make([]byte, 1)); err == nil {
		t.Error("a connection goes on")
	}
	if c, err := net.Dial("tcp", addr); !errors.Is(err, syscall.ECONNREFUSED) {
		t.Errorf("%v, %v", c, err)
	}
}

// TestHostPorts: which ports of the host are taken.
func TestHostPorts(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	n := portOf(taken.Addr())
	_, err = Publish([]Port{{HostIP: "127.0.0.1", Port: 80, Protocol: "udp"}, {HostIP: "127.0.0.1", HostPort: n, Port: 80, Protocol: "tcp"}})
	if !errors.Is(err, ErrPortInUse) || !errors.Is(err, syscall.EADDRINUSE) || !strings.Contains(err.Error(), fmt.Sprint(n)) {
		t.Errorf("a port that is taken: %v", err)
	}
	if n < 65500 { // the first of a range that is free
		p, err := Publish([]Port{{HostIP: "127.0.0.1", HostPort: n, HostLast: n + 30, Port: 80, Protocol: "tcp"}})
		if err != nil {
			t.Fatal(err)
		}
		if got := p.Ports(); len(got) != 1 || got[0].HostPort <= n || got[0].HostPort > n+30 || got[0].HostLast != 0 {
			t.Errorf("%v", got)
		}
		if err := p.Close(); err != nil {
			t.Error(err)
		}
	}
	// All addresses, at the same port.
	for _, protocol := range []string{"tcp", "udp"} {
		p, err := Publish([]Port{{Port: 80, Protocol: protocol}})
		if err != nil {
			t.Fatal(err)
		}
		got := p.Ports()
		if len(got) == 0 || got[0].HostIP != "0.0.0.0" || got[0].HostPort == 0 || len(got) == 2 && (got[1].HostIP != "::" || got[1].HostPort != got[0].HostPort) {
			t.Errorf("%v", got)
		}
		if err := p.Close(); err != nil {
			t.Error(err)
		}
	}
	for _, bad := range []Port{{}, {Port: 1}, {Port: 1, Protocol: "x"}, {Port: 1, Protocol: "tcp", HostIP: "x"}, {Port: 1, Protocol: "tcp", HostPort: 5, HostLast: 4}} {
		if _, err := Publish([]Port{bad}); err == nil {
			t.Errorf("%v is fine", bad)
		}
	}
}

// TestUDP: each client gets its own answers.
func TestUDP(t *testing.T) {
	server, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	go func() {
		buf := make([]byte, maxPacket)
		for {
			n, from, err := server.ReadFrom(buf)
			if err != nil {
				return
			}
			_, _ = server.WriteTo(bytes.ToUpper(buf[:n]), from)
		}
	}()
	p := published(t, Port{HostIP: "127.0.0.1", Port: portOf(server.LocalAddr()), Protocol: "udp"})
	var group sync.WaitGroup
	for i := range 20 {
		group.Go(func() {
			c, err := net.Dial("udp", hostAddr(p.Ports()[0]))
			if err != nil {
				t.Error(err)
				return
			}
			defer c.Close()
			text, buf := fmt.Sprint("packet ", i), make([]byte, 100)
			for range 100 { // packets may be lost
				_, _ = io.WriteString(c, text)
				_ = c.SetReadDeadline(time.Now().Add(100 * time.Millisecond))
				if n, err := c.Read(buf); err == nil {
					if string(buf[:n]) != strings.ToUpper(text) {
						t.Errorf("%q", buf[:n])
					}
					return
				}
			}
			t.Error("no answer")
		})
	}
	group.Wait()
}

// BenchmarkTCP is how fast bytes pass, beside a direct connection.
func BenchmarkTCP(b *testing.B) {
	sink, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	defer sink.Close()
	go func() {
		for {
			c, err := sink.Accept()
			if err != nil {
				return
			}
			go func() { _, _ = io.Copy(io.Discard, c); _ = c.Close() }()
		}
	}()
	port := portOf(sink.Addr())
	p := published(b, Port{HostIP: "127.0.0.1", Port: port, Protocol: "tcp"})
	for name, addr := range map[string]string{"direct": sink.Addr().String(), "published": hostAddr(p.Ports()[0])} {
		b.Run(name, func(b *testing.B) {
			c, err := net.Dial("tcp", addr)
			if err != nil {
				b.Fatal(err)
			}
			defer c.Close()
			buf := make([]byte, 1<<20)
			b.SetBytes(int64(len(buf)))
			for b.Loop() {
				if _, err := c.Write(buf); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
