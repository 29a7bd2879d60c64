package policy

import (
	"bytes"
	"errors"
	"io"
	"slices"
	"strings"
)

// Sniffed is what a connection begins with.
type Sniffed struct {
	App  App
	Name string // in its normal form; empty if it tells none
	ECH  bool
}

// Sniff reads the beginning of a connection, as [SNI] or [HTTPHost] do, whichever it
// is for. A protocol that is neither is [Opaque], as soon as that is clear. All that
// was read is given as well, also with an error.
func Sniff(r io.Reader) (s Sniffed, consumed []byte, err error) {
	h := &head{r: r}
	s, err = h.sniff()
	return s, h.buf, err
}

func (h *head) sniff() (Sniffed, error) {
	app, err := h.app()
	if err != nil {
		return Sniffed{App: app}, err
	}
	s := Sniffed{App: app}
	switch app {
	case TLS:
		var hello Hello
		hello, err = h.hello()
		s.Name, s.ECH = hello.Name, hello.ECH
	case HTTP:
		s.Name, err = h.request()
		if errors.Is(err, ErrHTTP2) {
			return Sniffed{App: HTTP2}, nil
		}
	case Unseen, Opaque, HTTP2:
	}
	return s, err
}

// maxLine bounds the first line of what may be a request.
const maxLine = 16 << 10

// methods begin requests also where the rest of the line is not as it should be.
var methods = []string{"GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH", "PRI"}

// app reads until it is clear what it is.
func (h *head) app() (App, error) {
	if err := h.atLeast(1, maxLine); err != nil {
		return Unseen, err
	}
	switch h.buf[0] {
	case recordHandshake:
		return TLS, nil
	case '\r', '\n':
		return HTTP, nil // servers skip empty lines before a request
	}
	for at := 0; ; {
		for ; at < len(h.buf); at++ {
			switch c := h.buf[at]; {
			case c == ' ' && slices.Contains(methods, strings.ToUpper(string(h.buf[:at]))):
				return HTTP, nil
			case c == '\n':
				if bytes.Contains(bytes.ToUpper(h.buf[:at]), []byte(" HTTP/")) {
					return HTTP, nil
				}
				return Opaque, nil
			case c < ' ' && c != '\t' && c != '\r', c >= 0x7f:
				return Opaque, nil
			}
		}
		switch err := h.more(maxLine); {
		case errors.Is(err, io.ErrUnexpectedEOF):
			return Opaque, nil // it will be no request any more
		case err != nil:
			return Unseen, err
		}
	}
}
