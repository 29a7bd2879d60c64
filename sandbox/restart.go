package sandbox

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/sandkit/sandkit/internal/undo"
)

// RestartMode says which ends of the program are followed by another run.
type RestartMode string

// The modes, with Docker's names.
const (
	RestartModeNo            RestartMode = "no"             // none
	RestartModeAlways        RestartMode = "always"         // all, until somebody stops the sandbox
	RestartModeOnFailure     RestartMode = "on-failure"     // all but exit code 0
	RestartModeUnlessStopped RestartMode = "unless-stopped" // as always, while this program lives
)

// RestartPolicy says when the program is started again. The zero value is never,
// and that [Sandbox.Restart] does not work either.
type RestartPolicy struct {
	Mode RestartMode `json:"mode,omitempty"`
	// MaxRetries is how often, with RestartModeOnFailure; 0: any number of times.
	MaxRetries int     `json:"maxRetries,omitempty"`
	Backoff    Backoff `json:"backoff,omitzero"`
}

// Backoff is how long a restart waits: Min at first, each time Factor as much,
// at most Max. The zero value is Docker's.
type Backoff struct {
	Min    time.Duration `json:"min,omitempty"`    // 0: 100 ms
	Max    time.Duration `json:"max,omitempty"`    // 0: 1 minute, or Min when that is more
	Factor float64       `json:"factor,omitempty"` // 0: 2; at least 1
	// ResetAfter is how long a run has to last for the next wait to be Min again;
	// 0: 10 s.
	ResetAfter time.Duration `json:"resetAfter,omitempty"`
}

// RestartNo never starts the program again by itself, but [Sandbox.Restart] does.
func RestartNo() RestartPolicy { return RestartPolicy{Mode: RestartModeNo} }

// RestartAlways starts the program again whenever it ends.
func RestartAlways() RestartPolicy { return RestartPolicy{Mode: RestartModeAlways} }

// RestartUnlessStopped is [RestartAlways]; records tell the two apart for who
// starts sandboxes again when the host does.
func RestartUnlessStopped() RestartPolicy { return RestartPolicy{Mode: RestartModeUnlessStopped} }

// RestartOnFailure starts the program again when it fails, at most retries times;
// 0 is any number of times.
func RestartOnFailure(retries int) RestartPolicy {
	return RestartPolicy{Mode: RestartModeOnFailure, MaxRetries: retries}
}

// WithRestart starts the program again when it ends, as p says, in the same
// sandbox: every other process is killed first, then it is executed anew. Its
// namespaces, root, mounts, limits, cgroup and network stay, and with them files,
// also below /dev/shm, and System V IPC objects, which new namespaces would not
// have; what the program unmounted or mounted for itself does not. Standard
// streams and logs go on; input is read on from where the last run left off.
//
// [Sandbox.Stop], [Sandbox.Kill], [Sandbox.Close], the timeout and
// [Sandbox.Signal] with the stop signal or SIGKILL end it for good; so does the
// end of process 1, whoever killed it. [Sandbox.Wait] gives the last run, or, when
// the sandbox was killed between two, that of a program that was killed. A restart costs about what [Sandbox.Exec] does. With a policy the program is no
// child of the set-up but a further process of an idle sandbox ([WithIdle]).
func WithRestart(p RestartPolicy) Option {
	return option(func(c *config) {
		c.spec.Restart = p
		c.life.hooks.restart()
	})
}

// ParseRestartPolicy reads what docker run --restart takes: "no", "always",
// "unless-stopped", "on-failure" or "on-failure:3". Empty is the zero policy. The
// error matches [ErrInvalidSpec].
func ParseRestartPolicy(s string) (RestartPolicy, error) {
	if s == "" {
		return RestartPolicy{}, nil
	}
	mode, count, _ := strings.Cut(s, ":")
	p := RestartPolicy{Mode: RestartMode(mode)}
	var err error
	if count != "" {
		if p.MaxRetries, err = strconv.Atoi(count); err != nil {
			return RestartPolicy{}, fmt.Errorf("%w: restart policy %q: %q is no number of retries", ErrInvalidSpec, s, count)
		}
	}
	if mode == "" {
		err = errors.New("there is no mode before the colon")
	} else {
		err = p.check()
	}
	if err != nil {
		return RestartPolicy{}, fmt.Errorf("%w: restart policy %q: %w", ErrInvalidSpec, s, err)
	}
	return p, nil
}

// String is the policy as [ParseRestartPolicy] reads it, without the Backoff.
func (p RestartPolicy) String() string {
	switch {
	case p.Mode == "":
		return string(RestartModeNo)
	case p.MaxRetries != 0:
		return fmt.Sprintf("%s:%d", p.Mode, p.MaxRetries)
	}
	return string(p.Mode)
}

// inPlace tells whether the program can be started again.
func (p RestartPolicy) inPlace() bool { return p.Mode != "" }

// check finds what makes no sense.
func (p RestartPolicy) check() error {
	var errs undo.Errors
	switch p.Mode {
	case RestartModeOnFailure:
		if p.MaxRetries < 0 {
			errs.Add(fmt.Errorf("MaxRetries %d is negative", p.MaxRetries))
		}
	case "":
		if p != (RestartPolicy{}) {
			errs.Add(errors.New("MaxRetries and Backoff need a Mode"))
		}
	case RestartModeNo, RestartModeAlways, RestartModeUnlessStopped:
		if p.MaxRetries != 0 {
			errs.Add(fmt.Errorf("MaxRetries %d: only %s has a limit", p.MaxRetries, RestartModeOnFailure))
		}
	default:
		errs.Add(fmt.Errorf("mode %q is none of no, always, on-failure and unless-stopped", p.Mode))
	}
	errs.Add(p.Backoff.check())
	return errs.Err()
}

func (b Backoff) check() error {
	var errs undo.Errors
	for _, d := range []struct {
		name string
		d    time.Duration
	}{{"Min", b.Min}, {"Max", b.Max}, {"ResetAfter", b.ResetAfter}} {
		if d.d < 0 {
			errs.Add(fmt.Errorf("field Backoff.%s: %v is negative", d.name, d.d))
		}
	}
	if b.Max != 0 && b.Max < b.min() {
		errs.Add(fmt.Errorf("field Backoff.Max: %v is below Min %v", b.Max, b.min()))
	}
	if b.Factor != 0 && (math.IsNaN(b.Factor) || math.IsInf(b.Factor, 0) || b.Factor < 1) {
		errs.Add(fmt.Errorf("field Backoff.Factor: %v is below 1", b.Factor))
	}
	return errs.Err()
}

func (b Backoff) min() time.Duration { return cmp.Or(b.Min, 100*time.Millisecond) }

func (b Backoff) max() time.Duration {
	if b.Max != 0 {
		return b.Max
	}
	return max(time.Minute, b.min())
}

func (b Backoff) resetAfter() time.Duration { return cmp.Or(b.ResetAfter, 10*time.Second) }

// next is the wait that follows one; 0 is the first.
func (b Backoff) next(d time.Duration) time.Duration {
	if d == 0 {
		return b.min()
	}
	if f := float64(d) * cmp.Or(b.Factor, 2); f < float64(b.max()) {
		return time.Duration(f)
	}
	return b.max()
}
