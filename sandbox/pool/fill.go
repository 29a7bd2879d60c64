package pool

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/sandkit/sandkit/sandbox"
)

// fillDelay is how long nothing must have begun or ended before the pool is
// filled, so as not to compete with it. A pool that is less than half full does
// not wait.
const fillDelay = 10 * time.Millisecond

// keepFull fills the pool whenever it is to be, one sandbox after the other.
func (p *Pool) keepFull(ctx context.Context) {
	defer close(p.filled)
	for {
		p.mu.Lock()
		wait, wanted := p.due()
		if wanted && wait <= 0 {
			p.filling++
			p.alive++
			p.mu.Unlock()
			p.add(ctx)
			continue
		}
		changed := p.changed
		p.mu.Unlock()
		if !wanted {
			wait = time.Hour // a change comes first, or nothing does
		}
		timer := time.NewTimer(wait)
		select {
		case <-changed:
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return
		}
		timer.Stop()
	}
}

// due tells whether another sandbox is wanted, and in how long. The caller holds
// the lock.
func (p *Pool) due() (time.Duration, bool) {
	if p.closed || p.failed != nil || len(p.ready) >= p.options.Size || p.options.Max > 0 && p.alive >= p.options.Max {
		return 0, false
	}
	if len(p.ready) < p.options.Size/2 || p.waiting > 0 {
		return 0, true
	}
	return fillDelay - time.Since(p.used), true
}

// add makes one more sandbox ready.
func (p *Pool) add(ctx context.Context) {
	s, err := p.start(ctx)
	p.mu.Lock()
	defer p.mu.Unlock()
	p.filling--
	switch {
	case err != nil:
		if !p.closed {
			p.stats.Failures++
			p.failed = err
		}
		p.gone()
	case p.closed:
		go p.retire(s)
	default:
		p.ready = append(p.ready, s)
		p.change()
	}
}

// Fill returns when the pool is full, or when ctx ends. When a sandbox cannot be
// started, that is the error.
func (p *Pool) Fill(ctx context.Context) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.waiting++
	defer func() { p.waiting-- }()
	p.failed = nil
	p.change()
	for {
		switch {
		case p.closed:
			return fmt.Errorf("fill pool: %w", sandbox.ErrClosed)
		case len(p.ready) >= p.options.Size:
			return nil
		case p.failed != nil:
			return fmt.Errorf("fill pool: %w", p.failed)
		}
		if err := p.await(ctx); err != nil {
			return fmt.Errorf("fill pool: %w", err)
		}
	}
}

// await waits for a change. The caller holds the lock, and has it again.
func (p *Pool) await(ctx context.Context) error {
	changed := p.changed
	p.mu.Unlock()
	defer p.mu.Lock()
	select {
	case <-changed:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// take gives a ready sandbox, or one that it starts.
func (p *Pool) take(ctx context.Context, r *run) (*sandbox.Sandbox, error) {
	p.mu.Lock()
	for {
		if p.closed {
			p.mu.Unlock()
			return nil, sandbox.ErrClosed
		}
		p.used, p.failed = time.Now(), nil
		if len(p.ready) > 0 {
			s := p.ready[0]
			p.ready = p.ready[1:]
			p.stats.Hits++
			p.change()
			p.mu.Unlock()
			return s, nil
		}
		if p.options.Max == 0 || p.alive < p.options.Max {
			break
		}
		if err := p.await(ctx); err != nil {
			p.mu.Unlock()
			return nil, err
		}
	}
	p.stats.Misses++
	p.alive++
	p.mu.Unlock()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	r.starting(cancel)
	s, err := p.start(ctx)
	if err == nil {
		return s, nil
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.stats.Failures++
	p.gone()
	if p.closed {
		err = errors.Join(sandbox.ErrClosed, err)
	}
	return nil, err
}
