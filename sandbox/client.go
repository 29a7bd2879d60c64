package sandbox

import (
	"slices"
	"sync"

	"github.com/sandkit/sandkit/sandbox/logs"
)

// attachBuffer is how much output waits for each client, in bytes, with what it
// takes to keep pieces apart.
const attachBuffer = 1 << 20

// chunkSize bounds what a client gets at once, and chunkCost is what a chunk
// counts besides its bytes.
const chunkSize, chunkCost = 32 << 10, 64

// A client is somebody who gets the output. What it has not taken yet waits in a
// bounded buffer; when that is full, the oldest goes.
type client struct {
	// wants tells whether it takes a stream.
	wants func(logs.Stream) bool
	more  chan struct{} // takes one; told when there is something to take

	mu     sync.Mutex
	chunks []chunk // those before head are gone
	head   int
	size   int
	lost   int64
}

type chunk struct {
	stream logs.Stream
	data   []byte
}

func (c chunk) cost() int { return len(c.data) + chunkCost }

func newClient(wants func(logs.Stream) bool) *client {
	return &client{wants: wants, more: make(chan struct{}, 1)}
}

// push adds a piece of output.
func (c *client) push(stream logs.Stream, p []byte) {
	if len(p) == 0 || !c.wants(stream) {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for len(p) > 0 {
		n := c.extend(stream, p)
		p = p[n:]
	}
	for c.size > attachBuffer {
		c.lost += int64(len(c.pop().data))
	}
	select {
	case c.more <- struct{}{}:
	default: // it knows
	}
}

// extend adds what the last chunk takes, or a new one.
func (c *client) extend(stream logs.Stream, p []byte) int {
	if last := len(c.chunks) - 1; last >= c.head && c.chunks[last].stream == stream && len(c.chunks[last].data) < chunkSize {
		n := min(len(p), chunkSize-len(c.chunks[last].data))
		c.chunks[last].data = append(c.chunks[last].data, p[:n]...)
		c.size += n
		return n
	}
	n := min(len(p), chunkSize)
	next := chunk{stream, slices.Clone(p[:n])}
	c.chunks = append(c.chunks, next)
	c.size += next.cost()
	return n
}

// pop takes the oldest chunk.
func (c *client) pop() chunk {
	first := c.chunks[c.head]
	c.chunks[c.head] = chunk{}
	c.size -= first.cost()
	if c.head++; c.head > len(c.chunks)/2 {
		c.chunks, c.head = slices.Delete(c.chunks, 0, c.head), 0
	}
	return first
}

// take gives the oldest piece, false when there is none.
func (c *client) take() (chunk, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.head == len(c.chunks) {
		return chunk{}, false
	}
	return c.pop(), true
}

// dropped tells how much was lost, nil if nothing was.
func (c *client) dropped() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.lost == 0 {
		return nil
	}
	return &DroppedError{Bytes: c.lost}
}
