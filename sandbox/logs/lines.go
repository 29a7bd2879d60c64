package logs

import (
	"bytes"
	"errors"
	"io"
)

// maxRecord is how long a line of a file may be, in bytes; a longer one is none
// of ours. The longest that is takes six bytes for each one of its 16 KiB.
const maxRecord = 1 << 20

// lineReader gives the lines of a file that may still grow.
type lineReader struct {
	src    io.Reader
	buf    []byte
	start  int  // of what was not given yet
	looked int  // there is no newline before
	skip   bool // within a line that is too long
}

// next gives the next line without its newline, valid until the next call, or
// io.EOF when there is none that is complete. It may be called again then.
func (l *lineReader) next() ([]byte, error) {
	for {
		if i := bytes.IndexByte(l.buf[l.looked:], '\n'); i >= 0 {
			line := l.buf[l.start : l.looked+i]
			l.start = l.looked + i + 1
			l.looked = l.start
			if l.skip {
				l.skip = false
				continue
			}
			return line, nil
		}
		l.looked = len(l.buf)
		if l.looked-l.start > maxRecord {
			l.skip, l.start = true, l.looked
		}
		if err := l.fill(); err != nil {
			return nil, err
		}
	}
}

// fill reads more.
func (l *lineReader) fill() error {
	if l.start > 0 {
		l.buf = l.buf[:copy(l.buf, l.buf[l.start:])]
		l.looked -= l.start
		l.start = 0
	}
	if cap(l.buf)-len(l.buf) < readSize/2 {
		l.buf = append(make([]byte, 0, max(2*cap(l.buf), readSize)), l.buf...)
	}
	n, err := l.src.Read(l.buf[len(l.buf):cap(l.buf)])
	l.buf = l.buf[:len(l.buf)+n]
	if n > 0 || err == nil {
		return nil
	}
	if errors.Is(err, io.ErrUnexpectedEOF) {
		return io.EOF // a packed file without its end: what is there is there
	}
	return err
}

const readSize = 64 << 10

// reset forgets what was read, for another source.
func (l *lineReader) reset(src io.Reader) { *l = lineReader{src: src, buf: l.buf[:0]} }
