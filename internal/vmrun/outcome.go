//go:build linux

package main

import (
	"errors"
	"fmt"
	"strings"
	"time"
)

// errNoBoot ends a run whose program was not even started.
var errNoBoot = errors.New("the machine ended before the program's start")

// outcome is how a run ended.
type outcome struct {
	exited  bool // the program did, with code
	code    int
	left    []string // what outlived it
	failure string   // why it could not be run
	hurried bool     // it got SIGQUIT because the limit was near
	cut     error    // ended from outside: errTimeout or a signalError
	sent    sizes    // what it and the guest wrote
	lost    bool     // the machine died before all of that was here
	times   times
}

// leftText names what outlived the program.
func (r outcome) leftText() string { return "left behind: " + strings.Join(r.left, ", ") }

// times are moments since vmrun's start.
type times struct {
	prepared, init, started, exited time.Duration
	kernel                          float64 // seconds on the guest's clock at init
}

// exitCode decides how vmrun ends. The error says why when it is not the
// program's doing.
func (r outcome) exitCode(allowLeftovers bool) (int, error) {
	if s, ok := errors.AsType[signalError](r.cut); ok {
		return s.exitCode(), s
	}
	switch {
	case r.cut != nil:
		return exitTimeout, r.cut
	case r.failure != "":
		return exitMachine, fmt.Errorf("inside the machine: %s", r.failure)
	case !r.exited && r.times.started == 0:
		return exitMachine, errNoBoot
	case !r.exited || r.lost:
		return exitMachine, errors.New("the machine ended without a result")
	case r.hurried && r.code != 0:
		return exitTimeout, fmt.Errorf("timed out; the program ended with %d", r.code)
	case len(r.left) > 0 && r.code == 0 && !allowLeftovers:
		return exitLeftover, errors.New(r.leftText())
	}
	return r.code, nil
}

// unexplained says whether only the kernel's log can tell why the program did
// not end: the machine died, or it hung before the program's start.
func (r outcome) unexplained() bool {
	if errors.Is(r.cut, errTimeout) {
		return r.times.started == 0
	}
	return r.cut == nil && r.failure == "" && (!r.exited || r.lost)
}
