package sandbox

import (
	"context"
	"errors"
	"sync"
	"time"
)

// imageKey is what somebody asks for.
type imageKey struct{ dir, ref, platform string }

// hostImages holds the images that sandboxes of the host program use, and for a
// moment those that they used, which may be removed then: with a lease, and what
// was read of them. It is a cache, not configuration.
var hostImages imageCache

// imageIdle is how long an image is kept ready that no sandbox uses.
const imageIdle = 2 * time.Second

type imageCache struct {
	mu    sync.Mutex
	ready map[imageKey]*rooted
	idle  *time.Timer
}

// take gives an image that is ready, if names still mean what they did.
func (c *imageCache) take(ctx context.Context, key imageKey, table string) *rooted {
	c.mu.Lock()
	defer c.mu.Unlock()
	r := c.ready[key]
	if r == nil || r.table != table {
		return nil
	}
	if r.users == 0 && !r.keepAgain(ctx) {
		return nil
	}
	r.users++
	return r
}

// keepAgain keeps an image that nobody used for a moment, if it is still there.
func (r *rooted) keepAgain(ctx context.Context) bool {
	if r.lease.Keep(ctx, r.image.Descriptor()) != nil {
		return false
	}
	table, err := r.store.Generation()
	if err == nil && table == r.table {
		return true
	}
	_ = r.lease.Clear(ctx) // at the latest with the program
	return false
}

// use begins one more use of an image that is in use.
func (r *rooted) use() {
	hostImages.mu.Lock()
	defer hostImages.mu.Unlock()
	r.users++
}

// release ends one use. What nobody uses stays ready for a while.
//
//nolint:contextcheck,nolintlint // also when the context of the caller, or its caller, has ended
func (r *rooted) release() error {
	c := &hostImages
	c.mu.Lock()
	defer c.mu.Unlock()
	if r.users--; r.users > 0 {
		return nil
	}
	if err := r.lease.Clear(context.Background()); err != nil {
		if c.ready[r.key] == r {
			delete(c.ready, r.key)
		}
		return errors.Join(err, r.close())
	}
	before := c.ready[r.key]
	if before != nil && before != r && before.users > 0 {
		return r.close()
	}
	if c.ready == nil {
		c.ready = make(map[imageKey]*rooted)
	}
	c.ready[r.key] = r
	if c.idle == nil {
		c.idle = time.AfterFunc(imageIdle, c.trim)
	} else {
		c.idle.Reset(imageIdle)
	}
	if before != nil && before != r {
		return before.close()
	}
	return nil
}

// close lets go of it.
func (r *rooted) close() error { return errors.Join(r.closeLayers(), r.lease.Release()) }

// trim lets go of what nobody uses.
func (c *imageCache) trim() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for key, r := range c.ready {
		if r.users == 0 {
			delete(c.ready, key)
			_ = r.close() // all of it ends at the latest with the program
		}
	}
}
