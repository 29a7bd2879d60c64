package dns

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/net/dns/dnsmessage"
)

// upstream is a server on the loopback that says what a test wants, by UDP and TCP at
// the same port.
func upstream(t testing.TB, say func(q []byte, tcp bool) [][]byte) netip.AddrPort {
	t.Helper()
	u, l := sockets(t)
	t.Cleanup(func() { u.Close(); l.Close() })
	go func() {
		buf := make([]byte, maxMessage)
		for {
			n, from, err := u.ReadFrom(buf)
			if err != nil {
				return
			}
			for _, msg := range say(bytes.Clone(buf[:n]), false) {
				_, _ = u.WriteTo(msg, from)
			}
		}
	}()
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				if q, err := readMessage(c, maxMessage); err == nil {
					for _, msg := range say(q, true) {
						_ = writeMessage(c, msg)
					}
				}
				_, _ = io.Copy(io.Discard, c)
			}()
		}
	}()
	return netip.MustParseAddrPort(u.LocalAddr().String())
}

// sockets are two of the loopback with the same port.
func sockets(t testing.TB) (net.PacketConn, net.Listener) {
	t.Helper()
	for {
		u, err := net.ListenPacket("udp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		l, err := net.Listen("tcp", u.LocalAddr().String())
		if err == nil {
			return u, l
		}
		u.Close() // a program has this port for TCP
	}
}

// loopback dials this address, whoever is asked for.
func loopback(to netip.AddrPort) func(context.Context, string, string) (net.Conn, error) {
	return func(ctx context.Context, network, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, network, to.String())
	}
}

// closedPort is where nobody listens.
func closedPort(t testing.TB) netip.AddrPort {
	t.Helper()
	u, l := sockets(t)
	u.Close()
	l.Close()
	return netip.MustParseAddrPort(u.LocalAddr().String())
}

// answerTo is an answer with addresses.
func answerTo(t testing.TB, q []byte, code dnsmessage.RCode, addrs ...string) []byte {
	t.Helper()
	m := unpack(t, q)
	m.Response, m.RecursionAvailable, m.RCode = true, true, code
	for _, a := range ips(addrs...) {
		r := dnsmessage.Resource{Header: dnsmessage.ResourceHeader{Name: m.Questions[0].Name, Class: inet, TTL: 5}, Body: &dnsmessage.AResource{}}
		if a.Is6() {
			r.Body = &dnsmessage.AAAAResource{AAAA: a.As16()}
		} else {
			r.Body = &dnsmessage.AResource{A: a.As4()}
		}
		m.Answers = append(m.Answers, r)
	}
	return pack(t, m)
}

func TestForward(t *testing.T) {
	var mu sync.Mutex
	var got [][]byte
	up := upstream(t, func(q []byte, _ bool) [][]byte {
		mu.Lock()
		defer mu.Unlock()
		got = append(got, bytes.Clone(q))
		for i := headerLen; q[i] != 0; i++ {
			q[i] = lower(q[i])
		}
		return [][]byte{answerTo(t, q, 0, "192.0.2.7")}
	})
	s := newServer(t, Config{Names: shop(t), Upstreams: []netip.AddrPort{up}, Dial: new(net.Dialer).DialContext})
	asked := packet(t, "Example.COM.", a, 65535)
	for range 5 {
		for _, stream := range []bool{false, true} {
			b := s.answer(t.Context(), asked, stream)
			if said(t, b) != "Success 192.0.2.7" {
				t.Fatal(said(t, b))
			}
			m := unpack(t, b)
			if m.ID != 0xabcd || m.Questions[0].Name.String() != "Example.COM." || m.Answers[0].Header.TTL != 5 {
				t.Error(m.GoString())
			}
		}
	}
	s.answer(t.Context(), packet(t, "db.", aaaa, 0), false)
	s.answer(t.Context(), packet(t, "web.", aaaa, 0), false)
	mu.Lock()
	defer mu.Unlock()
	ids := make(map[uint16]bool)
	for i, q := range got {
		ids[binary.BigEndian.Uint16(q)] = true
		size := uint16(maxPacket)
		if i%2 == 1 { // by TCP the limit is none
			size = 65535
		}
		if !bytes.Equal(q[2:len(q)-8], asked[2:len(asked)-8]) || binary.BigEndian.Uint16(q[len(q)-8:]) != size || len(q) != len(asked) {
			t.Errorf("asked %x, not %x", q, asked)
		}
	}
	// Ten of 65536 are rarely the same, and names of sandboxes do not go out.
	if len(got) != 10 || len(ids) < 5 {
		t.Errorf("%d questions, ids %v", len(got), ids)
	}
}

// TestForged: only the answer to what was asked counts, from the server that was
// asked.
func TestForged(t *testing.T) {
	stranger, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer stranger.Close()
	var dialled atomic.Pointer[net.Addr]
	up := upstream(t, func(q []byte, tcp bool) [][]byte {
		forged := answerTo(t, q, 0, "6.6.6.6")
		if !tcp {
			_, _ = stranger.WriteTo(forged, *dialled.Load())
		}
		wrong := func(at int) []byte {
			b := bytes.Clone(forged)
			b[at] ^= 1
			return b
		}
		echo := bytes.Clone(q)
		none := append(bytes.Clone(forged[:headerLen]), forged[len(q):]...)
		none[5] = 0
		other := wrong(2) // RD is the asker's to set; the next is an answer to an update
		other[2] ^= 0x28
		list := [][]byte{nil, {1}, forged[:11], wrong(0), wrong(1), wrong(13), wrong(len(q) - 1), wrong(len(q) - 3), echo, none, other, answerTo(t, q, 0, "192.0.2.7")}
		if tcp {
			list = list[3:]
		}
		return list
	})
	s := newServer(t, Config{Upstreams: []netip.AddrPort{up}, Dial: func(ctx context.Context, network, addr string) (net.Conn, error) {
		c, err := new(net.Dialer).DialContext(ctx, network, addr)
		if err == nil {
			own := c.LocalAddr()
			dialled.Store(&own)
		}
		return c, err
	}})
	q := packet(t, "example.com.", a, 0)
	if got := said(t, s.answer(t.Context(), q, false)); got != "Success 192.0.2.7" {
		t.Error(got)
	}
	// By TCP there are no strangers: an upstream that is confused is left.
	if got := said(t, s.answer(t.Context(), q, true)); got != "ServerFailure" {
		t.Error(got)
	}
}

// TestUpstreams: one after the other, until one answers.
func TestUpstreams(t *testing.T) {
	code := func(c dnsmessage.RCode, addrs ...string) netip.AddrPort {
		return upstream(t, func(q []byte, _ bool) [][]byte { return [][]byte{answerTo(t, q, c, addrs...)} })
	}
	bare := upstream(t, func(q []byte, _ bool) [][]byte {
		return [][]byte{{q[0], q[1], 0x81, 0x81, 0, 0, 0, 0, 0, 0, 0, 0}} // FORMERR, without the question
	})
	halves := upstream(t, func(q []byte, _ bool) [][]byte {
		b := answerTo(t, q, 0, "192.0.2.7")
		return [][]byte{b[:len(b)-1]}
	})
	closed, failing, refusing := closedPort(t), code(dnsmessage.RCodeServerFailure), code(dnsmessage.RCodeRefused)
	none, good := code(dnsmessage.RCodeNameError), code(0, "192.0.2.7")
	for _, c := range []struct {
		ups  []netip.AddrPort
		want string
	}{
		{nil, "ServerFailure"},
		{[]netip.AddrPort{closed}, "ServerFailure"},
		{[]netip.AddrPort{closed, good}, "Success 192.0.2.7"},
		{[]netip.AddrPort{failing, refusing, good}, "Success 192.0.2.7"},
		{[]netip.AddrPort{bare, closed, good}, "Success 192.0.2.7"},
		{[]netip.AddrPort{bare}, "ServerFailure"},
		{[]netip.AddrPort{halves}, "ServerFailure"},
		{[]netip.AddrPort{none, good}, "NameError"},
		{[]netip.AddrPort{failing, refusing, closed}, "Refused"},
		{[]netip.AddrPort{closed, failing, refusing, good}, "Refused"}, // three count
	} {
		s := newServer(t, Config{Upstreams: c.ups, Dial: new(net.Dialer).DialContext})
		for _, stream := range []bool{false, true} {
			if got := said(t, s.answer(t.Context(), packet(t, "example.com.", a, 0), stream)); got != c.want {
				t.Errorf("%v, TCP %t: %s, not %s", c.ups, stream, got, c.want)
			}
		}
	}
}

// TestLongAnswers: they are shortened for packets, and whole by TCP.
func TestLongAnswers(t *testing.T) {
	var many []string
	for i := range 250 {
		many = append(many, netip.AddrFrom4([4]byte{192, 0, 2, byte(i)}).String())
	}
	s := newServer(t, Config{Dial: new(net.Dialer).DialContext, Upstreams: []netip.AddrPort{upstream(t, func(q []byte, tcp bool) [][]byte {
		switch name := unpack(t, q).Questions[0].Name.String(); {
		case tcp:
			return [][]byte{answerTo(t, q, 0, many...)}
		case name == "polite.":
			short := answerTo(t, q, 0, many[:2]...)
			short[2] |= flagTruncated
			return [][]byte{short}
		case name == "huge.": // more than fits in any packet of ours
			return [][]byte{answerTo(t, q, 0, slices.Concat(many, many)...)}
		}
		return [][]byte{answerTo(t, q, 0, many...)}
	})}})
	for _, c := range []struct {
		name     string
		size     int
		least    int
		most     int
		complete bool
	}{
		{"polite.", 0, 2, 2, false},
		{"rude.", 0, 25, 31, false},
		{"rude.", 1232, 65, 76, false},
		{"rude.", 4096, 250, 250, true},
		{"huge.", 65535, 250, 255, false},
	} {
		m := unpack(t, s.answer(t.Context(), packet(t, c.name, a, c.size), false))
		if n := len(m.Answers); n < c.least || n > c.most || m.Truncated == c.complete {
			t.Errorf("%s, %d: %d answers, cut %t", c.name, c.size, n, m.Truncated)
		}
		m = unpack(t, s.answer(t.Context(), packet(t, c.name, a, c.size), true))
		if len(m.Answers) != 250 || m.Truncated {
			t.Errorf("%s by TCP: %d answers, cut %t", c.name, len(m.Answers), m.Truncated)
		}
	}
}

// TestPolicy: what may not be asked is not asked, and what may not be answered is not
// answered.
func TestPolicy(t *testing.T) {
	asked := make(chan string, 10)
	up := upstream(t, func(q []byte, _ bool) [][]byte {
		name := unpack(t, q).Questions[0].Name.String()
		asked <- name
		if name == "rebind." {
			return [][]byte{answerTo(t, q, 0, "192.0.2.7", "::ffff:169.254.169.254")}
		}
		return [][]byte{answerTo(t, q, 0, "192.0.2.7")}
	})
	metadata := netip.MustParseAddr("169.254.169.254")
	for denial, want := range map[Denial]string{DenyRefused: "Refused", DenyNoName: "NameError"} {
		s := newServer(t, Config{
			Names: shop(t), Upstreams: []netip.AddrPort{up}, Dial: new(net.Dialer).DialContext, Denial: denial,
			Policy: func(_ context.Context, q Question) error {
				if q.Name == "bad.example" || q.Type == 65 {
					return errors.New("not on the list")
				}
				return nil
			},
			Inspect: func(_ context.Context, q Question, addrs []netip.Addr) error {
				for _, a := range addrs {
					if a.IsPrivate() || a == metadata {
						return errors.New("an address of the inside")
					}
					if a.Is4In6() {
						t.Errorf("%v is no plain address", a)
					}
				}
				if len(addrs) != 1 {
					t.Errorf("%v: %v", q, addrs)
				}
				return nil
			},
		})
		for _, c := range []struct {
			name string
			kind dnsmessage.Type
			want string
		}{
			{"good.example.", a, "Success 192.0.2.7"},
			{"BAD.example.", a, want},
			{"good.example.", dnsmessage.TypeHTTPS, want},
			{"rebind.", a, want},
			{"db.", a, "Success 172.20.0.2"},
		} {
			if got := said(t, s.answer(t.Context(), packet(t, c.name, c.kind, 1232), false)); got != c.want {
				t.Errorf("%s %s: %s, not %s", c.name, c.kind, got, c.want)
			}
		}
	}
	close(asked)
	var names []string
	for n := range asked {
		names = append(names, n)
	}
	if got := strings.Join(names, " "); got != "good.example. rebind. good.example. rebind." {
		t.Errorf("asked: %s", got)
	}
}

// TestSilentUpstreams: each has its time, and not more.
func TestSilentUpstreams(t *testing.T) {
	up := netip.MustParseAddrPort("192.0.2.1:53")
	for _, connects := range []bool{true, false} {
		for _, stream := range []bool{true, false} {
			synctest.Test(t, func(t *testing.T) {
				s := newServer(t, Config{Upstreams: []netip.AddrPort{up, up}, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
					if !connects {
						<-ctx.Done()
						return nil, ctx.Err()
					}
					c, silent := net.Pipe()
					go func() { _, _ = io.Copy(io.Discard, silent) }()
					return c, nil
				}})
				began := time.Now()
				got := said(t, s.answer(t.Context(), packet(t, "example.com.", a, 0), stream))
				if took := time.Since(began); got != "ServerFailure" || took != 8*time.Second {
					t.Errorf("%s after %v", got, took)
				}
				// The end of all ends the wait.
				ctx, cancel := context.WithCancel(t.Context())
				time.AfterFunc(time.Second, cancel)
				began = time.Now()
				s.answer(ctx, packet(t, "example.com.", a, 0), stream)
				if took := time.Since(began); took != time.Second {
					t.Errorf("goes on for %v", took)
				}
			})
		}
	}
}
