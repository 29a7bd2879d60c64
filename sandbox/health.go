package sandbox

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/sandkit/sandkit/image"
	"github.com/sandkit/sandkit/internal/undo"
)

// Healthcheck says how it is found out whether the program works, as Docker does
// it. With an image, what is zero is as the image says.
type Healthcheck struct {
	// Test is {"NONE"}, {"CMD", program, arguments...} or {"CMD-SHELL", text}, for
	// /bin/sh, or the shell that the image names. It runs as the sandbox's user, beside the program, and exit code 0
	// means that this works. Empty is the image's, or none.
	Test []string `json:"test,omitempty"`
	// Interval is the time between the start and the first test, and between the
	// end of one and the next; 0: 30 s.
	Interval time.Duration `json:"interval,omitempty"`
	// Timeout is how long a test may take before it is killed and has failed; 0:
	// 30 s.
	Timeout time.Duration `json:"timeout,omitempty"`
	// StartPeriod is how long after the start failures do not count, until the
	// first success.
	StartPeriod time.Duration `json:"startPeriod,omitempty"`
	// StartInterval is the Interval during the StartPeriod; 0: 5 s.
	StartInterval time.Duration `json:"startInterval,omitempty"`
	// Retries is how many failures without a success between them it takes to be
	// unhealthy; 0: 3.
	Retries int `json:"retries,omitempty"`
}

// The first words of Healthcheck.Test.
const (
	healthNone    = "NONE"
	healthCommand = "CMD"
	healthShell   = "CMD-SHELL"
)

// HealthFunc finds out whether the sandbox works, in the host program. Nil means
// that it does. It has to return when ctx ends.
type HealthFunc func(ctx context.Context, s *Sandbox) error

// WithHealthcheck tests again and again whether the program works: see
// [Sandbox.Status] and the events [EventHealthy] and [EventUnhealthy]. Nothing else
// follows from it. Tests begin anew with each restart, and rest in a pause.
func WithHealthcheck(h Healthcheck) Option {
	h.Test = slices.Clone(h.Test)
	return option(func(c *config) {
		c.spec.Healthcheck = h
		c.life.hooks.test()
	})
}

// WithHealthFunc calls f in place of a Healthcheck's Test, also the image's; its
// times hold. It needs nothing in the sandbox. Package sandbox/health has some.
func WithHealthFunc(f HealthFunc) Option {
	return option(func(c *config) {
		c.life.healthFunc = f
		c.life.hooks.test()
	})
}

// HealthListening is for [WithHealthFunc]: something listens on a TCP port, on any
// address. No connection is made. It sees all of the sandbox's network namespace,
// which may be shared.
func HealthListening(port uint16) HealthFunc {
	return func(_ context.Context, s *Sandbox) error {
		ok, err := s.listening(port)
		if err == nil && !ok {
			err = fmt.Errorf("nothing listens on port %d", port)
		}
		return err
	}
}

// check finds what makes no sense.
func (h *Healthcheck) check() error {
	var errs undo.Errors
	if len(h.Test) > 0 {
		words := len(h.Test) - 1
		switch h.Test[0] {
		case healthNone:
			if words > 0 {
				errs.Add(errors.New("test NONE takes nothing"))
			}
		case healthCommand:
			if words == 0 {
				errs.Add(errors.New("test CMD needs a program"))
			}
		case healthShell:
			if words != 1 {
				errs.Add(fmt.Errorf("test CMD-SHELL takes one text, not %d", words))
			}
		default:
			errs.Add(fmt.Errorf("test %q is none of NONE, CMD and CMD-SHELL", h.Test[0]))
		}
		if p := (ProcessSpec{Command: h.command()}); len(p.Command) > 0 {
			p.checkCommand(&errs)
		}
	}
	for _, d := range []struct {
		name string
		d    time.Duration
	}{{"Interval", h.Interval}, {"Timeout", h.Timeout}, {"StartPeriod", h.StartPeriod}, {"StartInterval", h.StartInterval}} {
		if d.d < 0 {
			errs.Add(fmt.Errorf("field %s: %v is negative", d.name, d.d))
		}
	}
	if h.Retries < 0 {
		errs.Add(fmt.Errorf("field Retries: %d is negative", h.Retries))
	}
	return errs.Err()
}

// command is what a Test executes; nil for nothing.
func (h *Healthcheck) command() []string {
	switch {
	case len(h.Test) < 2:
	case h.Test[0] == healthCommand:
		return h.Test[1:]
	case h.Test[0] == healthShell:
		return []string{"/bin/sh", "-c", h.Test[1]}
	}
	return nil
}

// complete fills in what is left open.
func (h Healthcheck) complete() Healthcheck {
	h.Interval = cmp.Or(h.Interval, 30*time.Second)
	h.Timeout = cmp.Or(h.Timeout, 30*time.Second)
	h.StartInterval = cmp.Or(h.StartInterval, 5*time.Second)
	h.Retries = cmp.Or(h.Retries, 3)
	return h
}

// applyHealthcheck takes over what image and options say together. The shell is
// the image's, if it has one.
func (s *Spec) applyHealthcheck(h Healthcheck, shell []string) error {
	if err := h.check(); err != nil {
		return fmt.Errorf("%w: health check of the image: %w", ErrInvalidSpec, err)
	}
	if len(shell) > 0 && len(h.Test) > 0 && h.Test[0] == healthShell {
		h.Test = slices.Concat([]string{healthCommand}, shell, h.Test[1:])
	}
	s.Healthcheck = h
	return nil
}

// inImage is the Healthcheck in the words of images; nil for none.
func (h Healthcheck) inImage() *image.Healthcheck {
	if len(h.Test) == 0 && h.Interval|h.Timeout|h.StartPeriod|h.StartInterval == 0 && h.Retries == 0 {
		return nil
	}
	in := image.Healthcheck(h)
	in.Test = slices.Clone(in.Test)
	return &in
}
