package sandbox

import (
	"fmt"
	"strings"
	"syscall"
	"time"

	"github.com/sandkit/sandkit/cgroup"
)

// Reason is why a sandbox ended.
type Reason string

// The reasons.
const (
	ReasonExited    Reason = "exited"    // the program ended by itself
	ReasonSignaled  Reason = "signaled"  // a signal that sandkit did not send
	ReasonStopped   Reason = "stopped"   // Stop
	ReasonKilled    Reason = "killed"    // Kill or Close
	ReasonTimeout   Reason = "timeout"   // WithTimeout
	ReasonCancelled Reason = "cancelled" // the context of Run or Output ended
	ReasonOOM       Reason = "oom"       // failed, and a process was killed for want of memory
	ReasonPids      Reason = "pids"      // failed, and a process or thread was refused
)

// Result is how a sandbox ended.
type Result struct {
	// ExitCode is the program's, 0 to 255; -1 when a signal ended it.
	ExitCode int
	// Signal is what ended the program; 0 when it exited.
	Signal syscall.Signal
	// CoreDumped tells that the kernel wrote a core file.
	CoreDumped bool
	Reason     Reason
	Started    time.Time // when Start was called, or the last run began to be started
	Finished   time.Time // when the last process was gone
	// RestartCount is how often the policy had started the program again, see
	// [WithRestart]; the result is then that of the last run, but for Stats.
	RestartCount int
	// Setup is the time from Start to the program's execution.
	Setup time.Duration
	// Stats is all that the sandbox used; see [Sandbox.Stats] for what is counted.
	Stats cgroup.Stats
	// UserTime, SystemTime and MaxRSS (bytes) are the main process's and those
	// of the children it waited for; zero when it was killed with the sandbox.
	UserTime, SystemTime time.Duration
	MaxRSS               int64
	// Protections lists what was in force.
	Protections Protections
}

// status says how the program ended, as os.ProcessState does.
func (r *Result) status() string {
	how := fmt.Sprintf("exit status %d", r.ExitCode)
	if r.Signal != 0 {
		how = "signal: " + r.Signal.String()
		if r.CoreDumped {
			how += " (core dumped)"
		}
	}
	return how
}

// ending says in a few words how the program ended, and why.
func (r *Result) ending() string {
	switch r.Reason {
	case ReasonExited, ReasonSignaled:
		return r.status()
	}
	return fmt.Sprintf("%s (%s)", r.Reason, r.status())
}

// Duration is how long the sandbox existed.
func (r *Result) Duration() time.Duration { return r.Finished.Sub(r.Started) }

// String is one line: how it ended and how long it took.
func (r *Result) String() string {
	return fmt.Sprintf("%s after %v (set-up %v)", r.ending(), r.Duration().Round(time.Microsecond), r.Setup.Round(time.Microsecond))
}

// A Protection is something that kept the program in its place.
type Protection struct {
	Name   string // such as "seccomp"
	Detail string // such as the profile; may be empty
}

// String is name and detail.
func (p Protection) String() string {
	if p.Detail == "" {
		return p.Name
	}
	return p.Name + ": " + p.Detail
}

// Protections is a list of them, in the order of the set-up.
type Protections []Protection

// Has tells whether one of that name was in force.
func (p Protections) Has(name string) bool {
	for _, x := range p {
		if x.Name == name {
			return true
		}
	}
	return false
}

// String is one protection a line.
func (p Protections) String() string {
	var b strings.Builder
	for _, x := range p {
		fmt.Fprintln(&b, x)
	}
	return b.String()
}
