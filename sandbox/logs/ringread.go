package logs

import (
	"context"
	"math"
)

// ringCursor is a reader's place in a ring.
type ringCursor struct {
	ring *Ring
	opts *Options
	next int64 // the number of the entry to read
	byte int64 // how long the lines before are
	end  int64 // where to stop
	last int64 // how long the lines before end are
}

// cursor finds the first entry to read.
func (r *Ring) cursor(o *Options) *ringCursor {
	r.mu.Lock()
	defer r.mu.Unlock()
	c := &ringCursor{ring: r, opts: o, next: r.first(), byte: r.firstByte(), end: r.lines, last: r.bytes}
	if o.Tail >= 0 {
		c.next, c.byte = r.lines, r.bytes
		for i, n := len(r.items)-1, o.Tail; i >= r.head && n > 0; i-- {
			if o.wants(&r.items[i].Entry) {
				n--
				c.next, c.byte = r.first()+int64(i-r.head), r.items[i].before
			}
		}
	}
	if o.Follow {
		c.end, c.last = math.MaxInt64, math.MaxInt64
	}
	return c
}

// run gives entries until there are no more.
func (c *ringCursor) run(ctx context.Context, yield func(Entry, error) bool) error {
	watched := ctx
	if c.opts.Follow && !c.opts.Until.IsZero() {
		var cancel context.CancelFunc
		watched, cancel = context.WithDeadline(ctx, c.opts.Until)
		defer cancel()
	}
	var batch [64]Entry
	for {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		late := watched.Err() != nil
		n, dropped, changed := c.take(batch[:])
		if dropped != nil && !yield(Entry{}, dropped) {
			return nil
		}
		for _, e := range batch[:n] {
			if c.opts.past(&e) {
				return nil
			}
			if c.opts.wants(&e) && !yield(e, nil) {
				return nil
			}
		}
		switch {
		case n > 0:
		case changed == nil || late:
			return nil
		default:
			select {
			case <-changed:
			case <-watched.Done():
			}
		}
	}
}

// take copies what comes next. When there is nothing, it gives a channel that is
// closed at the next change, or nil when nothing will come.
func (c *ringCursor) take(batch []Entry) (n int, dropped *DroppedError, changed <-chan struct{}) {
	r := c.ring
	r.mu.Lock()
	defer r.mu.Unlock()
	if first, before := min(r.first(), c.end), min(r.firstByte(), c.last); c.next < first {
		dropped = &DroppedError{Lines: first - c.next, Bytes: before - c.byte}
		c.next, c.byte = first, before
	}
	for i := r.head + int(c.next-r.first()); n < len(batch) && c.next < min(c.end, r.lines); i++ {
		batch[n] = r.items[i].Entry
		n++
		c.next++
		c.byte += int64(len(r.items[i].Line))
	}
	if n > 0 || c.next >= c.end || r.closed {
		return n, dropped, nil
	}
	if r.changed == nil {
		r.changed = make(chan struct{})
	}
	return 0, dropped, r.changed
}
