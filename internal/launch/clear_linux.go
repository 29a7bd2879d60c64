package launch

import (
	"context"
	"os"
)

// Clear kills every process of a sandbox but process 1, and returns when they are
// gone, or ctx ends. It is for one that goes on without a main process: what
// follows begins in the same namespaces, with nobody else there. Who makes
// further processes meanwhile may find them killed, too. The error is
// [os.ErrProcessDone] when the sandbox has ended.
func (p *Process) Clear(ctx context.Context) error {
	answer := make(chan error, 1)
	p.mu.Lock()
	gone := p.children.gone
	if p.Monitored() {
		p.mu.Unlock()
		return ErrMonitored
	}
	if !gone {
		p.children.clearing = append(p.children.clearing, answer)
	}
	p.mu.Unlock()
	if gone {
		return os.ErrProcessDone
	}
	if err := p.order(message{kind: cmdClear}); err != nil {
		return err
	}
	select {
	case err := <-answer:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// cleared answers the first who waits for the others' end: each order has one
// answer, and it is as good for him who asked first.
func (p *Process) cleared() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if all := p.children.clearing; len(all) > 0 {
		all[0] <- nil
		p.children.clearing = all[1:]
	}
}
