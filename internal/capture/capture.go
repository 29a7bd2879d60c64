// Package capture keeps what a program prints, as far as it fits.
package capture

import (
	"bytes"
	"fmt"
	"sync"
)

// Buffer keeps what fits and calls Full once when more comes. It is for one
// writer at a time.
type Buffer struct {
	Limit int // bytes
	Full  func()

	kept bytes.Buffer // not embedded: its ReadFrom knows no limit
	over bool
}

// Write keeps what fits and takes the rest without keeping it.
func (b *Buffer) Write(p []byte) (int, error) {
	room := b.Limit - b.kept.Len()
	if len(p) <= room {
		return b.kept.Write(p)
	}
	b.kept.Write(p[:room])
	if !b.over {
		b.over = true
		b.Full()
	}
	return len(p), nil
}

// Bytes is what was kept.
func (b *Buffer) Bytes() []byte { return b.kept.Bytes() }

// Over tells that there was more.
func (b *Buffer) Over() bool { return b.over }

// keep is how much of the beginning, and of the end, Ends keeps.
const keep = 32 << 10

// Ends keeps the beginning and the end of a stream, 32 KiB each. Its methods are
// safe for concurrent use.
type Ends struct {
	mu      sync.Mutex
	head    []byte
	tail    []byte
	skipped int
}

// Write never fails.
func (e *Ends) Write(p []byte) (int, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	n := len(p)
	if room := keep - len(e.head); room > 0 {
		room = min(room, len(p))
		e.head = append(e.head, p[:room]...)
		p = p[room:]
	}
	e.tail = append(e.tail, p...)
	if over := len(e.tail) - keep; over > 0 {
		e.skipped += over
		e.tail = append(e.tail[:0], e.tail[over:]...)
	}
	return n, nil
}

// Bytes is what was kept, with a line between the two that says how much is
// missing.
func (e *Ends) Bytes() []byte {
	e.mu.Lock()
	defer e.mu.Unlock()
	b := e.head
	if e.skipped > 0 {
		b = fmt.Appendf(b, "\n... %d bytes left out ...\n", e.skipped)
	}
	return append(b, e.tail...)
}
