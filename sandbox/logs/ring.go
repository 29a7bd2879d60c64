package logs

import (
	"bytes"
	"context"
	"fmt"
	"iter"
	"sync"
)

// DefaultRingBytes is the size of a ring that none was given for.
const DefaultRingBytes = 1 << 20

// entryCost is what an entry takes besides its line.
const entryCost = 96

// A Ring is a [Driver] that keeps the last entries in memory. It is a [Batcher]
// too. It is safe for concurrent use.
type Ring struct {
	limit int

	mu      sync.Mutex
	items   []ringItem // a queue; the first is items[head]
	head    int
	size    int           // of what is kept, in bytes
	lines   int64         // how many entries were logged
	bytes   int64         // of their lines
	changed chan struct{} // closed at a change; nil when nobody waits
	closed  bool
}

// ringItem is an entry, whose line nobody changes, and how many bytes were logged
// before it.
type ringItem struct {
	Entry
	before int64
}

// NewRing makes a ring that takes about so many bytes of memory: each entry its
// line and about a hundred bytes. Zero or less: [DefaultRingBytes].
func NewRing(limit int) *Ring {
	if limit <= 0 {
		limit = DefaultRingBytes
	}
	return &Ring{limit: limit}
}

// Log keeps a copy of the entry, and forgets the oldest ones if need be.
func (r *Ring) Log(e Entry) error { return r.LogAll([]Entry{e}) }

// LogAll keeps copies of the entries.
func (r *Ring) LogAll(entries []Entry) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		return fmt.Errorf("log to ring: %w", ErrClosed)
	}
	for _, e := range entries {
		e.Line = bytes.Clone(e.Line)
		r.items = append(r.items, ringItem{e, r.bytes})
		r.lines++
		r.bytes += int64(len(e.Line))
		r.size += len(e.Line) + entryCost
	}
	for r.size > r.limit && r.head < len(r.items) {
		r.size -= len(r.items[r.head].Line) + entryCost
		r.items[r.head] = ringItem{}
		r.head++
	}
	if r.head > len(r.items)/2 {
		n := copy(r.items, r.items[r.head:])
		clear(r.items[n:])
		r.items, r.head = r.items[:n], 0
	}
	r.tell()
	return nil
}

// tell wakes those who wait.
func (r *Ring) tell() {
	if r.changed != nil {
		close(r.changed)
		r.changed = nil
	}
}

// Close ends the log, and so tells those who follow it. What is kept can still be
// read.
func (r *Ring) Close() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.closed = true
	r.tell()
	return nil
}

// Dropped gives how many entries were forgotten so far, and how long their lines
// were.
func (r *Ring) Dropped() (lines, bytes int64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.first(), r.firstByte()
}

// first is the number of the oldest entry that is kept.
func (r *Ring) first() int64 { return r.lines - int64(len(r.items)-r.head) }

func (r *Ring) firstByte() int64 {
	if r.head < len(r.items) {
		return r.items[r.head].before
	}
	return r.bytes
}

// Read gives entries as [ReadJSONFile] does. When following, it ends once the ring
// is closed. Entries that are forgotten while they are being read, because the
// reader is slow, are counted in a [*DroppedError], after which it goes on. The
// lines belong to the ring and must not be changed.
func (r *Ring) Read(ctx context.Context, o Options) iter.Seq2[Entry, error] {
	return func(yield func(Entry, error) bool) {
		if err := o.Validate(); err != nil {
			yield(Entry{}, fmt.Errorf("read ring: %w", err))
			return
		}
		c := r.cursor(&o)
		if err := c.run(ctx, yield); err != nil {
			yield(Entry{}, fmt.Errorf("read ring: %w", err))
		}
	}
}
