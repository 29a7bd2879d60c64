package policy

import (
	"errors"
	"fmt"
	"net/netip"
	"time"
)

// Kind is what an [Event] tells.
type Kind string

// The kinds of events. A connection that is allowed has [Opened] and [Closed], or
// [Failed] alone; one that is denied has [Denied] alone.
const (
	Denied Kind = "denied"
	Failed Kind = "failed" // allowed as far as it came, but there was nobody to connect to
	Opened Kind = "opened"
	Closed Kind = "closed"
)

// Event is a line of an audit log.
type Event struct {
	Time     time.Time      `json:"time"`
	Kind     Kind           `json:"kind"`
	Network  string         `json:"network"`
	Dst      netip.AddrPort `json:"dst"`
	Name     string         `json:"name,omitempty"` // see [Decision.Name]
	Allowed  bool           `json:"allowed"`
	Rule     string         `json:"rule,omitempty"`
	Reason   string         `json:"reason,omitempty"`
	Sent     int64          `json:"sent"`     // bytes from the sandbox
	Received int64          `json:"received"` // bytes to the sandbox
	// Duration is the time since the connection came, in nanoseconds in JSON.
	Duration time.Duration `json:"duration"`
	// Err is what went wrong, empty if nothing did.
	Err string `json:"err,omitempty"`
}

// Errors of [Handler.Serve], beside those of dialing and of connections.
var (
	// ErrDenied is matched by the [*DeniedError] of a connection that is not
	// allowed.
	ErrDenied = errors.New("connection is denied")
	// ErrBusy is for a connection beyond [Handler.MaxConns].
	ErrBusy = errors.New("there are too many connections")
	// ErrIdle is for a connection on which nothing was sent for too long.
	ErrIdle = errors.New("the connection was idle for too long")
	// ErrOverdue is for a connection that has lasted too long.
	ErrOverdue = errors.New("the connection has lasted too long")
)

// DeniedError says why a connection was denied. It matches [ErrDenied], and what
// its beginning was refused for ([ErrMalformed], for example).
type DeniedError struct {
	Dst    netip.AddrPort
	Name   string
	Rule   string
	Reason string
	Err    error // may be nil
}

func (e *DeniedError) Error() string {
	if e.Name != "" {
		return fmt.Sprintf("connection to %s (%s) is denied: %s", e.Dst, e.Name, e.Reason)
	}
	return fmt.Sprintf("connection to %s is denied: %s", e.Dst, e.Reason)
}

// Is tells that it is an [ErrDenied].
func (e *DeniedError) Is(target error) bool { return target == ErrDenied }

func (e *DeniedError) Unwrap() error { return e.Err }
