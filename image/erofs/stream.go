package erofs

import (
	"bytes"
	"fmt"
	"io"

	"github.com/sandkit/sandkit/image"
)

const (
	windowSize = 1 << 20 // what is written at once
	holeSize   = 64 << 10
)

// stream writes an image from its begin to its end through a window, the only
// part of the image that is in memory. Its end is a block's end whenever no
// file is being added.
type stream struct {
	w     io.WriterAt
	buf   []byte
	begin int64 // of the window in the image, a multiple of the block size
	n     int   // bytes in the window
	block int   // size
	limit int64
	hole  bool // what is right before the window was left out
}

func (s *stream) end() int64 { return s.begin + int64(s.n) }

// slack is how much larger the image may be before its end, when blocks may
// still be given back.
const slack = 2 * chunkSize

// check tells whether n more bytes are allowed for now.
func (s *stream) check(n int64) error { return s.checkLimit(n - slack) }

// checkLimit tells whether n more bytes are allowed in the end.
func (s *stream) checkLimit(n int64) error {
	if n > s.limit-s.end() {
		return &image.LimitError{What: "size of the image", Limit: s.limit}
	}
	return nil
}

// room gives the free part of the window, which is never empty.
func (s *stream) room() ([]byte, error) {
	if s.n == len(s.buf) {
		if err := s.flush(); err != nil {
			return nil, err
		}
	}
	return s.buf[s.n:], nil
}

func (s *stream) write(b []byte) error {
	if err := s.check(int64(len(b))); err != nil {
		return err
	}
	for len(b) > 0 {
		free, err := s.room()
		if err != nil {
			return err
		}
		n := copy(free, b)
		s.n += n
		b = b[n:]
	}
	return nil
}

// align fills the block up.
func (s *stream) align() error { return s.zero(roundUp(s.end(), int64(s.block)) - s.end()) }

// zero adds n zeros.
func (s *stream) zero(n int64) error {
	if err := s.check(n); err != nil {
		return err
	}
	for n > 0 {
		free, err := s.room()
		if err != nil {
			return err
		}
		k := min(n, int64(len(free)))
		clear(free[:k])
		s.n += int(k)
		n -= k
	}
	return nil
}

// reserve adds n zeros that are in the window all at once.
func (s *stream) reserve(n int) (at int64, err error) {
	if s.n+n > len(s.buf) {
		if err := s.flush(); err != nil {
			return 0, err
		}
	}
	at = s.end()
	return at, s.zero(int64(n))
}

// patch replaces bytes, which are all in the window or all before it.
func (s *stream) patch(at int64, b []byte) error {
	if at >= s.begin {
		copy(s.buf[at-s.begin:], b)
		return nil
	}
	return s.put(at, b)
}

func (s *stream) put(at int64, b []byte) error {
	if _, err := s.w.WriteAt(b, at); err != nil {
		return fmt.Errorf("write image: %w", err)
	}
	return nil
}

// flush writes the window out, but for long runs of zeros.
func (s *stream) flush() error {
	b := s.buf[:s.n]
	for at := 0; at < len(b); {
		next := min(at+holeSize, len(b))
		s.hole = isZero(b[at:next])
		if s.hole {
			at = next
			continue
		}
		for next < len(b) && !isZero(b[next:min(next+holeSize, len(b))]) {
			next = min(next+holeSize, len(b))
		}
		if err := s.put(s.begin+int64(at), b[at:next]); err != nil {
			return err
		}
		at = next
	}
	s.begin += int64(s.n)
	s.n = 0
	return nil
}

// finish writes the rest, and in any case the last block, which gives the
// image its length.
func (s *stream) finish() error {
	if err := s.flush(); err != nil || !s.hole {
		return err
	}
	return s.put(s.begin-int64(s.block), make([]byte, s.block))
}

func isZero(b []byte) bool {
	return len(b) == 0 || b[0] == 0 && bytes.Equal(b[1:], b[:len(b)-1])
}
