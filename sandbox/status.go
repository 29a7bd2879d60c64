package sandbox

import (
	"fmt"
	"time"
)

// State is the part of its life that a sandbox is in.
type State string

// The states, with Docker's names.
const (
	StateCreated    State = "created"    // not started
	StateRunning    State = "running"    // the program runs
	StatePaused     State = "paused"     // it runs, but is paused
	StateRestarting State = "restarting" // it has ended, and is about to be started again
	StateExited     State = "exited"     // it has ended for good, or the sandbox was closed
)

// Status is what a sandbox does at a moment.
type Status struct {
	State State
	// StartedAt is when the program was started last; zero when it never was.
	StartedAt time.Time
	// RestartCount is how often the policy has started it again since the start,
	// or since the last [Sandbox.Restart].
	RestartCount int
	// NextRestartAt is when it is started again, while it is restarting.
	NextRestartAt time.Time
	// Health is what the health check has found.
	Health Health
}

// String is the state and what there is to say about it.
func (s Status) String() string {
	text := string(s.State)
	if !s.NextRestartAt.IsZero() {
		text += " at " + s.NextRestartAt.Format(time.RFC3339Nano)
	}
	if s.Health.Status != HealthNone {
		text += ", " + string(s.Health.Status)
	}
	if s.RestartCount > 0 {
		text += fmt.Sprintf(", restarts: %d", s.RestartCount)
	}
	return text
}
