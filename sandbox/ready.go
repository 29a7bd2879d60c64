package sandbox

import (
	"bytes"
	"context"
	"fmt"
	"strconv"
	"time"
)

// Ready is a condition under which a sandbox is ready, for [WithReady].
type Ready struct {
	what    string
	match   func(line []byte) bool // of the output
	test    HealthFunc             // is called again and again
	healthy bool
}

// WithReady has Start wait until all conditions hold, for the timeout at most, or
// as long as its context allows when that is 0. When the program ends before, for
// good, or time is over, Start ends the sandbox, undoes everything, and its error
// is a [*NotReadyError]. With a restart policy ([WithRestart]) the conditions may
// come to hold in a later run.
func WithReady(timeout time.Duration, conditions ...Ready) Option {
	return option(func(c *config) {
		if timeout < 0 {
			c.process.problem("WithReady", "timeout %v is negative", timeout)
		}
		for i, r := range conditions {
			if r.what == "" {
				c.process.problem("WithReady", "condition %d is none", i)
			}
		}
		c.life.readyTimeout = timeout
		c.life.hooks.ready()
		c.life.conditions = append(c.life.conditions, conditions...)
	})
}

// ReadyLog holds when the program has printed a line with this text, to its
// standard output or standard error. The output goes through pipes then, as with
// [WithLogs], also where WithStdout and WithStderr were given files. Of a line that
// is longer than 16 KiB, parts of that size are looked at.
func ReadyLog(text string) Ready {
	return Ready{what: "a line with " + strconv.Quote(text), match: func(line []byte) bool { return bytes.Contains(line, []byte(text)) }}
}

// ReadyLogMatch is [ReadyLog] for lines that match, with their newlines: a
// *regexp.Regexp is a matcher.
func ReadyLogMatch(m interface{ Match(line []byte) bool }) Ready {
	if m == nil {
		return Ready{}
	}
	return Ready{what: fmt.Sprintf("a line that matches %v", m), match: m.Match}
}

// ReadyListening holds when something listens on a TCP port, as with
// [HealthListening]. It needs nothing in the sandbox.
func ReadyListening(port uint16) Ready {
	return Ready{what: fmt.Sprintf("something that listens on port %d", port), test: HealthListening(port)}
}

// ReadyHealthy holds when the health check has found that the program works; it
// can hold no more when that found the contrary. See [WithHealthcheck].
func ReadyHealthy() Ready { return Ready{what: "a health check that succeeds", healthy: true} }

// ReadyFunc holds when f gives nil; it is called until then, with short waits. It
// has to return when ctx ends, as it does with the sandbox, and must not call Close.
func ReadyFunc(f func(ctx context.Context, s *Sandbox) error) Ready {
	if f == nil {
		return Ready{}
	}
	return Ready{what: "a function that succeeds", test: f}
}

// NotReadyError is the error of a Start that has waited in vain. It matches
// [ErrNotReady] and Err, and [*ExitError] when the program ended.
type NotReadyError struct {
	Condition string  // what was waited for, in words
	Result    *Result // how the program ended; nil: it ran until it was given up
	// Output is the end of what the program printed, at most 4 KiB, when it was
	// looked at: with ReadyLog, WithLogs or WithLogFunc.
	Output []byte
	Err    error // why nobody waits any longer, or what was found last; may be nil
}

// Error says what was waited for, and what happened.
func (e *NotReadyError) Error() string {
	s := "wait for " + e.Condition
	if e.Result != nil {
		s += ": the program ended: " + e.Result.ending()
	}
	if e.Err != nil {
		s += ": " + e.Err.Error()
	}
	if len(e.Output) > 0 {
		s += fmt.Sprintf(": %s", trimmed(e.Output))
	}
	return s
}

// Unwrap gives all that the error matches.
func (e *NotReadyError) Unwrap() []error {
	all := []error{ErrNotReady}
	if e.Err != nil {
		all = append(all, e.Err)
	}
	if e.Result != nil {
		all = append(all, &ExitError{Result: e.Result})
	}
	return all
}
