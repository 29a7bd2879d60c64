package sandbox

import (
	"context"
	"time"

	"github.com/sandkit/sandkit/cgroup"
	"github.com/sandkit/sandkit/internal/undo"
)

// life is what a sandbox has beyond one run of its program.
type life struct {
	lifeConfig
	removed chan struct{} // closed when Close has let go of everything
	notices notices

	// These are guarded by Sandbox.mu.
	exit    *exit        // the next end of the program
	count   int          // restarts
	earlier cgroup.Stats // used by runs that ended, for what is counted since the start
	lost    error        // why the program could not be started again
	health  *healthState // of the present run, or the last; nil: it is not tested
	// endHealth ends the tests; nil when there are none.
	endHealth func()
	pending   *pending // while Start waits until the sandbox is ready
}

// lifeConfig is what options say of it that is no data.
type lifeConfig struct {
	healthFunc   HealthFunc // nil: the Spec's Healthcheck, if any
	conditions   []Ready
	readyTimeout time.Duration // 0: none
	hooks
	enter func(s *Sandbox, ctx context.Context, onError *undo.Stack) error // makes the record; nil: there is none
}

// check finds problems that the Spec alone does not have.
func (c *config) checkLife() {
	if test := c.spec.Healthcheck.Test; c.life.healthFunc != nil && len(test) > 0 {
		c.process.problem("WithHealthFunc", "there is the Test %q of WithHealthcheck as well, leave one out", test[0])
	}
	for _, r := range c.life.conditions {
		if r.match != nil && c.spec.Idle {
			c.process.problem("WithReady", "an idle sandbox prints nothing")
		}
		if r.healthy && c.spec.Image.Ref == "" && c.life.healthFunc == nil && c.spec.Healthcheck.command() == nil {
			c.process.problem("WithReady", "there is no health check, use WithHealthcheck or WithHealthFunc")
		}
	}
}

// exit is one end of the program.
type exit struct {
	done chan struct{}
	res  *Result // set before done is closed
}

func newExit() *exit { return &exit{done: make(chan struct{})} }

func newLife(c lifeConfig) life {
	return life{lifeConfig: c, removed: make(chan struct{}), exit: newExit()}
}

// ends tells who waits that a run has ended. Sandbox.mu is held.
func (l *life) ends(res *Result) {
	l.exit.res = res
	close(l.exit.done)
	l.exit = newExit()
}
