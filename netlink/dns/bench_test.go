package dns

import (
	"net"
	"net/netip"
	"slices"
	"testing"
	"time"
)

// BenchmarkLocal is a question about a known name, from sending it to its answer,
// over the loopback. Half of them take p50-µs at most.
func BenchmarkLocal(b *testing.B) {
	addr := serve(b, newServer(b, Config{Names: shop(b)}))
	measure(b, dial(b, "udp", addr), packet(b, "db.shop.", a, 1232))
}

// BenchmarkForward is one that goes on to an upstream on the same loopback.
func BenchmarkForward(b *testing.B) {
	up := upstream(b, func(q []byte, _ bool) [][]byte { return [][]byte{answerTo(b, q, 0, "192.0.2.7")} })
	addr := serve(b, newServer(b, Config{Upstreams: []netip.AddrPort{up}, Dial: loopback(up)}))
	measure(b, dial(b, "udp", addr), packet(b, "example.com.", a, 1232))
}

func measure(b *testing.B, c net.Conn, q []byte) {
	b.ReportAllocs()
	var took []time.Duration
	buf := make([]byte, maxPacket)
	for b.Loop() {
		began := time.Now()
		if _, err := c.Write(q); err != nil {
			b.Fatal(err)
		}
		if _, err := c.Read(buf); err != nil {
			b.Fatal(err)
		}
		took = append(took, time.Since(began))
	}
	slices.Sort(took)
	b.ReportMetric(float64(took[len(took)/2].Nanoseconds())/1000, "p50-µs")
	b.ReportMetric(float64(took[len(took)*99/100].Nanoseconds())/1000, "p99-µs")
}

// BenchmarkAnswer is the same without any socket.
func BenchmarkAnswer(b *testing.B) {
	s, q := newServer(b, Config{Names: shop(b)}), packet(b, "db.shop.", a, 1232)
	b.ReportAllocs()
	for b.Loop() {
		if s.answer(b.Context(), q, false) == nil {
			b.Fatal("no answer")
		}
	}
}
