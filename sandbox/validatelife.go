package sandbox

import (
	"errors"

	"github.com/sandkit/sandkit/internal/undo"
)

// checkLife finds what is wrong with what happens after the start.
func (s *Spec) checkLife(errs *undo.Errors) {
	errs.Add(prefixed("WithRestart", s.Restart.check()))
	errs.Add(prefixed("WithHealthcheck", s.Healthcheck.check()))
	if s.Idle && s.Restart.inPlace() {
		errs.Add(errors.New("WithIdle, WithRestart: an idle sandbox has no program that could be started again, leave one out"))
	}
}
