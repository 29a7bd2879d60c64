package logs

import (
	"bytes"
	"time"
	"unicode/utf8"
)

// MaxLine is the length in bytes above which a line is split, newline included,
// as Docker does.
const MaxLine = 16 << 10

// A Splitter makes entries from the bytes of one stream. A line of more than
// [MaxLine] bytes is cut into partial entries of that size, or up to three bytes
// less so as not to cut through a character. It is not safe for concurrent use.
type Splitter struct {
	stream  Stream
	now     func() time.Time
	pending []byte  // of a line whose end is to come, less than MaxLine
	joined  []byte  // pending and what was written, when both are needed
	entries []Entry // the last result
}

// NewSplitter makes a Splitter for a stream that takes the time from now.
func NewSplitter(stream Stream, now func() time.Time) *Splitter {
	return &Splitter{stream: stream, now: now}
}

// Write takes the next bytes of the stream and gives the entries that they
// complete. These, and their lines, are valid until the next call and as long as
// p does not change.
func (s *Splitter) Write(p []byte) []Entry {
	data := p
	if len(s.pending) > 0 {
		s.joined = append(append(s.joined[:0], s.pending...), p...)
		data = s.joined
	}
	s.entries = s.entries[:0]
	var now time.Time
	for len(data) > 0 {
		n, partial := len(data), false
		if i := bytes.IndexByte(data[:min(n, MaxLine)], '\n'); i >= 0 {
			n = i + 1
		} else if n >= MaxLine {
			n, partial = wholeRunes(data[:MaxLine]), true
		} else {
			break
		}
		if len(s.entries) == 0 {
			now = s.now()
		}
		s.entries = append(s.entries, Entry{Time: now, Stream: s.stream, Line: data[:n:n], Partial: partial})
		data = data[n:]
	}
	s.pending = append(s.pending[:0], data...)
	return s.entries
}

// Flush gives what is left at the end of the stream as a partial entry, valid
// until the next call; false when nothing is.
func (s *Splitter) Flush() (Entry, bool) {
	if len(s.pending) == 0 {
		return Entry{}, false
	}
	e := Entry{Time: s.now(), Stream: s.stream, Line: s.pending, Partial: true}
	s.pending = nil // e has it
	return e, true
}

// Pending is what was written of a line whose end is to come, valid until the next
// call. Who writes it to another Splitter goes on there.
func (s *Splitter) Pending() []byte { return s.pending }

// wholeRunes gives the length of b without the beginning of a character at its
// end.
func wholeRunes(b []byte) int {
	for i := 1; i < utf8.UTFMax && i < len(b); i++ {
		if start := len(b) - i; utf8.RuneStart(b[start]) {
			if !utf8.FullRune(b[start:]) {
				return start
			}
			break
		}
	}
	return len(b)
}
