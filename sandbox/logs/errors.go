package logs

import (
	"errors"
	"fmt"
)

var (
	// ErrClosed is matched when something is logged after Close.
	ErrClosed = errors.New("log is closed")
	// ErrBusy is matched when another writer has a log open.
	ErrBusy = errors.New("somebody else writes the log")
)

// FieldError reports a bad value in options.
type FieldError struct {
	Field   string // "MaxSize"
	Value   string // the bad value
	Problem string // what is wrong with it
}

// Error returns field, value and problem in one line.
func (e *FieldError) Error() string { return fmt.Sprintf("%s: %q: %s", e.Field, e.Value, e.Problem) }

// TimeError says that a text is no time. See [ParseWhen].
type TimeError struct {
	Text string
	Err  error
}

// Error gives the text and the reason.
func (e *TimeError) Error() string { return fmt.Sprintf("parse time %q: %v", e.Text, e.Err) }

// Unwrap returns the reason.
func (e *TimeError) Unwrap() error { return e.Err }

// DroppedError tells a reader that entries were gone before it came to them. The
// reader goes on with those that are there.
type DroppedError struct {
	// Lines is how many entries there were; -1 when files were removed by
	// rotation, whose number of entries, perhaps none, nobody knows.
	Lines int64
	// Bytes is how long their lines were; -1 when it is not known.
	Bytes int64
}

// Error gives the numbers.
func (e *DroppedError) Error() string {
	if e.Lines < 0 {
		return "reader too slow: files of the log were removed before they could be read"
	}
	return fmt.Sprintf("reader too slow: %d entries (%d bytes) were dropped", e.Lines, e.Bytes)
}
