package logs

import (
	"bytes"
	"time"
)

// Stream says where a program printed something.
type Stream string

// The streams of a program. One with a terminal has only Stdout.
const (
	Stdout Stream = "stdout"
	Stderr Stream = "stderr"
)

// Entry is a line, or a part of one that is too long or has no end.
type Entry struct {
	// Time is when the last byte of the line arrived.
	Time time.Time
	// Stream is where it was printed.
	Stream Stream
	// Line is what was printed, with the final newline unless Partial is set.
	Line []byte
	// Partial is set when the line goes on in the next entry of the stream, or
	// ends without a newline where the stream ends.
	Partial bool
}

// timeLayout gives all times the same width, as `docker logs -t` does.
const timeLayout = "2006-01-02T15:04:05.000000000Z07:00"

// String gives time, stream and line, without the newline.
func (e Entry) String() string {
	b := e.Time.AppendFormat(make([]byte, 0, len(e.Line)+48), timeLayout)
	b = append(b, ' ')
	b = append(b, e.Stream...)
	b = append(b, ' ')
	return string(append(b, bytes.TrimSuffix(e.Line, []byte("\n"))...))
}
