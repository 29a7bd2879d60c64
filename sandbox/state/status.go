package state

import (
	"slices"
	"strconv"
	"time"
)

// State is the part of its life that a sandbox is in.
type State string

// The states, with Docker's names.
const (
	Created    State = "created"    // never started
	Running    State = "running"    //
	Paused     State = "paused"     // running, but frozen
	Restarting State = "restarting" // ended, and about to be started again
	Removing   State = "removing"   //
	Exited     State = "exited"     //
	Dead       State = "dead"       // could not be removed completely
)

// states gives all of them.
func states() []State {
	return []State{Created, Running, Paused, Restarting, Removing, Exited, Dead}
}

// Runs tells whether there is a main process.
func (s State) Runs() bool { return s == Running || s == Paused }

// live tells whether the state needs somebody who owns the record.
func (s State) live() bool { return s.Runs() || s == Restarting }

// The values of Status.Health.
const (
	HealthStarting  = "starting"
	HealthHealthy   = "healthy"
	HealthUnhealthy = "unhealthy"
)

// Status is what changes during a sandbox's life. It is replaced as a whole.
type Status struct {
	State           State     `json:"state"`
	PID             int       `json:"pid,omitempty"`      // of the main process, while it runs
	PIDStart        string    `json:"pidStart,omitempty"` // tells PID from a later process of the same number; Update sets it
	ExitCode        int       `json:"exitCode,omitempty"`
	Signal          int       `json:"signal,omitempty"` // that ended the main process
	OOMKilled       bool      `json:"oomKilled,omitempty"`
	Error           string    `json:"error,omitempty"` // why it could not be started, or ended in no ordinary way
	Started         time.Time `json:"started,omitzero"`
	Finished        time.Time `json:"finished,omitzero"`
	RestartCount    int       `json:"restartCount,omitempty"`
	NextRestartAt   time.Time `json:"nextRestartAt,omitzero"`
	ManuallyStopped bool      `json:"manuallyStopped,omitempty"` // somebody stopped it, which restart policies respect
	Health          string    `json:"health,omitempty"`          // empty: is not checked
	Ports           []Port    `json:"ports,omitempty"`           // in force while it runs; nil: those of the Record
}

func (s *Status) check() error {
	if !slices.Contains(states(), s.State) {
		return &InvalidError{"State", string(s.State), "there is no such state"}
	}
	if s.PID < 0 || s.PID > 0 && !s.State.Runs() {
		return &InvalidError{"PID", strconv.Itoa(s.PID), "there is no process when it is " + string(s.State)}
	}
	if s.Health != "" && !slices.Contains([]string{HealthStarting, HealthHealthy, HealthUnhealthy}, s.Health) {
		return &InvalidError{"Health", s.Health, "it is none of starting, healthy and unhealthy"}
	}
	for _, t := range []time.Time{s.Started, s.Finished, s.NextRestartAt} {
		if !storable(t) {
			return &InvalidError{"time", t.String(), "it is out of range"}
		}
	}
	for _, p := range s.Ports {
		if err := p.check(); err != nil {
			return err
		}
	}
	return nil
}

func (s Status) clone() Status {
	s.Ports = slices.Clone(s.Ports)
	return s
}

// complete sets what follows from a change: the process when there is none any
// more, and times that whoever made the change left alone.
func (s *Status) complete(before *Status, boot string, now time.Time) error {
	if !s.State.Runs() {
		s.PID, s.PIDStart = 0, ""
	}
	if s.State != Restarting {
		s.NextRestartAt = time.Time{}
	}
	if s.State.Runs() && !before.State.Runs() && s.Started.Equal(before.Started) {
		s.Started = now
	}
	if !s.State.Runs() && before.State.Runs() && s.Finished.Equal(before.Finished) {
		s.Finished = now
	}
	if s.PID == 0 || s.PID == before.PID && s.PIDStart != "" {
		return nil
	}
	if s.PIDStart != "" && s.PIDStart != before.PIDStart {
		return nil
	}
	start, err := processStart(s.PID)
	if err == nil {
		s.PIDStart = identity(boot, start)
	}
	return err
}

// identity is Status.PIDStart. It is unlike any other for a process that has
// ended already.
func identity(boot string, start uint64) string {
	return boot + "/" + strconv.FormatUint(start, 10)
}

// processLives tells whether the main process is there, and the same.
func (s *Status) processLives(boot string) (bool, error) {
	if s.PID <= 0 || s.PIDStart == "" {
		return false, nil
	}
	start, err := processStart(s.PID)
	if err != nil || start == 0 {
		return false, err
	}
	return s.PIDStart == identity(boot, start), nil
}
