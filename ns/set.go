package ns

import (
	"fmt"
	"strings"
	"time"

	"github.com/sandkit/sandkit/internal/undo"
)

// A Set says where each of a sandbox's namespaces comes from. The zero value
// is the safest: all are new. User, mount and PID namespaces are always new
// and not listed.
type Set struct {
	Net    Namespace `json:"net,omitzero"`
	IPC    Namespace `json:"ipc,omitzero"`
	UTS    Namespace `json:"uts,omitzero"`
	Cgroup Namespace `json:"cgroup,omitzero"`
	// Clocks, when not nil, asks for a time namespace (Linux 5.6).
	Clocks *Clocks `json:"clocks,omitempty"`
}

// Clocks are the offsets of a time namespace's clocks from the host's. Zero
// leaves a clock as it is. The wall clock cannot be changed.
type Clocks struct {
	Monotonic time.Duration `json:"monotonic,omitempty"`
	Boottime  time.Duration `json:"boottime,omitempty"`
}

// Each lists the namespaces that a Set decides about, always in one order.
func (s *Set) Each() []struct {
	Kind Kind
	From *Namespace
} {
	return []struct {
		Kind Kind
		From *Namespace
	}{{Net, &s.Net}, {IPC, &s.IPC}, {UTS, &s.UTS}, {Cgroup, &s.Cgroup}}
}

// Validate reports every problem at once.
func (s *Set) Validate() error {
	var errs undo.Errors
	for _, e := range s.Each() {
		if err := e.From.Validate(e.Kind); err != nil {
			errs.Add(fmt.Errorf("%s namespace: %w", e.Kind, err))
		}
	}
	return errs.Err()
}

// String lists what is not new, or "all new".
func (s *Set) String() string {
	var parts []string
	for _, e := range s.Each() {
		if e.From.Mode != New {
			parts = append(parts, fmt.Sprintf("%s: %s", e.Kind, e.From))
		}
	}
	if s.Clocks != nil {
		parts = append(parts, fmt.Sprintf("time: monotonic %+v, boottime %+v", s.Clocks.Monotonic, s.Clocks.Boottime))
	}
	if parts == nil {
		return "all new"
	}
	return strings.Join(parts, ", ")
}
