package sandbox

import (
	"errors"
	"fmt"
	"os"
)

// WithDetach has the sandbox outlive this program: Start hands it over to a
// monitor, a process of some ten KiB of its own, see [Sandbox.Detach], before it
// returns. It needs [WithState], where every process of the same user finds the
// sandbox again with [Open]. The record stays when the sandbox has ended, with its
// exit code, until [Sandbox.Remove]. Close lets go of the sandbox and does not
// end it.
//
// The output of a detached sandbox goes to files that WithStdout and WithStderr
// are given, or to a json-file of [WithLogs], or nowhere.
func WithDetach() Option {
	return option(func(c *config) {
		c.detach = true
		c.life.hooks.detach()
	})
}

// checkDetach finds what WithDetach does not go with.
func (c *config) checkDetach(s *Sandbox) error {
	if !c.detach {
		return nil
	}
	if err := s.refuse(s); err != nil {
		return invalid(fmt.Errorf("WithDetach: %w", err))
	}
	return nil
}

// canDetach finds what needs this program.
func (s *Sandbox) canDetach() error {
	var errs []error
	add := func(wrong bool, text string) {
		if wrong {
			errs = append(errs, errors.New(text))
		}
	}
	logged := s.spec.Logs.Driver != ""
	add(s.store == nil, "nobody would find it again, use WithState")
	add(needsProgram(s.stdin), "WithStdin needs this program, give it an *os.File or nothing")
	for name, w := range map[string]any{"WithStdout": s.stdout, "WithStderr": s.stderr} {
		add(needsProgram(w), name+" needs this program, use WithLogs with json-file, or give it an *os.File")
		add(logged && w != nil, name+" needs this program beside WithLogs, leave one out")
	}
	add(s.spec.Logs.Driver == LogRing, "a ring of WithLogs is in the memory of this program, use json-file")
	add(s.logFunc != nil, "WithLogFunc needs this program")
	add(s.spec.Process.TTY != nil, "the terminal of WithTTY needs this program")
	add(s.spec.OpenStdin, "WithOpenStdin needs this program")
	add(s.spec.Restart.inPlace(), "WithRestart needs this program")
	add(s.spec.Healthcheck.command() != nil || s.healthFunc != nil, "a health check needs this program")
	add(len(s.spec.Publish) > 0, "the ports of WithPublish need this program")
	return errors.Join(errs...)
}

// needsProgram tells whether a stream is more than a file.
func needsProgram(stream any) bool {
	_, file := stream.(*os.File)
	return stream != nil && !file
}

// isDetached tells whether a monitor has the sandbox, and waits while it is
// handed over.
func (s *Sandbox) isDetached() bool {
	s.handover.Lock()
	defer s.handover.Unlock()
	return s.detached
}
