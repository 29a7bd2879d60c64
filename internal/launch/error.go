package launch

import (
	"fmt"
	"syscall"
)

// A StepError tells which step of a Program failed and why.
type StepError struct {
	Stage string // what the step is for
	Path  string // what it is about; may be empty
	Call  string // the system call's name
	Step  int    // its number in the printed Program
	Errno syscall.Errno
	IDMap bool // the step was to make an idmapped mount

	early bool // in the prelude
}

// Error gives stage, path, call and errno.
func (e *StepError) Error() string {
	subject := e.Stage
	if e.Path != "" {
		subject += " " + e.Path
	}
	return fmt.Sprintf("%s: %s: %v", subject, e.Call, e.Errno)
}

// Unwrap gives the errno.
func (e *StepError) Unwrap() error { return e.Errno }
