package kernel

import (
	"errors"
	"strings"
)

// ErrNotSupported is matched by every [NotSupportedError].
var ErrNotSupported = errors.New("not supported")

// NotSupportedError says what this host cannot give, since which version
// Linux can, and what to do about it. It matches [ErrNotSupported] and
// [errors.ErrUnsupported].
type NotSupportedError struct {
	Feature string // what is missing
	Since   string // first Linux version with it, "5.12"; empty when no version helps
	Hint    string // the remedy; may be empty
	Err     error  // what the probe met; may be nil
}

// Error gives feature, version, cause and remedy.
func (e *NotSupportedError) Error() string {
	var b strings.Builder
	b.WriteString(e.Feature)
	b.WriteString(" not supported")
	if e.Since != "" {
		b.WriteString(" (Linux " + e.Since + " or newer)")
	}
	if e.Err != nil {
		b.WriteString(": " + e.Err.Error())
	}
	if e.Hint != "" {
		b.WriteString("; " + e.Hint)
	}
	return b.String()
}

// Is matches ErrNotSupported and errors.ErrUnsupported.
func (e *NotSupportedError) Is(target error) bool {
	return target == ErrNotSupported || target == errors.ErrUnsupported
}

// Unwrap gives what the probe met.
func (e *NotSupportedError) Unwrap() error { return e.Err }
