package policy

import (
	"io"
	"net"
	"net/netip"
	"testing"
)

// BenchmarkThroughput: 64 MiB from a server, without and with a handler between.
func BenchmarkThroughput(b *testing.B) {
	const size = 64 << 20
	server := tcpServer(b, func(c *net.TCPConn) {
		buf := make([]byte, 256<<10)
		if _, err := io.ReadFull(c, buf[:1]); err != nil {
			return
		}
		for left := size; left > 0; left -= len(buf) {
			if _, err := c.Write(buf); err != nil {
				return
			}
		}
	})
	fetch := func(b *testing.B, c net.Conn) {
		defer c.Close()
		if _, err := c.Write([]byte{0}); err != nil {
			b.Fatal(err)
		}
		buf := make([]byte, 256<<10)
		for left := size; left > 0; {
			n, err := c.Read(buf)
			if left -= n; err != nil && left > 0 {
				b.Fatal(err)
			}
		}
	}
	b.Run("direct", func(b *testing.B) {
		b.SetBytes(size)
		for b.Loop() {
			c, err := net.Dial("tcp", server)
			if err != nil {
				b.Fatal(err)
			}
			fetch(b, c)
		}
	})
	b.Run("handler", func(b *testing.B) {
		w := newWorld(b, "", "allow 192.0.2.1", server)
		b.SetBytes(size)
		for b.Loop() {
			c, result := w.connect(b.Context(), goodAddr+":7")
			fetch(b, c)
			if err := <-result; err != nil {
				b.Fatal(err)
			}
		}
	})
}

// BenchmarkDecide: a name in the middle of a hundred rules.
func BenchmarkDecide(b *testing.B) {
	rules := ""
	for range 50 {
		rules += "allow tcp *.example.com:443\nallow 10.0.0.0/8:5432\n"
	}
	d := decider(b, "", rules+"allow tcp good.test:443")
	pin(b, d, "good.test", goodAddr)
	r := Request{"tcp", netip.MustParseAddrPort(goodAddr + ":443"), TLS, "good.test", false}
	for b.Loop() {
		if !d.Decide(r).Allowed {
			b.Fatal("it is denied")
		}
	}
}

// BenchmarkSNI: a ClientHello of crypto/tls.
func BenchmarkSNI(b *testing.B) {
	h := helloFor(b, "www.example.com")
	for b.Loop() {
		if s, err := (&head{buf: h}).sniff(); s.Name == "" || err != nil {
			b.Fatal(err)
		}
	}
}
