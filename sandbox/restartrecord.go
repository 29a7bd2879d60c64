package sandbox

import (
	"time"

	"github.com/sandkit/sandkit/sandbox/state"
)

// restarts tells whether the program is started again without being asked for.
func (p RestartPolicy) restarts() bool { return p.Mode != "" && p.Mode != RestartModeNo }

// record is the policy as records have it.
func (p RestartPolicy) record() state.Restart {
	return state.Restart{Policy: string(p.Mode), MaxRetries: p.MaxRetries}
}

// noteRestarting records that a run has ended, and when the next begins.
func (s *Sandbox) noteRestarting(res *Result, next time.Time, count int) error {
	return s.note(func(st *state.Status) error {
		s.noteResult(st, res)
		st.State, st.NextRestartAt, st.RestartCount = state.Restarting, next, count
		return nil
	})
}

// noteWaiting records that the program could not be started again, and when it is
// tried the next time.
func (s *Sandbox) noteWaiting(err error, next time.Time, count int) error {
	return s.note(func(st *state.Status) error {
		st.State, st.NextRestartAt, st.RestartCount, st.Error = state.Restarting, next, count, err.Error()
		return nil
	})
}

// noteAgain records that the program runs again.
func (s *Sandbox) noteAgain(pid, count int) error {
	return s.note(func(st *state.Status) error {
		st.State, st.PID, st.RestartCount, st.Error = state.Running, pid, count, ""
		st.ExitCode, st.Signal, st.OOMKilled = 0, 0, false
		return nil
	})
}
