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
