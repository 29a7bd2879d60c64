package pool

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"syscall"
	"time"

	"github.com/sandkit/sandkit/internal/capture"
	"github.com/sandkit/sandkit/sandbox"
)

// run is a Run under way.
type run struct {
	pool    *Pool
	started time.Time // when there was a sandbox, or one was begun

	mu     sync.Mutex
	why    sandbox.Reason   // it is being ended
	cancel func()           // of a start under way
	s      *sandbox.Sandbox // that it has; nil: none
}

// end ends it, whatever it is at.
func (r *run) end(why sandbox.Reason) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.why == "" {
		r.why = why
	}
	r.kill()
}

// kill carries end out. The caller holds the lock.
func (r *run) kill() {
	switch {
	case r.s != nil:
		_ = r.s.Kill() // or it has ended
	case r.cancel != nil:
		r.cancel()
	}
}

// starting notes that a sandbox is being started for it.
func (r *run) starting(cancel func()) { r.has(nil, cancel) }

// has notes which sandbox it has.
func (r *run) has(s *sandbox.Sandbox, cancel func()) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.s, r.cancel = s, cancel
	if r.why != "" {
		r.kill()
	}
}

// reason is why it is being ended, if it is.
func (r *run) reason() sandbox.Reason {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.why
}

// Run runs a command in a sandbox of its own, which is ended with it, and gives
// what sandbox.Run would give: the command's exit, the reason, and what the
// sandbox has used. When it returns, no process of the run is alive and all output
// has been copied. When ctx ends first, the sandbox is killed and the error
// matches both ctx.Err() and [*sandbox.ExitError]. A ready sandbox that has died
// is passed over; one that cannot be started is an error. The error matches
// [sandbox.ErrClosed] when the pool is closed.
func (p *Pool) Run(ctx context.Context, opts ...sandbox.ProcOption) (*sandbox.Result, error) {
	return (&run{pool: p}).run(ctx, opts)
}

// Output is [Pool.Run] and returns what the command wrote to its standard output,
// also beside an error, as sandbox.Output does: at most [sandbox.MaxOutput] bytes.
// A WithStdout among the options has no effect.
func (p *Pool) Output(ctx context.Context, opts ...sandbox.ProcOption) ([]byte, error) {
	r := &run{pool: p}
	out := &capture.Buffer{Limit: sandbox.MaxOutput, Full: func() { r.end(sandbox.ReasonKilled) }}
	errOut := &capture.Ends{}
	all := append([]sandbox.ProcOption{sandbox.WithStderr(errOut)}, opts...) // theirs counts
	_, err := r.run(ctx, append(all, sandbox.WithStdout(out)))
	if e, ok := errors.AsType[*sandbox.ExitError](err); ok {
		e.Stderr = errOut.Bytes()
	}
	if out.Over() {
		err = fmt.Errorf("%w of %d bytes: %w", sandbox.ErrOutputLimit, sandbox.MaxOutput, err)
	}
	return out.Bytes(), err
}

func (r *run) run(ctx context.Context, opts []sandbox.ProcOption) (*sandbox.Result, error) {
	p := r.pool
	p.mu.Lock()
	p.runs[r] = struct{}{}
	p.mu.Unlock()
	defer func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		delete(p.runs, r)
	}()
	stop := context.AfterFunc(ctx, func() { r.end(sandbox.ReasonCancelled) })
	defer stop()
	res, err := r.exec(ctx, opts)
	if res == nil && ctx.Err() != nil && errors.Is(err, ctx.Err()) {
		res = r.never()
		return res, fmt.Errorf("%w: %w", err, &sandbox.ExitError{Result: res})
	}
	if res == nil || err != nil {
		return res, fmt.Errorf("run in pool: %w", err)
	}
	if res.ExitCode == 0 {
		return res, nil
	}
	err = &sandbox.ExitError{Result: res}
	if res.Reason == sandbox.ReasonCancelled {
		err = fmt.Errorf("%w: %w", ctx.Err(), err)
	}
	return res, err
}

// never is the result of a run that was ended before anybody saw it begin.
func (r *run) never() *sandbox.Result {
	now := time.Now()
	if r.started.IsZero() {
		r.started = now
	}
	return &sandbox.Result{ExitCode: -1, Signal: syscall.SIGKILL, Reason: sandbox.ReasonCancelled, Started: r.started, Finished: now}
}

// exec starts the command in the first sandbox that is still there.
func (r *run) exec(ctx context.Context, opts []sandbox.ProcOption) (*sandbox.Result, error) {
	for {
		s, ready, err := r.pool.take(ctx, r)
		if err != nil {
			return nil, err
		}
		r.started = time.Now()
		r.has(s, nil)
		res, err := r.in(ctx, s, opts)
		if res != nil || !errors.Is(err, sandbox.ErrNotRunning) {
			return res, err
		}
		if why := r.reason(); why == sandbox.ReasonTimeout || why == sandbox.ReasonKilled {
			res = r.never()
			res.Reason = why
			return res, nil
		}
		if cerr := ctx.Err(); cerr != nil {
			return nil, cerr
		}
		if !ready { // the next one would fare no better
			return nil, err
		}
	}
}

// in runs the command in s, and ends s.
func (r *run) in(ctx context.Context, s *sandbox.Sandbox, opts []sandbox.ProcOption) (*sandbox.Result, error) {
	if r.pool.timeout > 0 {
		timer := time.AfterFunc(r.pool.timeout, func() { r.end(sandbox.ReasonTimeout) })
		defer timer.Stop()
	}
	process, err := s.Exec(ctx, opts...)
	if err != nil {
		r.pool.retire(s) // the process may be about to begin
		return nil, err
	}
	res, err := process.Wait(context.WithoutCancel(ctx))
	if _, ok := errors.AsType[*sandbox.ExitError](err); ok {
		err = nil
	}
	res.Setup += res.Started.Sub(r.started)
	res.Started = r.started
	own := res.Stats
	if process.Last() {
		// Nothing can come to life again in a sandbox whose last process is gone.
		if stats, serr := s.Stats(ctx); serr == nil {
			res.Stats = stats
		}
		r.pool.leave(s)
	} else {
		r.pool.retire(s)
		if stats, serr := s.Stats(ctx); serr == nil {
			res.Stats = stats
		}
	}
	if res.Stats.CPU.Usage == 0 { // nobody counted
		res.Stats.CPU = own.CPU
	}
	res.Finished = time.Now()
	res.Reason = r.reasonFor(res)
	return res, err
}

// reasonFor tells why it ended, as the Result of a sandbox does: what somebody
// asked for counts only when the command did not end by itself before.
func (r *run) reasonFor(res *sandbox.Result) sandbox.Reason {
	why := r.reason()
	switch {
	case res.ExitCode == 0:
	case res.Reason == sandbox.ReasonKilled && why != "":
		return why
	case res.Stats.Memory.OOMKills > 0:
		return sandbox.ReasonOOM
	case res.Stats.Pids.LimitHits > 0:
		return sandbox.ReasonPids
	}
	return res.Reason
}
