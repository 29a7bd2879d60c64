package logs

import (
	"fmt"
	"time"
	"unicode/utf8"
)

// encoder writes records as Docker's json-file driver does. It keeps the text of
// the last second, because most entries are of the same one.
type encoder struct {
	second int64
	text   []byte // "2006-01-02T15:04:05"; empty before the first entry
}

// appendRecord appends an entry as one line.
func (c *encoder) appendRecord(b []byte, e *Entry) ([]byte, error) {
	start := len(b)
	b = append(b, '{')
	if len(e.Line) > 0 || !e.Partial {
		b = append(b, `"log":"`...)
		b = appendEscaped(b, e.Line)
		if !e.Partial && (len(e.Line) == 0 || e.Line[len(e.Line)-1] != '\n') {
			b = append(b, `\n`...)
		}
		b = append(b, `",`...)
	}
	if e.Stream != "" {
		b = append(b, `"stream":"`...)
		b = appendEscaped(b, []byte(e.Stream))
		b = append(b, `",`...)
	}
	b = append(b, `"time":"`...)
	b, err := c.appendTime(b, e.Time)
	if err != nil {
		return b[:start], err
	}
	return append(b, "\"}\n"...), nil
}

// appendTime appends the time in RFC 3339 with nanoseconds, in UTC.
func (c *encoder) appendTime(b []byte, t time.Time) ([]byte, error) {
	if sec := t.Unix(); sec != c.second || len(c.text) == 0 {
		u := t.UTC()
		if y := u.Year(); y < 0 || y > 9999 {
			return b, fmt.Errorf("entry of the year %d: %w", y, errLate)
		}
		c.text = u.AppendFormat(c.text[:0], "2006-01-02T15:04:05")
		c.second = sec
	}
	b = append(b, c.text...)
	if ns := t.Nanosecond(); ns != 0 {
		var digits [10]byte
		digits[0] = '.'
		for i := 9; i > 0; i-- {
			digits[i] = byte('0' + ns%10)
			ns /= 10
		}
		n := len(digits)
		for digits[n-1] == '0' {
			n--
		}
		b = append(b, digits[:n]...)
	}
	return append(b, 'Z'), nil
}

const hexDigits = "0123456789abcdef"

// appendEscaped appends the inside of a JSON string. Docker escapes what HTML
// gives a meaning to, the line separators of JavaScript, and every control
// character but newline and return by its number; each byte that is no UTF-8
// becomes U+FFFD.
func appendEscaped(b, s []byte) []byte {
	start := 0
	for i := 0; i < len(s); {
		c := s[i]
		if c < utf8.RuneSelf {
			if isPlain(c) {
				i++
				continue
			}
			b = append(b, s[start:i]...)
			switch c {
			case '\\', '"':
				b = append(b, '\\', c)
			case '\n':
				b = append(b, '\\', 'n')
			case '\r':
				b = append(b, '\\', 'r')
			default:
				b = append(b, '\\', 'u', '0', '0', hexDigits[c>>4], hexDigits[c&0xf])
			}
			i++
			start = i
			continue
		}
		r, size := utf8.DecodeRune(s[i:])
		switch {
		case r == utf8.RuneError && size == 1:
			b = append(append(b, s[start:i]...), `\ufffd`...)
			start = i + size
		case r == '\u2028' || r == '\u2029':
			b = append(append(b, s[start:i]...), `\u202`...)
			b = append(b, hexDigits[r&0xf])
			start = i + size
		}
		i += size
	}
	return append(b, s[start:]...)
}

// isPlain tells whether an ASCII character stands for itself in a JSON string.
func isPlain(c byte) bool {
	const (
		low  = 0xffffffff_00000000 &^ (1<<'"' | 1<<'&' | 1<<'<' | 1<<'>') // none below the space
		high = 0xffffffff_ffffffff &^ (1 << ('\\' - 64))
	)
	if c < 64 {
		return uint64(low)>>c&1 != 0
	}
	return uint64(high)>>(c-64)&1 != 0
}
