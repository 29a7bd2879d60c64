package sandbox

import (
	"context"
	"errors"
	"syscall"
	"time"

	"github.com/sandkit/sandkit/internal/launch"
	"github.com/sandkit/sandkit/sandbox/state"
)

// recordOf is the record of a sandbox that this program owns.
func recordOf(e *state.Entry) *recorded {
	return &recorded{entry: e, remove: func() error { return e.Remove(context.Background()) }}
}

// parted notes that the sandbox was let go.
func (s *Sandbox) parted(r *running) {
	if r.group != nil {
		_ = r.group.room.group.Abandon() // it is another's
	}
	r.process.Release()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.state, s.running = stateClosed, nil
	close(s.ended)
}

// letGoAlive closes what this program has of a detached sandbox.
func (s *Sandbox) letGoAlive() error {
	s.mu.Lock()
	r := s.running
	s.mu.Unlock()
	if r != nil {
		r.process.LetGo()
	}
	<-s.ended
	return s.letGo()
}

// endDetached completes the result of a sandbox that a monitor had.
func (s *Sandbox) endDetached(r *running, status launch.Status, res *Result) error {
	var err error
	if r.group != nil {
		err = r.group.room.group.Abandon()
	}
	if status.Known {
		return err
	}
	// The monitor was killed, or did not say so, or somebody has adopted it.
	st, lookErr := s.awaitRecord()
	if lookErr == nil {
		res.from(st)
	}
	return errors.Join(err, lookErr)
}

// recordPatience is how long an owner may take to write down an end.
const recordPatience = 10 * time.Second

// awaitRecord gives the status once it is that of a sandbox that has ended.
func (s *Sandbox) awaitRecord() (*state.Status, error) {
	ctx, cancel := context.WithTimeout(context.Background(), recordPatience)
	defer cancel()
	changes := s.store.Watch(ctx)
	v, err := s.store.Lookup(s.id)
	if err == nil && v.Status.State.Runs() {
		for _, watchErr := range changes {
			if v, err = s.store.Lookup(s.id); err != nil || watchErr != nil || !v.Status.State.Runs() {
				err = errors.Join(err, watchErr)
				break
			}
		}
	}
	return &v.Status, err
}

// from notes how a sandbox ended by its record.
func (r *Result) from(st *state.Status) {
	r.ExitCode, r.Signal, r.Finished = st.ExitCode, syscall.Signal(st.Signal), st.Finished
	if st.Signal != 0 {
		r.ExitCode = -1
	}
	switch {
	case st.OOMKilled:
		r.Reason = ReasonOOM
	case st.Error == state.TimedOut:
		r.Reason = ReasonTimeout
	case st.ManuallyStopped && r.Signal == syscall.SIGKILL:
		r.Reason = ReasonKilled
	case st.ManuallyStopped:
		r.Reason = ReasonStopped
	case r.Signal != 0:
		r.Reason = ReasonSignaled
	default:
		r.Reason = ReasonExited
	}
}
