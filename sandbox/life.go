package sandbox

import "github.com/sandkit/sandkit/cgroup"

// life is what a sandbox has beyond one run of its program.
type life struct {
	removed chan struct{} // closed when Close has let go of everything
	notices notices

	// These are guarded by Sandbox.mu.
	exit    *exit        // the next end of the program
	count   int          // restarts
	earlier cgroup.Stats // used by runs that ended, for what is counted since the start
	lost    error        // why the program could not be started again
}

// exit is one end of the program.
type exit struct {
	done chan struct{}
	res  *Result // set before done is closed
}

func newExit() *exit { return &exit{done: make(chan struct{})} }

func newLife() life { return life{removed: make(chan struct{}), exit: newExit()} }

// ends tells who waits that a run has ended. Sandbox.mu is held.
func (l *life) ends(res *Result) {
	l.exit.res = res
	close(l.exit.done)
	l.exit = newExit()
}
