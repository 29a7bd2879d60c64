package pool

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/sandkit/sandkit/sandbox"
)

// quiet is how long nothing must have begun or ended before the pool is filled
// and cleared, so as not to compete with it. One that is less than half full does
// not wait.
const quiet = 10 * time.Millisecond

// task is what the keeper has to do.
type task int

const (
	nothing task = iota
	fill         // make one more ready
	clearUp      // end one whose run is over
)

// keep fills and clears the pool whenever it is to be, one sandbox after the
// other.
func (p *Pool) keep(ctx context.Context) {
	defer close(p.kept)
	for {
		p.mu.Lock()
		what, wait := p.next()
		switch {
		case what == nothing:
			wait = time.Hour // a change comes first
		case wait > 0:
		case what == clearUp:
			s := p.spent[0]
			p.spent = p.spent[1:]
			p.mu.Unlock()
			p.retire(s)
			continue
		default:
			p.alive++
			p.mu.Unlock()
			p.add(ctx)
			continue
		}
		changed := p.changed
		p.mu.Unlock()
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

// next tells what is to be done, and in how long. The caller holds the lock.
func (p *Pool) next() (task, time.Duration) {
	o := &p.options
	lacking, crowded := len(p.ready) < o.Size, o.Max > 0 && p.alive >= o.Max
	wait := quiet - time.Since(p.used)
	urgent := len(p.ready) < o.Size/2 || p.waiting > 0
	switch {
	case p.closed:
		return nothing, 0
	case len(p.spent) > 0 && (crowded && (urgent || len(p.ready) == 0) || wait <= 0):
		return clearUp, 0
	case lacking && !crowded && p.failed == nil:
		if urgent {
			wait = 0
		}
		return fill, wait
	case len(p.spent) > 0:
		return clearUp, wait
	}
	return nothing, 0
}

// leave takes a sandbox whose last process is gone.
func (p *Pool) leave(s *sandbox.Sandbox) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.used = time.Now()
	if p.closed || len(p.spent) >= p.options.Size {
		go p.retire(s)
		return
	}
	p.spent = append(p.spent, s)
	p.change()
}

// add makes one more sandbox ready.
func (p *Pool) add(ctx context.Context) {
	s, err := p.start(ctx)
	if err == nil {
		// The files of its cgroup stay open: the run has to read them.
		_, _ = s.Stats(ctx) // there may be none
	}
	p.mu.Lock()
	defer p.mu.Unlock()
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

// take gives a ready sandbox, or one that it starts, and tells which.
func (p *Pool) take(ctx context.Context, r *run) (s *sandbox.Sandbox, ready bool, err error) {
	p.mu.Lock()
	for {
		if p.closed {
			p.mu.Unlock()
			return nil, false, sandbox.ErrClosed
		}
		p.used, p.failed = time.Now(), nil
		if len(p.ready) > 0 {
			s = p.ready[0]
			p.ready = p.ready[1:]
			p.stats.Hits++
			p.change()
			p.mu.Unlock()
			return s, true, nil
		}
		if p.options.Max == 0 || p.alive < p.options.Max {
			break
		}
		if err := p.await(ctx); err != nil {
			p.mu.Unlock()
			return nil, false, err
		}
	}
	p.stats.Misses++
	p.alive++
	p.mu.Unlock()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	r.starting(cancel)
	if s, err = p.start(ctx); err == nil {
		return s, false, nil
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.stats.Failures++
	p.gone()
	if p.closed {
		err = errors.Join(sandbox.ErrClosed, err)
	}
	return nil, false, err
}
