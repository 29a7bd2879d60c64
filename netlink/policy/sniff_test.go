package policy

import (
	"bytes"
	"crypto/tls"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
)

// hello is what crypto/tls sends first.
func hello(t testing.TB, config *tls.Config) []byte {
	t.Helper()
	client, server := net.Pipe()
	defer server.Close()
	go func() {
		defer client.Close()
		_ = tls.Client(client, config).Handshake()
	}()
	record := make([]byte, 5)
	if _, err := io.ReadFull(server, record); err != nil {
		t.Fatal(err)
	}
	body := make([]byte, binary.BigEndian.Uint16(record[3:]))
	if _, err := io.ReadFull(server, body); err != nil {
		t.Fatal(err)
	}
	return append(record, body...)
}

func helloFor(t testing.TB, name string) []byte {
	return hello(t, &tls.Config{ServerName: name, InsecureSkipVerify: true})
}

// fragments puts a handshake into records of so many bytes.
func fragments(record []byte, size int) []byte {
	var out []byte
	for part := range slices.Chunk(record[5:], size) {
		out = append(out, 22, 3, 1, byte(len(part)>>8), byte(len(part)))
		out = append(out, part...)
	}
	return out
}

// message builds a ClientHello of extensions.
func message(extensions ...[]byte) []byte {
	body := slices.Concat([]byte{3, 3}, make([]byte, 32), []byte{0, 0, 2, 0x13, 1, 1, 0})
	all := slices.Concat(extensions...)
	body = append(binary.BigEndian.AppendUint16(body, uint16(len(all))), all...)
	body = append([]byte{1, 0, byte(len(body) >> 8), byte(len(body))}, body...)
	return append([]byte{22, 3, 1, byte(len(body) >> 8), byte(len(body))}, body...)
}

func extension(kind uint16, body []byte) []byte {
	b := binary.BigEndian.AppendUint16(nil, kind)
	return append(binary.BigEndian.AppendUint16(b, uint16(len(body))), body...)
}

func names(kind byte, list ...string) []byte {
	var b []byte
	for _, n := range list {
		b = append(binary.BigEndian.AppendUint16(append(b, kind), uint16(len(n))), n...)
	}
	return append(binary.BigEndian.AppendUint16(nil, uint16(len(b))), b...)
}

// TestSNI: real and made-up ClientHellos, in one read and byte by byte; nothing of
// what was read is lost.
func TestSNI(t *testing.T) {
	plain := helloFor(t, "www.example.com")
	sni := extension(0, names(0, "a.test"))
	for what, c := range map[string]struct {
		in   []byte
		name string
		ech  bool
		err  error
	}{
		"crypto/tls":                        {in: plain, name: "www.example.com"},
		"TLS 1.2":                           {in: hello(t, &tls.Config{ServerName: "old.test", MaxVersion: tls.VersionTLS12}), name: "old.test"},
		"no name":                           {in: helloFor(t, "192.0.2.1")},
		"more behind it":                    {in: append(slices.Clone(plain), 20, 3, 3, 0, 1, 1), name: "www.example.com"},
		"records of 1":                      {in: fragments(plain, 1), name: "www.example.com"},
		"records of 3":                      {in: fragments(plain, 3), name: "www.example.com"},
		"records of 100":                    {in: fragments(plain, 100), name: "www.example.com"},
		"no extensions":                     {in: noExtensions()},
		"upper case":                        {in: message(extension(0, names(0, "A.Test"))), name: "a.test"},
		"ECH":                               {in: message(sni, extension(0xfe0d, []byte{0})), name: "a.test", ech: true},
		"ESNI":                              {in: message(extension(0xffce, nil), sni), name: "a.test", ech: true},
		"two names":                         {in: message(extension(0, names(0, "a.test", "b.test"))), err: ErrMalformed},
		"two extensions":                    {in: message(sni, sni), err: ErrMalformed},
		"another kind":                      {in: message(extension(0, names(1, "a.test"))), err: ErrMalformed},
		"an empty list":                     {in: message(extension(0, names(0))), err: ErrMalformed},
		"an empty extension":                {in: message(extension(0, nil)), err: ErrMalformed},
		"an empty name":                     {in: message(extension(0, names(0, ""))), err: ErrMalformed},
		"a zero byte":                       {in: message(extension(0, names(0, "a.test\x00.evil.test"))), err: ErrMalformed},
		"an address":                        {in: message(extension(0, names(0, "192.0.2.1"))), err: ErrMalformed},
		"a short list":                      {in: message(extension(0, append(names(0, "a.test"), 0))), err: ErrMalformed},
		"a cut extension":                   {in: message(sni[:len(sni)-1]), err: ErrMalformed},
		"an early end":                      {in: plain[:len(plain)-1], err: io.ErrUnexpectedEOF},
		"an early end in a record's header": {in: plain[:3], err: io.ErrUnexpectedEOF},
		"nothing":                           {err: io.ErrUnexpectedEOF},
		"another handshake":                 {in: []byte{22, 3, 1, 0, 4, 2, 0, 0, 0}, err: ErrMalformed},
		"an empty record":                   {in: []byte{22, 3, 1, 0, 0}, err: ErrMalformed},
		"a huge record":                     {in: []byte{22, 3, 1, 0xff, 0xff}, err: ErrMalformed},
		"a huge message":                    {in: []byte{22, 3, 1, 0, 4, 1, 1, 0, 0}, err: ErrTooLong},
		"endless records":                   {in: fragments(append(make([]byte, 5), append([]byte{1, 0, 0x3f, 0}, make([]byte, 0x3f00)...)...), 1), err: ErrTooLong},
		"another record":                    {in: append(fragments(plain[:25], 20), 23, 3, 3, 0, 1, 0), err: ErrMalformed},
		"HTTP":                              {in: []byte("GET / HTTP/1.1\r\n\r\n"), err: ErrMalformed},
	} {
		for _, r := range []io.Reader{bytes.NewReader(c.in), iotest.OneByteReader(bytes.NewReader(c.in)), iotest.DataErrReader(bytes.NewReader(c.in))} {
			got, consumed, err := SNI(r)
			if got.Name != c.name || got.ECH != c.ech || !errors.Is(err, c.err) || (err == nil) != (c.err == nil) {
				t.Errorf("%s: %+v, %v", what, got, err)
			}
			rest, _ := io.ReadAll(r)
			if !bytes.Equal(append(consumed, rest...), c.in) || len(consumed) > MaxHello {
				t.Errorf("%s: %d bytes were read of %d, %d are left", what, len(consumed), len(c.in), len(rest))
			}
		}
	}
	boom := errors.New("boom")
	if _, consumed, err := SNI(io.MultiReader(bytes.NewReader(plain[:9]), iotest.ErrReader(boom))); !errors.Is(err, boom) || !bytes.Equal(consumed, plain[:9]) {
		t.Errorf("%v after %d bytes", err, len(consumed))
	}
	if _, _, err := SNI(stuck{}); !errors.Is(err, io.ErrNoProgress) {
		t.Error(err)
	}
}

// stuck reads nothing.
type stuck struct{}

func (stuck) Read([]byte) (int, error) { return 0, nil }

func noExtensions() []byte {
	m := message()
	m = m[:len(m)-2]
	m[4] -= 2
	m[8] -= 2
	return m
}

const crlf = "\r\n"

// heads maps requests to the host they are for, to "!" and what is wrong, or to
// "2".
var heads = map[string]string{
	"GET / HTTP/1.1\nHost: a.test\n\n":                                         "!ends",
	"GET / HTTP/1.1|Host: a.test||":                                            "a.test",
	"GET / HTTP/1.1|host:A.TEST.:8080 ||more":                                  "a.test",
	"GET / HTTP/1.1|Accept: */*|HOST:\ta.test|X: y||":                          "a.test",
	"GET / HTTP/1.0||":                                                         "",
	"GET / HTTP/1.0|Host: a.test||":                                            "a.test",
	"GET http://a.test/x HTTP/1.0||":                                           "a.test",
	"GET http://a.test/x HTTP/1.1|Host: a.test||":                              "a.test",
	"GET HTTP://A.test:80?x HTTP/1.1|Host: a.test||":                           "a.test",
	"CONNECT a.test:443 HTTP/1.1|Host: a.test||":                               "a.test",
	"OPTIONS * HTTP/1.1|Host: a.test||":                                        "a.test",
	"GET / HTTP/1.1|Host: 192.0.2.1:80||":                                      "192.0.2.1",
	"GET / HTTP/1.1|Host: [2001:DB8::1]:80||":                                  "2001:db8::1",
	"GET / HTTP/1.1|Host: [::1]||":                                             "::1",
	"GET //evil.test/ HTTP/1.1|Host: a.test||":                                 "a.test",
	"GET / HTTP/1.1|Host: a.test|X-Forwarded-Host: b.test||":                   "a.test",
	"GET http://b.test/ HTTP/1.1|Host: a.test||":                               "!differ",
	"GET http://b.test\\@a.test/ HTTP/1.1|Host: a.test||":                      "!differ",
	"GET http://a.test@b.test/ HTTP/1.1|Host: b.test||":                        "!a host is no name",
	"CONNECT b.test:443 HTTP/1.1|Host: a.test||":                               "!differ",
	"CONNECT http://a.test/ HTTP/1.1|Host: a.test||":                           "!no form",
	"GET ftp://a.test/ HTTP/1.1|Host: a.test||":                                "!no form",
	"GET http:///x HTTP/1.1|Host: a.test||":                                    "!no form",
	"GET * HTTP/1.1|Host: a.test||":                                            "!no form",
	"GET a.test HTTP/1.1|Host: a.test||":                                       "!no form",
	"GET / HTTP/1.1|Host: a.test|Host: b.test||":                               "!exactly one",
	"GET / HTTP/1.1|Host: a.test|hOST: a.test||":                               "!exactly one",
	"GET / HTTP/1.1||":                                                         "!exactly one",
	"GET / HTTP/1.1|Host:||":                                                   "!empty",
	"GET / HTTP/1.1|Host: a.test, b.test||":                                    "!a host is no name",
	"GET / HTTP/1.1|Host: a.test b.test||":                                     "!a host is no name",
	"GET / HTTP/1.1|Host: a.test:80:90||":                                      "!a host is no name",
	"GET / HTTP/1.1|Host: a.test:x||":                                          "!a host is no name",
	"GET / HTTP/1.1|Host: [::1]x||":                                            "!a host is no name",
	"GET / HTTP/1.1|Host: [a.test]||":                                          "!a host is no name",
	"GET / HTTP/1.1|Host: a.test/b||":                                          "!a host is no name",
	"GET / HTTP/1.1|Host: a.test| b.test||":                                    "!folded",
	"GET / HTTP/1.1| Host: b.test|Host: a.test||":                              "!folded",
	"GET / HTTP/1.1|X: y|\tHost: b.test|Host: a.test||":                        "!folded",
	"GET / HTTP/1.1|Host : a.test||":                                           "!proper name",
	"GET / HTTP/1.1|Host: a.test|X||":                                          "!proper name",
	"GET / HTTP/1.1|Host: a.test|: x||":                                        "!proper name",
	"GET / HTTP/1.1|X: y\nHost: b.test|Host: a.test||":                         "!control",
	"GET / HTTP/1.1|X: y\rHost: b.test|Host: a.test||":                         "!control",
	"GET / HTTP/1.1|Host: a.test\x00.b.test||":                                 "!control",
	"GET / HTTP/1.1\nHost: b.test|Host: a.test||":                              "!request line",
	"GET  / HTTP/1.1|Host: a.test||":                                           "!request line",
	"GET / HTTP/1.1 |Host: a.test||":                                           "!request line",
	"GET /\x01 HTTP/1.1|Host: a.test||":                                        "!request line",
	"GET /||":                                                                  "!request line",
	"|GET / HTTP/1.1|Host: a.test||":                                           "!request line",
	"GET / HTTP/1.2|Host: a.test||":                                            "!not of HTTP/1.0",
	"GET / http/1.1|Host: a.test||":                                            "!not of HTTP/1.0",
	"PRI * HTTP/2.0||SM||":                                                     "2",
	"PRI * HTTP/2.0|Host: a.test||":                                            "2",
	"GET / HTTP/1.1|Host: a.test|":                                             "!EOF",
	"GET / HTTP/1.1|Host: a.test|X: " + strings.Repeat("y", MaxRequest) + "||": "!too long",
	"": "!EOF",
}

// TestHTTPHost: what a request is for, and what two servers could read differently.
func TestHTTPHost(t *testing.T) {
	for text, want := range heads {
		in := strings.ReplaceAll(text, "|", crlf)
		if want == "!ends" {
			want = "!EOF" // bare line feeds end no head
		}
		for _, r := range []io.Reader{strings.NewReader(in), iotest.OneByteReader(strings.NewReader(in))} {
			name, consumed, err := HTTPHost(r)
			problem, bad := strings.CutPrefix(want, "!")
			switch {
			case want == "2":
				if !errors.Is(err, ErrHTTP2) {
					t.Errorf("%.60q: %v", text, err)
				}
			case bad && (err == nil || !strings.Contains(err.Error(), problem) || name != ""), !bad && (err != nil || name != want):
				t.Errorf("%.60q: %q, %v; want %q", text, name, err, want)
			}
			rest, _ := io.ReadAll(r)
			if string(consumed)+string(rest) != in || len(consumed) > MaxRequest {
				t.Errorf("%.60q: %d bytes were read, %d are left", text, len(consumed), len(rest))
			}
		}
	}
}

// TestSniff: each protocol is told from the others, as early as can be.
func TestSniff(t *testing.T) {
	for text, want := range map[string]Sniffed{
		string(helloFor(t, "a.test")):       {App: TLS, Name: "a.test"},
		"GET / HTTP/1.1|Host: a.test||":     {App: HTTP, Name: "a.test"},
		"BREW /pot HTTP/1.1|Host: a.test||": {App: HTTP, Name: "a.test"},
		"GET / HTTP/1.0||":                  {App: HTTP},
		"PRI * HTTP/2.0||SM||\x00\x00":      {App: HTTP2},
		"SSH-2.0-OpenSSH_9.2|":              {App: Opaque},
		"*1|$4|PING|":                       {App: Opaque},
		"EHLO x|":                           {App: Opaque},
		"\x00\x00\x00\x08\x04\xd2\x16\x2f":  {App: Opaque},
		"\x80\x2e\x01\x03\x01":              {App: Opaque},
		"\x15\x03\x01\x00\x02":              {App: Opaque},
		"hello":                             {App: Opaque},
	} {
		in := text
		if want.App != TLS { // which may have any byte in it
			in = strings.ReplaceAll(text, "|", crlf)
		}
		s, consumed, err := Sniff(iotest.OneByteReader(strings.NewReader(in)))
		if s != want || err != nil || !strings.HasPrefix(in, string(consumed)) {
			t.Errorf("%.40q: %+v, %v, %q", text, s, err, consumed)
		}
	}
	for text, want := range map[string]error{
		"\r\nGET / HTTP/1.1|Host: a.test||": ErrMalformed,
		"GET /|":                            io.ErrUnexpectedEOF,
		"GET /||":                           ErrMalformed,
		"get / HTTP/1.1|X|Host: a.test||":   ErrMalformed,
		strings.Repeat("x", 2*maxLine):      ErrTooLong,
		"\x16\x03\x01\x00\x00":              ErrMalformed,
		"":                                  io.ErrUnexpectedEOF,
	} {
		if s, _, err := Sniff(strings.NewReader(strings.ReplaceAll(text, "|", crlf))); !errors.Is(err, want) || s.Name != "" {
			t.Errorf("%.40q: %+v, %v", text, s, err)
		}
	}
}

// FuzzSniff: no input does harm, is lost, or gives a name that is none.
func FuzzSniff(f *testing.F) {
	f.Add(helloFor(f, "www.example.com"))
	f.Add(fragments(helloFor(f, "www.example.com"), 50))
	f.Add(message(extension(0, names(0, "a.test")), extension(0xfe0d, nil)))
	for text := range heads {
		if len(text) < 1000 {
			f.Add([]byte(strings.ReplaceAll(text, "|", crlf)))
		}
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		whole := bytes.NewReader(in)
		s, consumed, err := Sniff(whole)
		if !bytes.HasPrefix(in, consumed) || len(in)-len(consumed) != whole.Len() || len(consumed) > MaxRequest {
			t.Fatalf("%d bytes of %d are given, %d are left", len(consumed), len(in), whole.Len())
		}
		slow, slowly, errSlow := Sniff(iotest.OneByteReader(bytes.NewReader(in)))
		if slow != s || (err == nil) != (errSlow == nil) || !bytes.HasPrefix(in, slowly) {
			t.Fatalf("%+v, %v at once; %+v, %v byte by byte", s, err, slow, errSlow)
		}
		if err == nil && s.Name != "" && s.App == TLS {
			if normal, err := NormalName(s.Name); err != nil || normal != s.Name {
				t.Fatalf("%q, %v", s.Name, err)
			}
		}
		_, _, _ = SNI(bytes.NewReader(in))
		_, _, _ = HTTPHost(bytes.NewReader(in))
	})
}
