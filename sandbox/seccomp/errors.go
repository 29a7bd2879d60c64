package seccomp

import (
	"errors"
	"fmt"
)

// ErrTooLarge is what Parse and its kin return for input above 1 MiB, and
// Compile for a profile that needs more instructions than the kernel takes
// (4096, BPF_MAXINSNS).
var ErrTooLarge = errors.New("seccomp profile too large")

// FieldError reports one bad value in a profile. It matches
// errors.ErrUnsupported when the value is right but asks for something that
// cannot be done here, such as SCMP_ACT_NOTIFY.
type FieldError struct {
	// Field is where the value stands, such as "syscalls[3].args[0].op".
	Field string
	// Value is the bad value as it was written. Empty: it is missing.
	Value string
	// Problem says what is wrong with it and what to write instead.
	Problem string
	// Err is the cause, or nil.
	Err error
}

// Error returns field, value and problem in one line.
func (e *FieldError) Error() string {
	if e.Value == "" {
		return fmt.Sprintf("%s: %s", e.Field, e.Problem)
	}
	return fmt.Sprintf("%s: %q: %s", e.Field, e.Value, e.Problem)
}

// Unwrap returns the cause.
func (e *FieldError) Unwrap() error { return e.Err }

// within returns err with the field it is about put below parent.
func within(parent string, err error) error {
	fe, ok := errors.AsType[*FieldError](err)
	if !ok {
		return &FieldError{Field: parent, Problem: err.Error(), Err: err}
	}
	nested := *fe
	nested.Field = parent + "." + fe.Field
	return &nested
}
