package logs

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"
	"time"
	"unicode/utf8"
)

// decodeRecord reads one line of a file, without its newline. Files that Docker
// wrote may have more fields.
func decodeRecord(line []byte) (Entry, error) {
	if e, ok := decodeUsual(line); ok {
		return e, nil
	}
	return decodeAny(line)
}

// decodeAny reads any JSON object that has the fields.
func decodeAny(line []byte) (Entry, error) {
	var record struct {
		Log    string     `json:"log"`
		Stream Stream     `json:"stream"`
		Time   *time.Time `json:"time"`
	}
	if err := json.Unmarshal(line, &record); err != nil {
		return Entry{}, err
	}
	if record.Time == nil {
		return Entry{}, errors.New("record without a time")
	}
	e := Entry{Time: record.Time.UTC(), Stream: record.Stream, Line: []byte(record.Log)}
	e.Partial = !strings.HasSuffix(record.Log, "\n")
	return e, nil
}

// decodeUsual reads a record in the very form in which appendRecord and Docker
// write one, and is many times faster. It says false to whatever is not so.
func decodeUsual(line []byte) (Entry, bool) {
	rest, ok := bytes.CutPrefix(line, []byte(`{"log":"`))
	if !ok {
		return Entry{}, false
	}
	text, rest, ok := unescape(rest)
	if !ok {
		return Entry{}, false
	}
	e := Entry{Line: text, Partial: !bytes.HasSuffix(text, []byte("\n"))}
	rest, ok = bytes.CutPrefix(rest, []byte(`,"stream":"std`))
	if !ok {
		return Entry{}, false
	}
	if after, ok := bytes.CutPrefix(rest, []byte(`out","time":"`)); ok {
		e.Stream, rest = Stdout, after
	} else if after, ok := bytes.CutPrefix(rest, []byte(`err","time":"`)); ok {
		e.Stream, rest = Stderr, after
	} else {
		return Entry{}, false
	}
	stamp, ok := bytes.CutSuffix(rest, []byte(`"}`))
	if !ok || e.Time.UnmarshalText(stamp) != nil {
		return Entry{}, false
	}
	e.Time = e.Time.UTC()
	return e, true
}

// unescape reads a JSON string up to the quote that ends it, and gives what
// comes after.
func unescape(s []byte) (text, rest []byte, ok bool) {
	end := bytes.IndexByte(s, '"')
	for end > 0 && s[end-1] == '\\' { // perhaps not the end
		n := 0
		for n < end && s[end-1-n] == '\\' {
			n++
		}
		if n%2 == 0 {
			break
		}
		next := bytes.IndexByte(s[end+1:], '"')
		if next < 0 {
			return nil, nil, false
		}
		end += 1 + next
	}
	if end < 0 || !utf8.Valid(s[:end]) {
		return nil, nil, false
	}
	text = make([]byte, 0, end)
	for i := 0; i < end; {
		c := s[i]
		if c < ' ' {
			return nil, nil, false
		}
		if c != '\\' {
			text = append(text, c)
			i++
			continue
		}
		var size int
		if text, size = appendUnescaped(text, s[i+1:end]); size == 0 {
			return nil, nil, false
		}
		i += 1 + size
	}
	return text, s[end+1:], true
}

// appendUnescaped reads what comes after a backslash and tells how long it was;
// 0 for what it does not know.
func appendUnescaped(b, s []byte) ([]byte, int) {
	if len(s) == 0 {
		return b, 0
	}
	switch s[0] {
	case 'n':
		return append(b, '\n'), 1
	case 'r':
		return append(b, '\r'), 1
	case 't':
		return append(b, '\t'), 1
	case '"', '\\', '/':
		return append(b, s[0]), 1
	case 'u':
		r, ok := hex4(s[1:])
		if !ok || r >= 0xd800 && r < 0xe000 { // half of a character: not as we write
			return b, 0
		}
		return utf8.AppendRune(b, r), 5
	}
	return b, 0
}

// hex4 reads four hexadecimal digits.
func hex4(s []byte) (r rune, ok bool) {
	if len(s) < 4 {
		return 0, false
	}
	for _, c := range s[:4] {
		switch {
		case c >= '0' && c <= '9':
			c -= '0'
		case c >= 'a' && c <= 'f':
			c -= 'a' - 10
		case c >= 'A' && c <= 'F':
			c -= 'A' - 10
		default:
			return 0, false
		}
		r = r<<4 | rune(c)
	}
	return r, true
}
