package sandbox

import "time"

// restarts decides what follows the end of a run. It knows neither clocks nor
// processes.
type restarts struct {
	policy RestartPolicy
	count  int           // since the start, or since somebody restarted by hand
	delay  time.Duration // of the last restart; 0: there was none
}

// runEnd is how a run ended.
type runEnd struct {
	failed bool          // with anything but exit code 0, or it could not be started
	manual bool          // somebody has stopped it
	lasted time.Duration // how long the program ran
}

// decide tells whether there is another run, and after which wait.
func (r *restarts) decide(e runEnd) (after time.Duration, again bool) {
	if e.lasted >= r.policy.Backoff.resetAfter() {
		r.delay = 0
	}
	switch r.policy.Mode {
	case RestartModeAlways, RestartModeUnlessStopped:
		again = true
	case RestartModeOnFailure:
		again = e.failed && (r.policy.MaxRetries == 0 || r.count < r.policy.MaxRetries)
	}
	if e.manual || !again {
		return 0, false
	}
	r.count++
	r.delay = r.policy.Backoff.next(r.delay)
	return r.delay, true
}

// reset forgets what was: somebody restarts by hand.
func (r *restarts) reset() { r.count, r.delay = 0, 0 }
