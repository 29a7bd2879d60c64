package dns

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/net/dns/dnsmessage"
)

const (
	a    = dnsmessage.TypeA
	aaaa = dnsmessage.TypeAAAA
	ptr  = dnsmessage.TypePTR
	inet = dnsmessage.ClassINET
)

// newServer makes a server that is closed with the test. Without a Dial it reaches
// nobody.
func newServer(t testing.TB, c Config) *Server {
	t.Helper()
	if c.Dial == nil {
		c.Dial = func(context.Context, string, string) (net.Conn, error) { return nil, syscall.ENETUNREACH }
	}
	s, err := New(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// packet is a question. Size is that of EDNS, if not 0.
func packet(t testing.TB, name string, kind dnsmessage.Type, size int) []byte {
	t.Helper()
	m := dnsmessage.Message{
		Header:    dnsmessage.Header{ID: 0xabcd, RecursionDesired: true},
		Questions: []dnsmessage.Question{{Name: dnsmessage.MustNewName(name), Type: kind, Class: inet}},
	}
	if size > 0 {
		var h dnsmessage.ResourceHeader
		if err := h.SetEDNS0(size, 0, false); err != nil {
			t.Fatal(err)
		}
		m.Additionals = []dnsmessage.Resource{{Header: h, Body: &dnsmessage.OPTResource{}}}
	}
	return pack(t, m)
}

func pack(t testing.TB, m dnsmessage.Message) []byte {
	t.Helper()
	b, err := m.Pack()
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func unpack(t testing.TB, b []byte) dnsmessage.Message {
	t.Helper()
	var m dnsmessage.Message
	if err := m.Unpack(b); err != nil {
		t.Fatalf("%x: %v", b, err)
	}
	return m
}

// said is an answer in short: its code and flags, then what it says.
func said(t testing.TB, b []byte) string {
	t.Helper()
	if b == nil {
		return "nothing"
	}
	m := unpack(t, b)
	if !m.Response {
		t.Error("it is no answer")
	}
	words := []string{strings.TrimPrefix(m.RCode.String(), "RCode")}
	if m.Truncated {
		words = append(words, "cut")
	}
	var list []string
	for _, r := range m.Answers {
		switch b := r.Body.(type) {
		case *dnsmessage.AResource:
			list = append(list, netip.AddrFrom4(b.A).String())
		case *dnsmessage.AAAAResource:
			list = append(list, netip.AddrFrom16(b.AAAA).String())
		case *dnsmessage.PTRResource:
			list = append(list, b.PTR.String())
		default:
			list = append(list, fmt.Sprintf("%T", b))
		}
	}
	slices.Sort(list)
	return strings.Join(append(words, list...), " ")
}

// shop are the names of most tests.
func shop(t testing.TB) *Zone {
	z := newZone(t, "shop")
	add(t, z, "1", []string{"db"}, "172.20.0.2", "fd00::2")
	add(t, z, "2", []string{"web"}, "172.20.0.3")
	return z
}

func TestLocal(t *testing.T) {
	s := newServer(t, Config{
		Names: shop(t), Search: []string{"Corp.example."}, Upstreams: []netip.AddrPort{netip.MustParseAddrPort("192.0.2.1:53")},
		Policy: func(_ context.Context, q Question) error {
			t.Logf("asks for %s %s", q.Name, q.Type) // the policy is not about names that are known
			return nil
		},
	})
	six := strings.Repeat("0.", 26) + "d.f.ip6.arpa."
	for _, c := range []struct {
		name string
		kind dnsmessage.Type
		want string
	}{
		{"db.", a, "Success 172.20.0.2"},
		{"dB.", aaaa, "Success fd00::2"},
		{"db.SHOP.", a, "Success 172.20.0.2"},
		{"db.corp.example.", a, "Success 172.20.0.2"},
		{"db.shop.corp.example.", a, "Success 172.20.0.2"},
		{"web.", aaaa, "Success"},
		{"web.", dnsmessage.TypeMX, "Success"},
		{"web.", dnsmessage.TypeHTTPS, "Success"},
		{"db.", dnsmessage.TypeALL, "Success 172.20.0.2 fd00::2"},
		{"2.0.20.172.in-addr.arpa.", ptr, "Success db.shop."},
		{"2.0.20.172.IN-ADDR.arpa.", a, "Success"},
		{"2.0.0.0." + six, ptr, "Success db.shop."},
		{"other.", a, "ServerFailure"},
		{".", a, "ServerFailure"},
		{"corp.example.", a, "ServerFailure"},
		{"9.0.20.172.in-addr.arpa.", ptr, "ServerFailure"},
		{"0.20.172.in-addr.arpa.", ptr, "ServerFailure"},
		{"02.0.20.172.in-addr.arpa.", ptr, "ServerFailure"},
		{"g.0.0.0." + six, ptr, "ServerFailure"},
		{"other.", dnsmessage.TypeALL, "Success cut"},
		{"db.", 252, "NotImplemented"},
		{"db.", dnsmessage.TypeOPT, "NotImplemented"},
	} {
		for _, size := range []int{0, 1232} {
			got := s.answer(t.Context(), packet(t, c.name, c.kind, size), false)
			if said(t, got) != c.want {
				t.Errorf("%s %s: %s, not %s", c.name, c.kind, said(t, got), c.want)
			}
			m := unpack(t, got)
			if m.ID != 0xabcd || !m.RecursionDesired || !m.RecursionAvailable || len(m.Questions) != 1 || m.Questions[0].Name.String() != c.name {
				t.Errorf("%s: %v", c.name, m.GoString())
			}
			if edns := len(m.Additionals) == 1 && m.Additionals[0].Header.Type == dnsmessage.TypeOPT; edns != (size > 0) {
				t.Errorf("%s, size %d: %v", c.name, size, m.Additionals)
			}
			for _, r := range m.Answers {
				if r.Header.TTL != 600 || r.Header.Name.String() != c.name {
					t.Errorf("%s: %v", c.name, r.Header.GoString())
				}
			}
		}
	}
	if got := said(t, s.answer(t.Context(), packet(t, "other.", dnsmessage.TypeALL, 0), true)); got != "ServerFailure" {
		t.Errorf("all there is, by TCP: %s", got)
	}
}

// TestMalformed: what is no good question gets the right code, or nothing.
func TestMalformed(t *testing.T) {
	s := newServer(t, Config{Names: shop(t)})
	good := packet(t, "db.", a, 1232)
	change := func(at int, b ...byte) []byte {
		c := bytes.Clone(good)
		copy(c[at:], b)
		return c
	}
	opt := len(good) - 11
	two := append(change(5, 2), "\x03web\x00\x00\x01\x00\x01"...)
	twice := append(change(11, 2), good[opt:]...)
	for _, c := range []struct {
		name string
		raw  []byte
		want string
	}{
		{"good", good, "Success 172.20.0.2"},
		{"nothing", nil, "nothing"},
		{"less than a header", good[:11], "nothing"},
		{"an answer", change(2, 0x81), "nothing"},
		{"status", change(2, 0x10), "NotImplemented"},
		{"notify", change(2, 0x20), "NotImplemented"},
		{"update", change(2, 0x28), "NotImplemented"},
		{"no question", change(5, 0), "FormatError"},
		{"only a header", good[:12], "FormatError"},
		{"two questions", two, "FormatError"},
		{"half a question", good[:15], "FormatError"},
		{"half a record", good[:len(good)-1], "FormatError"},
		{"more than it says", append(bytes.Clone(good), 0), "FormatError"},
		{"two EDNS records", twice, "FormatError"},
		{"an EDNS record as an answer", change(7, 1, 0, 0, 0, 0), "FormatError"},
		{"an EDNS record with a name", append(bytes.Clone(good[:opt]), append([]byte("\x01x"), good[opt:]...)...), "FormatError"},
		{"many records", change(11, 200), "FormatError"},
		{"cut", change(2, 0x03), "FormatError"},
		{"a name that refers to itself", change(12, 0xc0, 12), "FormatError"},
		{"a name that refers to the header", change(12, 0xc0, 4), "FormatError"},
		{"a label of a kind that is none", change(12, 0x42), "FormatError"},
		{"a dot in a label", change(13, '.'), "FormatError"},
		{"class CHAOS", change(19, 3), "Refused"},
		{"any class", change(19, 255), "Refused"},
		{"EDNS version 1", change(opt+6, 1), "Success"}, // and the rest of the code below
		{"too long", append(bytes.Clone(good), make([]byte, maxPacket)...), "FormatError"},
	} {
		got := s.answer(t.Context(), c.raw, false)
		if said(t, got) != c.want {
			t.Errorf("%s: %s, not %s", c.name, said(t, got), c.want)
		}
		if len(got) > max(len(c.raw)+28, minPacket) {
			t.Errorf("%s: %d bytes for %d", c.name, len(got), len(c.raw))
		}
	}
	m := unpack(t, s.answer(t.Context(), change(opt+6, 1), false))
	if len(m.Additionals) != 1 || m.Additionals[0].Header.ExtendedRCode(m.RCode) != rcodeBadVersion {
		t.Error(m.GoString())
	}
}

// TestLimits: no answer is longer than who asks takes, and what is in it is whole.
func TestLimits(t *testing.T) {
	z := newZone(t, "")
	const owners = 3000
	for i := range owners {
		add(t, z, fmt.Sprint(i), []string{"all"}, fmt.Sprintf("10.0.%d.%d", i/256, i%256))
	}
	s := newServer(t, Config{Names: z})
	for _, c := range []struct {
		size   int
		stream bool
		limit  int
	}{
		{0, false, 512},
		{1, false, 512},
		{1232, false, 1232},
		{1231, false, 1231},
		{4096, false, 4096},
		{65535, false, 4096},
		{0, true, 65535},
		{512, true, 65535},
	} {
		got := s.answer(t.Context(), packet(t, "all.", a, c.size), c.stream)
		m := unpack(t, got)
		if len(got) > c.limit || len(got) < c.limit-16 && !c.stream || m.Truncated == c.stream && len(m.Answers) < owners {
			t.Errorf("%v: %d bytes, %d answers, cut %t", c, len(got), len(m.Answers), m.Truncated)
		}
		if (len(m.Additionals) == 1) != (c.size > 0) {
			t.Errorf("%v: EDNS record is lost or invented", c)
		}
	}
}

// TestFit: which records go first.
func TestFit(t *testing.T) {
	name := dnsmessage.MustNewName("db.")
	text := func(n int) dnsmessage.Resource {
		return dnsmessage.Resource{
			Header: dnsmessage.ResourceHeader{Name: name, Class: inet},
			Body:   &dnsmessage.TXTResource{TXT: []string{strings.Repeat("x", n)}},
		}
	}
	var h dnsmessage.ResourceHeader
	if err := h.SetEDNS0(1232, 0, true); err != nil {
		t.Fatal(err)
	}
	opt := dnsmessage.Resource{Header: h, Body: &dnsmessage.OPTResource{}}
	for _, c := range []struct {
		answers, authorities, additionals []dnsmessage.Resource
		want                              string
	}{
		{[]dnsmessage.Resource{text(100)}, []dnsmessage.Resource{text(100)}, []dnsmessage.Resource{text(100), opt}, "1 1 2 false"},
		{[]dnsmessage.Resource{text(200)}, []dnsmessage.Resource{text(100)}, []dnsmessage.Resource{text(250), opt}, "1 1 1 false"},
		{[]dnsmessage.Resource{text(200)}, []dnsmessage.Resource{text(100)}, []dnsmessage.Resource{opt, text(250)}, "1 1 1 false"},
		{[]dnsmessage.Resource{text(201)}, []dnsmessage.Resource{text(255), text(1)}, []dnsmessage.Resource{opt}, "1 0 1 true"},
		{[]dnsmessage.Resource{text(200), text(250), text(1)}, []dnsmessage.Resource{text(1)}, []dnsmessage.Resource{text(1)}, "3 0 0 true"},
		{[]dnsmessage.Resource{text(201), text(255), text(1)}, []dnsmessage.Resource{text(1)}, []dnsmessage.Resource{text(1), opt}, "1 0 1 true"},
	} {
		b := pack(t, dnsmessage.Message{
			Header: dnsmessage.Header{Response: true}, Questions: []dnsmessage.Question{{Name: name, Type: a, Class: inet}},
			Answers: c.answers, Authorities: c.authorities, Additionals: c.additionals,
		})
		got := fit(b, minPacket)
		m := unpack(t, got)
		is := fmt.Sprint(len(m.Answers), len(m.Authorities), len(m.Additionals), m.Truncated)
		if is != c.want || len(got) > minPacket {
			t.Errorf("%s in %d bytes, not %s", is, len(got), c.want)
		}
	}
}

// TestConfig: what cannot be is said when the server is made.
func TestConfig(t *testing.T) {
	for field, c := range map[string]Config{
		"Upstreams":     {Upstreams: make([]netip.AddrPort, 1)},
		"Search":        {Search: []string{"a..b"}},
		"Timeout":       {Timeout: -1},
		"Idle":          {Idle: -1},
		"TTL":           {TTL: 1 << 31 * time.Second},
		"MaxConcurrent": {MaxConcurrent: -1},
		"Denial":        {Denial: 7},
	} {
		var bad *ConfigError
		if s, err := New(c); !errors.As(err, &bad) || bad.Field != field || s != nil {
			t.Errorf("%s: %v, %v", field, s, err)
		}
	}
	up := netip.AddrPortFrom(netip.MustParseAddr("192.0.2.1"), 0)
	s := newServer(t, Config{Upstreams: []netip.AddrPort{up, up, up, up}})
	if got := s.config.Upstreams; len(got) != 3 || got[0].Port() != 53 || up.Port() != 0 {
		t.Error(got)
	}
	if Type(28).String() != "AAAA" || Type(65400).String() != "65400" {
		t.Errorf("%s %s", Type(28), Type(65400))
	}
}

// FuzzAnswer: whatever comes, the answer is whole, within the limits, and of the
// question.
func FuzzAnswer(f *testing.F) {
	f.Add(packet(f, "db.", a, 0), false)
	f.Add(packet(f, "2.0.20.172.in-addr.arpa.", ptr, 1232), true)
	f.Add(packet(f, "example.com.", aaaa, 4096), false)
	f.Add(append(packet(f, "db.", a, 512), 1), false)
	s := newServer(f, Config{Names: shop(f), Upstreams: []netip.AddrPort{netip.MustParseAddrPort("192.0.2.1:53")}})
	f.Fuzz(func(t *testing.T, raw []byte, stream bool) {
		before := bytes.Clone(raw)
		got := s.answer(t.Context(), raw, stream)
		if !bytes.Equal(raw, before) {
			t.Error("it changes what it reads")
		}
		if got == nil {
			if len(raw) >= headerLen && raw[2]&flagResponse == 0 {
				t.Error("a question without an answer")
			}
			return
		}
		m := unpack(t, got)
		if !m.Response || m.ID != binary.BigEndian.Uint16(raw) {
			t.Errorf("%x", got)
		}
		if !stream && len(got) > maxPacket {
			t.Errorf("%d bytes", len(got))
		}
	})
}

// FuzzFit: answers of upstreams are not trusted, either.
func FuzzFit(f *testing.F) {
	q := packet(f, "db.", a, 0)
	f.Add(append(bytes.Clone(q), make([]byte, 600)...), uint16(512))
	var many []string
	for i := range 100 {
		many = append(many, fmt.Sprintf("10.0.0.%d", i), fmt.Sprintf("fd00::%d", i))
	}
	f.Add(answerTo(f, q, 0, many...), uint16(600))
	f.Add(answerTo(f, packet(f, "db.", a, 1232), 0, many...), uint16(600))
	f.Fuzz(func(t *testing.T, msg []byte, limit uint16) {
		if len(msg) < headerLen || limit < minPacket {
			return
		}
		length := len(msg)
		_, whole := addresses(msg)
		got := fit(msg, int(limit))
		if len(got) > int(limit) || len(got) > length {
			t.Errorf("%d bytes of %d, limit %d", len(got), length, limit)
		}
		if _, still := addresses(got); whole && len(got) > 0 && !still {
			t.Errorf("%x is no longer whole", got)
		}
	})
}
