package sandbox

import (
	"fmt"
	"strings"

	"github.com/sandkit/sandkit/internal/kernel"
)

// Features is what this host can do, with reasons. It prints itself.
type Features = kernel.Features

// Feature is one line of [Features].
type Feature = kernel.Feature

// A Plan is what Start does, step by step. It prints itself: the system calls
// of process 1 and of the main process, as strace would show them.
type Plan struct {
	// Protections are in force when the plan has been carried out.
	Protections Protections
	// Dropped is what BestEffort let go, with the reason.
	Dropped []Dropped

	steps fmt.Stringer
}

// Dropped is something that was asked for and is not in force.
type Dropped struct {
	What   Droppable
	Reason error
}

// String is what and why.
func (d Dropped) String() string { return fmt.Sprintf("%s: %v", d.What, d.Reason) }

// String prints every step.
func (p *Plan) String() string {
	var b strings.Builder
	for _, d := range p.Dropped {
		fmt.Fprintf(&b, "dropped: %s\n", d)
	}
	for _, x := range p.Protections {
		fmt.Fprintf(&b, "protection: %s\n", x)
	}
	if p.steps != nil {
		b.WriteString(p.steps.String())
	}
	return b.String()
}
