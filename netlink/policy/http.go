package policy

import (
	"bytes"
	"errors"
	"io"
	"net/netip"
	"slices"
	"strconv"
	"strings"
)

// MaxRequest bounds the head of a request.
const MaxRequest = 64 << 10

// ErrHTTP2 is the error for HTTP/2 without TLS.
var ErrHTTP2 = errors.New("it is HTTP/2 without TLS")

// HTTPHost reads the head of an HTTP/1 request, at most [MaxRequest] bytes, and gives
// the host that it is for, without the port: a name in its normal form or an address.
// It is empty for a request of HTTP/1.0 that names none. All that was read is given as
// well, also with an error; it may be more than the head.
//
// It is strict where servers differ: a Host that is missing, there twice or different
// from the one in the request line, folded lines, bare line feeds, and whatever else
// is against RFC 9112 is an error that matches [ErrMalformed]. Others match
// [ErrTooLong] or [ErrHTTP2], or are the reader's.
func HTTPHost(r io.Reader) (name string, consumed []byte, err error) {
	h := &head{r: r}
	name, err = h.request()
	return name, h.buf, err
}

var (
	headEnd = []byte("\r\n\r\n")
	preface = []byte("PRI * HTTP/2.0\r\n")
)

func (h *head) request() (string, error) {
	for from := 0; ; {
		if i := bytes.Index(h.buf[from:], headEnd); i >= 0 {
			return parseRequest(string(h.buf[:from+i]))
		}
		if bytes.HasPrefix(h.buf, preface) {
			return "", ErrHTTP2
		}
		from = max(0, len(h.buf)-len(headEnd)+1)
		if err := h.more(MaxRequest); err != nil {
			return "", err
		}
	}
}

// parseRequest reads a head without the empty line at its end.
func parseRequest(head string) (string, error) {
	first, fields, _ := strings.Cut(head, "\r\n")
	words := strings.Split(first, " ")
	if len(words) != 3 || !isToken(words[0]) || !isVisible(words[1]) {
		return "", malformed("the request line is none of HTTP/1")
	}
	method, target, version := words[0], words[1], words[2]
	switch version {
	case "HTTP/1.0", "HTTP/1.1":
	case "HTTP/2.0":
		return "", ErrHTTP2
	default:
		return "", malformed("the request is not of HTTP/1.0 or 1.1")
	}
	values, err := hostFields(fields)
	if err != nil {
		return "", err
	}
	if len(values) > 1 || len(values) == 0 && version == "HTTP/1.1" {
		return "", malformed("there is not exactly one Host")
	}
	var hosts []string
	for _, v := range values {
		if v == "" { // as RFC 9112 wants it where the target has no host
			return "", malformed("Host is empty")
		}
		hosts = append(hosts, v)
	}
	authority, ok := targetHost(method, target)
	if !ok {
		return "", malformed("the target of the request has no form of HTTP/1")
	}
	if authority != "" {
		hosts = append(hosts, authority)
	}
	name := ""
	for _, text := range hosts {
		host, ok := hostOnly(text)
		switch {
		case !ok:
			return "", malformed("a host is no name, no address, or has a port that is none")
		case name != "" && name != host:
			return "", malformed("Host and the target of the request differ")
		}
		name = host
	}
	return name, nil
}

// hostFields are the values of Host.
func hostFields(fields string) ([]string, error) {
	if fields == "" {
		return nil, nil
	}
	var hosts []string
	for line := range strings.SplitSeq(fields, "\r\n") {
		key, value, ok := strings.Cut(line, ":")
		switch {
		case strings.HasPrefix(line, " "), strings.HasPrefix(line, "\t"):
			return nil, malformed("a header is folded")
		case !ok || !isToken(key):
			return nil, malformed("a header has no proper name")
		case strings.ContainsFunc(value, isControl):
			return nil, malformed("a header contains a control character")
		}
		if strings.EqualFold(key, "Host") {
			hosts = append(hosts, strings.Trim(value, " \t"))
		}
	}
	return hosts, nil
}

// targetHost gives the host and port in the target of a request; empty if it has
// none.
func targetHost(method, target string) (authority string, ok bool) {
	if method == "CONNECT" {
		return target, target != "" && !strings.ContainsAny(target, "/?#")
	}
	if target == "*" {
		return "", method == "OPTIONS"
	}
	if strings.HasPrefix(target, "/") {
		return "", true
	}
	scheme, rest, ok := strings.Cut(target, "://")
	if !ok || !strings.EqualFold(scheme, "http") && !strings.EqualFold(scheme, "https") {
		return "", false
	}
	if i := strings.IndexAny(rest, "/?#\\"); i >= 0 {
		rest = rest[:i]
	}
	return rest, rest != ""
}

// hostOnly takes the port off a host, and gives the host in its normal form.
func hostOnly(s string) (string, bool) {
	host, port, hasPort := strings.Cut(s, ":")
	if inner, ok := strings.CutPrefix(s, "["); ok {
		var after string
		host, after, ok = strings.Cut(inner, "]")
		port, hasPort = strings.CutPrefix(after, ":")
		a, err := netip.ParseAddr(host)
		if !ok || err != nil || !a.Is6() || a.Zone() != "" || after != "" && !hasPort {
			return "", false
		}
		host = a.String()
	} else if a, err := netip.ParseAddr(host); err == nil {
		host = a.String()
	} else if host, err = NormalName(host); err != nil {
		return "", false
	}
	if hasPort && port != "" {
		if _, err := strconv.ParseUint(port, 10, 16); err != nil {
			return "", false
		}
	}
	return host, true
}

// isToken tells whether s can be a method or the name of a header.
func isToken(s string) bool {
	return s != "" && !slices.ContainsFunc([]byte(s), func(c byte) bool { return !isTokenByte(c) })
}

func isTokenByte(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || strings.IndexByte("!#$%&'*+-.^_`|~", c) >= 0
}

func isVisible(s string) bool {
	return s != "" && !slices.ContainsFunc([]byte(s), func(c byte) bool { return c <= ' ' || c >= 0x7f })
}

func isControl(r rune) bool { return r < ' ' && r != '\t' || r == 0x7f }
