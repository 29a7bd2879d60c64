package pool

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/sandkit/sandkit/sandbox"
)

// Options say what a pool keeps.
type Options struct {
	// Size is how many sandboxes are kept ready; at least 1.
	Size int
	// Max bounds the sandboxes that are alive at once, ready ones included; a Run
	// over it waits. 0 means no bound, otherwise it is at least Size.
	Max int
	// Sandbox makes each of them, as with sandbox.New. There is no command. What
	// belongs to a process (user, environment, limits ...) is what each run begins
	// with, and sandbox.WithTimeout bounds each run.
	Sandbox []sandbox.Option
}

// A Pool keeps sandboxes ready. Make it with [New] and close it. Its methods are
// safe for concurrent use.
type Pool struct {
	options Options
	sandbox sandbox.Option
	timeout time.Duration // of a run; 0: none
	cancel  func()        // ends the keeper
	kept    chan struct{} // closed when the keeper has ended

	mu      sync.Mutex
	changed chan struct{} // closed, and made anew, when what follows changes
	closed  bool
	ready   []*sandbox.Sandbox
	spent   []*sandbox.Sandbox // no process is left in them
	alive   int                // those that are ready, on their way, running, or ending
	waiting int                // calls of Fill
	runs    map[*run]struct{}
	used    time.Time // when a sandbox was last taken, or came to its end
	failed  error     // of the last one on its way, until somebody asks again
	stats   Stats
	errs    error // of closing sandboxes
}

// New checks the options and begins to fill the pool in the background. The error
// matches [sandbox.ErrInvalidSpec].
func New(o Options) (*Pool, error) {
	var problem error
	switch {
	case o.Size < 1:
		problem = fmt.Errorf("%w: Size %d, want at least 1", sandbox.ErrInvalidSpec, o.Size)
	case o.Max != 0 && o.Max < o.Size:
		problem = fmt.Errorf("%w: Max %d is below Size %d", sandbox.ErrInvalidSpec, o.Max, o.Size)
	}
	all := sandbox.Options(append([]sandbox.Option{sandbox.WithIdle()}, o.Sandbox...)...)
	s, err := sandbox.New(all)
	if err := errors.Join(problem, err); err != nil {
		return nil, fmt.Errorf("make pool: %w", err)
	}
	spec := s.Spec()
	ctx, cancel := context.WithCancel(context.Background())
	p := &Pool{
		options: o, timeout: spec.Timeout, sandbox: sandbox.Options(all, sandbox.WithoutTimeout()),
		cancel: cancel, kept: make(chan struct{}), changed: make(chan struct{}), runs: make(map[*run]struct{}),
	}
	go p.keep(ctx)
	return p, nil
}

// change lets everybody look again. The caller holds the lock.
func (p *Pool) change() {
	close(p.changed)
	p.changed = make(chan struct{})
}

// start starts one sandbox, which counts as alive already.
func (p *Pool) start(ctx context.Context) (*sandbox.Sandbox, error) {
	s, err := sandbox.New(p.sandbox)
	if err == nil {
		err = s.Start(ctx)
	}
	if err != nil {
		return nil, errors.Join(err, s.Close())
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.stats.Started++
	return s, nil
}

// retire ends a sandbox; it returns when nothing of it is left.
func (p *Pool) retire(s *sandbox.Sandbox) {
	err := s.Close()
	p.mu.Lock()
	defer p.mu.Unlock()
	p.errs = errors.Join(p.errs, err)
	p.gone()
}

// gone notes that a sandbox is. The caller holds the lock.
func (p *Pool) gone() {
	p.alive--
	p.change()
}

// Close ends every sandbox, those of runs under way too, and returns when nothing
// of them is left. Closing again waits as well; it gives the same error.
func (p *Pool) Close() error {
	p.mu.Lock()
	idle := append(p.ready, p.spent...)
	p.closed, p.ready, p.spent = true, nil, nil
	for r := range p.runs {
		go r.end(sandbox.ReasonKilled) // it takes other locks
	}
	p.change()
	p.mu.Unlock()
	p.cancel()
	for _, s := range idle {
		go p.retire(s)
	}
	<-p.kept
	p.mu.Lock()
	defer p.mu.Unlock()
	for p.alive > 0 {
		changed := p.changed
		p.mu.Unlock()
		<-changed
		p.mu.Lock()
	}
	if p.errs != nil {
		return fmt.Errorf("close pool: %w", p.errs)
	}
	return nil
}
