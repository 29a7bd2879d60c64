package sandbox

import (
	"fmt"
	"slices"

	"github.com/sandkit/sandkit/internal/undo"
)

// execs tells whether process 1 has to make further processes, also when nobody
// else has the sandbox.
func (s *Sandbox) execs() bool {
	return s.spec.Restart.inPlace() || s.spec.Healthcheck.command() != nil || s.healthFunc != nil || len(s.conditions) > 0
}

// tells tells whether there are events other than the cgroup's.
func (s *Sandbox) tells() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.spec.Restart.inPlace() || s.health != nil
}

// gone tells that nothing of the sandbox is left.
func (s *Sandbox) gone() {
	s.mu.Lock()
	defer s.mu.Unlock()
	select {
	case <-s.removed:
	default:
		close(s.removed)
	}
}

// handStreams gives the program its ends of the streams, and says when they are
// closed here: after the start, or with the sandbox when there are other runs.
func (s *Sandbox) handStreams(b *builder, st *streams, after, onError *undo.Stack) error {
	onError.Push("close streams", st.closeOurs)
	if !s.spec.Restart.inPlace() {
		after.Push("close streams", st.closeTheirs)
		b.stdio = st.files
		return nil
	}
	onError.Push("close streams", st.closeTheirs)
	return st.own()
}

// own makes copies of what is the caller's, who may close his when Start has
// returned.
func (s *streams) own() error {
	for i, f := range s.files {
		if slices.Contains(s.theirs, f) {
			continue
		}
		d, err := duplicate(f)
		if err != nil {
			return fmt.Errorf("%s: %w", f.Name(), err)
		}
		s.files[i], s.theirs = d, append(s.theirs, d)
	}
	return nil
}
