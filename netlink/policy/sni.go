package policy

import (
	"errors"
	"fmt"
	"io"
	"slices"
)

// MaxHello bounds the bytes in which a ClientHello has to end.
const MaxHello = 16 << 10

// ErrMalformed is matched by the error for a ClientHello or a request that is
// against its protocol's rules, or of which two programs could read different names.
var ErrMalformed = errors.New("malformed")

func malformed(why string) error { return fmt.Errorf("%w: %s", ErrMalformed, why) }

// Hello is what a TLS ClientHello tells.
type Hello struct {
	Name string // the server name in its normal form; empty if there is none
	ECH  bool   // there is an encrypted ClientHello, or what pretends to be one
}

// SNI reads a TLS ClientHello, over as many records and reads as it takes, but at most
// [MaxHello] bytes. All that was read is given as well, also with an error; it may be
// more than the ClientHello. The error matches [ErrMalformed], [ErrTooLong], or is
// the reader's, with io.ErrUnexpectedEOF for an early end.
func SNI(r io.Reader) (hello Hello, consumed []byte, err error) {
	h := &head{r: r}
	hello, err = h.hello()
	return hello, h.buf, err
}

func (h *head) hello() (Hello, error) {
	var message []byte // without the records
	at, size := 0, 4   // size is known when the message's own header is there
	for len(message) < size {
		if err := h.atLeast(at+5, MaxHello); err != nil {
			return Hello{}, err
		}
		record := h.buf[at:]
		length := int(record[3])<<8 | int(record[4])
		switch {
		case record[0] != recordHandshake || record[1] != 3:
			return Hello{}, malformed("it is no TLS handshake")
		case length == 0 || length > 1<<14:
			return Hello{}, malformed("a TLS record has no proper length")
		}
		if err := h.atLeast(at+5+length, MaxHello); err != nil {
			return Hello{}, err
		}
		message = append(message, h.buf[at+5:at+5+length]...)
		at += 5 + length
		if message[0] != clientHello {
			return Hello{}, malformed("the handshake begins with no ClientHello")
		}
		if len(message) >= 4 {
			size = 4 + (int(message[1])<<16 | int(message[2])<<8 | int(message[3]))
		}
		if size > MaxHello {
			return Hello{}, ErrTooLong
		}
	}
	return parseHello(message[4:size])
}

const (
	recordHandshake = 22
	clientHello     = 1
	extServerName   = 0
	extESNI         = 0xffce // the draft that came before ECH
	extECH          = 0xfe0d
)

// parseHello reads a message of which all is there.
func parseHello(b []byte) (Hello, error) {
	var hello Hello
	in := input{b, true}
	in.take(2 + 32)    // version, random
	in.take(in.int(1)) // session
	in.take(in.int(2)) // cipher suites
	in.take(in.int(1)) // compressions
	if in.ok && len(in.b) == 0 {
		return hello, nil // TLS 1.2 without extensions
	}
	extensions := in.rest(2)
	var seen []int
	for in.ok && extensions.ok && len(extensions.b) > 0 {
		kind := extensions.int(2)
		body := input{extensions.take(extensions.int(2)), extensions.ok}
		if slices.Contains(seen, kind) {
			return Hello{}, malformed("a TLS extension is there twice")
		}
		seen = append(seen, kind)
		switch kind {
		case extECH, extESNI:
			hello.ECH = true
		case extServerName:
			name, err := serverName(body)
			if err != nil {
				return Hello{}, err
			}
			hello.Name = name
		}
	}
	if !in.ok || !extensions.ok {
		return Hello{}, malformed("the lengths in the ClientHello do not fit")
	}
	return hello, nil
}

// serverName reads the extension, which has to hold one name.
func serverName(body input) (string, error) {
	list := body.rest(2)
	kind := list.int(1)
	name := list.take(list.int(2))
	if !body.ok || !list.ok || kind != 0 || len(list.b) != 0 {
		return "", malformed("there is not exactly one server name")
	}
	normal, err := NormalName(string(name))
	if err != nil {
		return "", fmt.Errorf("%w: server %w", ErrMalformed, err)
	}
	return normal, nil
}

// input is taken from its beginning, and not ok any more when it was too short.
type input struct {
	b  []byte
	ok bool
}

func (in *input) take(n int) []byte {
	if !in.ok || n > len(in.b) {
		in.ok = false
		return nil
	}
	taken := in.b[:n]
	in.b = in.b[n:]
	return taken
}

// int takes a number of so many bytes.
func (in *input) int(size int) int {
	n := 0
	for _, c := range in.take(size) {
		n = n<<8 | int(c)
	}
	return n
}

// rest takes all, which has to be as long as the number before it says.
func (in *input) rest(size int) input {
	n := in.int(size)
	if n != len(in.b) {
		in.ok = false
	}
	return input{in.take(n), in.ok}
}
