package sandbox

import (
	"io"
	"slices"
	"sync"
	"time"

	"github.com/sandkit/sandkit/sandbox/logs"
)

// A fan gives output to everybody who is attached. Nobody holds it up. The zero
// value is ready, and a nil one has nobody.
type fan struct {
	mu      sync.Mutex
	clients []*client
}

// deliver gives everybody a piece of output. Before that, while nobody can join
// or leave, it calls note.
func (f *fan) deliver(stream logs.Stream, p []byte, note func()) {
	if f == nil {
		note()
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	note()
	for _, c := range f.clients {
		c.push(stream, p)
	}
}

// join adds a client. Before it gets the first piece, it calls note with the
// time, which is that of nothing that it gets.
func (f *fan) join(c *client, note func(time.Time)) {
	f.mu.Lock()
	defer f.mu.Unlock()
	note(time.Now())
	f.clients = append(f.clients, c)
}

// leave ends join.
func (f *fan) leave(c *client) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.clients = slices.DeleteFunc(f.clients, func(x *client) bool { return x == c })
}

// tee gives a writer that writes to w and to everybody who is attached.
func (f *fan) tee(stream logs.Stream, w io.Writer) io.Writer {
	if f == nil {
		return w
	}
	return &tee{f, stream, w}
}

type tee struct {
	fan    *fan
	stream logs.Stream
	to     io.Writer
}

// Write gives it to those who are attached first: they do not wait.
func (t *tee) Write(p []byte) (int, error) {
	t.fan.deliver(t.stream, p, func() {})
	return t.to.Write(p)
}

// attachBuffer is how much output waits for each client, in bytes, with what it
// takes to keep them apart.
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
	chunks []chunk
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
	if !c.wants(stream) {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for len(p) > 0 {
		n := c.extend(stream, p)
		p = p[n:]
	}
	drop := 0
	for ; c.size > attachBuffer; drop++ {
		c.size -= c.chunks[drop].cost()
		c.lost += int64(len(c.chunks[drop].data))
	}
	c.chunks = slices.Delete(c.chunks, 0, drop)
	select {
	case c.more <- struct{}{}:
	default: // it knows
	}
}

// extend adds what the last chunk takes, or a new one.
func (c *client) extend(stream logs.Stream, p []byte) int {
	if last := len(c.chunks) - 1; last >= 0 && c.chunks[last].stream == stream && len(c.chunks[last].data) < chunkSize {
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

// take gives the oldest piece, false when there is none.
func (c *client) take() (chunk, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.chunks) == 0 {
		return chunk{}, false
	}
	first := c.chunks[0]
	c.chunks = slices.Delete(c.chunks, 0, 1)
	c.size -= first.cost()
	return first, true
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
