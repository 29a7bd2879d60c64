package policy

import (
	"errors"
	"io"
)

// ErrTooLong is matched by the error for a beginning that does not end within its
// bound.
var ErrTooLong = errors.New("the beginning of the connection is too long")

// head is the beginning of a connection. Every byte that was read is kept.
type head struct {
	r   io.Reader
	buf []byte
}

// firstRead is what is read at a time at first.
const firstRead = 2048

// more reads at least one byte more, unless there are limit already.
func (h *head) more(limit int) error {
	if len(h.buf) >= limit {
		return ErrTooLong
	}
	if len(h.buf) == cap(h.buf) {
		bigger := make([]byte, len(h.buf), min(max(firstRead, 2*cap(h.buf)), limit))
		copy(bigger, h.buf)
		h.buf = bigger
	}
	for range 100 {
		n, err := h.r.Read(h.buf[len(h.buf):cap(h.buf)])
		h.buf = h.buf[:len(h.buf)+n]
		switch {
		case n > 0:
			return nil // an error comes again
		case errors.Is(err, io.EOF):
			return io.ErrUnexpectedEOF
		case err != nil:
			return err
		}
	}
	return io.ErrNoProgress
}

// atLeast reads until there are n bytes.
func (h *head) atLeast(n, limit int) error {
	if n > limit {
		return ErrTooLong
	}
	for len(h.buf) < n {
		if err := h.more(limit); err != nil {
			return err
		}
	}
	return nil
}
