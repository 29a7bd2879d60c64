package sandbox

import (
	"context"
	"errors"
	"os"
	"sync"
	"time"

	"github.com/sandkit/sandkit/fs"
	"github.com/sandkit/sandkit/internal/launch"
)

// cycle runs the program of a sandbox again and again, as further processes of a
// process 1 that has no other. One goroutine, in follow, makes the runs.
type cycle struct {
	s     *Sandbox
	r     *running
	files []*os.File     // of every run
	wake  chan struct{}  // holds a token when somebody has asked for something
	execs sync.WaitGroup // further processes on their way

	following func() (launch.Status, error) // follow; a value, as few programs have it

	gone    chan struct{} // closed when process 1 is
	goneErr error         // set before
	cut     bool          // process 1 was killed when there would have been another run

	// These are guarded by Sandbox.mu.
	policy  restarts
	run     *launch.Child // the present one, or the last
	resting bool          // the last run has ended
	over    bool          // there is no other
	next    time.Time     // when there is one, while it is waited for
	manual  bool          // somebody has stopped the program
	asked   []chan<- error
}

// firstRun begins to copy what the program prints, after it was executed in the
// idle sandbox that was started for it, if there are to be other runs.
func (s *Sandbox) firstRun(ctx context.Context, b *builder, r *running) (*running, error) {
	if s.spec.Restart.inPlace() {
		return s.repeat(s, ctx, b, r)
	}
	r.streams.start()
	return r, nil
}

// firstOfCycle executes the program for the first time.
func (s *Sandbox) firstOfCycle(ctx context.Context, b *builder, r *running) (*running, error) {
	c := &cycle{
		s: s, r: r, files: r.streams.files, wake: make(chan struct{}, 1), gone: make(chan struct{}),
		policy: restarts{policy: s.spec.Restart},
	}
	r.cycle, c.following = c, c.follow
	go func() {
		_, c.goneErr = r.process.Wait()
		close(c.gone)
	}()
	var err error
	if c.run, err = c.execute(ctx, "start", b); err == nil {
		r.streams.start()
		return r, nil
	}
	_ = r.process.Kill()
	<-c.gone
	err = errors.Join(err, c.goneErr, r.group.discard(), r.held.close()) //nolint:contextcheck // removed also when ctx has ended
	r.process.Release()
	return nil, err
}

// execute makes a run. The builder is that of the start, while files are read
// from the root as it was given; nil later.
func (c *cycle) execute(ctx context.Context, op string, of *builder) (*launch.Child, error) {
	base := &c.r.base
	spec := base.spec.clone()
	b := &builder{
		spec: &spec, id: c.s.id, features: base.features, users: base.users, who: base.who, first: base.first,
		tree: &fs.Tree{}, live: c.s, stdio: c.files,
	}
	if of != nil {
		b.tree, b.image, b.live = of.tree, of.image, nil
	}
	err := b.parseCapabilities()
	if err == nil {
		err = b.buildFurther()
	}
	if err != nil {
		return nil, c.s.wrap(op, StagePrepare, "", err)
	}
	child, err := c.r.process.Exec(ctx, b.prog, c.files)
	return child, c.s.launchError(op, b, err)
}

// follow makes the runs that follow the first, and gives how the last one ended.
func (c *cycle) follow() (launch.Status, error) {
	var status launch.Status
	for more := true; more; {
		<-c.run.Ended()
		status = c.run.Status()
		if more = c.clear(); !more && status.Known {
			c.cutShort(status)
		}
		more = more && status.Known && c.another(status)
	}
	if c.cut { // how the last run ended counts no more
		status = launch.Status{}
	}
	c.s.mu.Lock()
	c.over, c.next = true, time.Time{}
	if c.cut {
		c.s.lost = nil
	}
	c.answer(ErrNotRunning)
	c.s.mu.Unlock()
	_ = c.r.process.Kill()
	<-c.gone
	return status, errors.Join(c.goneErr, c.r.streams.closeTheirs())
}

// clear ends what a run has left behind, and tells whether process 1 is there.
func (c *cycle) clear() bool {
	c.s.mu.Lock()
	c.resting = true
	c.s.mu.Unlock()
	c.s.endChecks()
	c.execs.Wait()
	return c.r.process.Clear(context.Background()) == nil
}

// cutShort finds out whether a run was the last only because process 1 was killed.
func (c *cycle) cutShort(status launch.Status) {
	var res Result
	res.set(status)
	c.s.mu.Lock()
	defer c.s.mu.Unlock()
	policy := c.policy
	_, c.cut = policy.decide(runEnd{failed: res.ExitCode != 0, manual: c.manual || c.s.reason == ReasonStopped})
}

// another waits for the next run and makes it, if there is to be one.
func (c *cycle) another(status launch.Status) bool {
	for after, again := c.ended(status); again; {
		if !c.rest(after) {
			return false
		}
		began := time.Now()
		child, err := c.execute(context.Background(), "restart", nil)
		if err == nil {
			c.begin(child, began)
			return true
		}
		if errors.Is(err, os.ErrProcessDone) {
			c.cut = true
			return false
		}
		after, again = c.failed(err)
	}
	return false
}

// ended takes down the end of a run and decides what follows.
func (c *cycle) ended(status launch.Status) (after time.Duration, again bool) {
	s := c.s
	res := &Result{Started: c.r.started, Setup: c.r.setup, Finished: time.Now(), Protections: c.r.force}
	res.set(status)
	if c.r.group != nil {
		stats, err := c.r.group.stats()
		if err != nil {
			s.log.Warn("sandbox is not accounted", "id", s.id, "error", err)
		}
		res.Stats = stats
	}
	s.mu.Lock()
	res.Reason, res.RestartCount = s.reasonFor(res), c.policy.count
	after, again = c.decide(runEnd{failed: res.ExitCode != 0, lasted: res.Duration()})
	next, count := c.next, s.count
	if again {
		s.earlier = res.Stats
		s.ends(res)
	}
	s.mu.Unlock()
	if again {
		s.notices.tell(EventDie)
		c.noted(s.noteRestarting(res, next, count))
		s.log.Debug("sandbox restarts", "id", s.id, "result", res.String(), "after", after)
	}
	return after, again
}

// decide tells what follows the end of a run. Sandbox.mu is held.
func (c *cycle) decide(e runEnd) (after time.Duration, again bool) {
	e.manual = c.manual
	policy := c.policy
	switch {
	case c.s.reason == ReasonStopped:
		return 0, false
	case len(c.asked) > 0:
		policy.reset()
		again = true
	default:
		after, again = policy.decide(e)
	}
	if c.s.reason != "" {
		c.cut = again
		return 0, false
	}
	c.policy, c.s.count = policy, policy.count
	if again {
		c.next = time.Now().Add(after)
	}
	return after, again
}

// rest waits until it is time for the next run, and tells whether there is one.
func (c *cycle) rest(after time.Duration) bool {
	timer := time.NewTimer(after)
	defer timer.Stop()
	for due := false; ; {
		select {
		case <-timer.C:
			due = true
		case <-c.gone:
			c.cut = true
			return false
		case <-c.wake:
		}
		c.s.mu.Lock()
		reason, asked := c.s.reason, len(c.asked) > 0
		ends := reason != "" || c.manual
		if asked && !ends {
			c.policy.reset()
			c.s.count = 0
		}
		c.s.mu.Unlock()
		if ends || asked || due {
			c.cut = ends && reason != "" && reason != ReasonStopped
			return !ends
		}
	}
}

// begin takes down that the program runs again.
func (c *cycle) begin(child *launch.Child, began time.Time) {
	s := c.s
	s.mu.Lock()
	count := s.count
	s.mu.Unlock()
	c.noted(s.noteAgain(c.r.process.PID(), count))
	s.mu.Lock()
	c.run, c.resting, c.next, s.lost = child, false, time.Time{}, nil
	c.r.started, c.r.setup = began, time.Since(began)
	stop := s.reason != "" || c.manual // it came too late for the last run
	if len(c.asked) > 0 {
		c.policy.reset()
		s.count = 0
	}
	c.answer(nil)
	s.startChecks(c.r)
	s.mu.Unlock()
	s.notices.tell(EventStart)
	if stop {
		_ = child.Signal(c.r.stop.signal()) // or it has ended
	}
}

// failed takes down that the program could not be executed, and decides what
// follows.
func (c *cycle) failed(err error) (after time.Duration, again bool) {
	c.s.log.Warn("sandbox is not restarted", "id", c.s.id, "error", err)
	c.s.mu.Lock()
	c.s.lost = err
	c.answer(err)
	after, again = c.decide(runEnd{failed: true})
	next, count := c.next, c.s.count
	c.s.mu.Unlock()
	if again {
		c.noted(c.s.noteWaiting(err, next, count))
	}
	return after, again
}
