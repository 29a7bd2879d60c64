package logs

import (
	"fmt"
	"slices"
	"time"
)

// Options say what to read. The zero value reads nothing that is there: set
// Tail to -1 for everything.
type Options struct {
	// Follow waits for new entries until the writer is gone, or the context
	// ends. When nobody writes, what is there is given and that is all.
	Follow bool
	// Tail is how many of the last entries to begin with; negative: all. Those
	// that the other fields leave out do not count.
	Tail int
	// Since leaves out older entries; zero: none.
	Since time.Time
	// Until ends at the first younger entry, and when following, at that time at
	// the latest; zero: never.
	Until time.Time
	// Streams are those to read; empty: all.
	Streams []Stream
}

// Validate gives a [*FieldError] for the first value that makes no sense.
func (o Options) Validate() error {
	for i, s := range o.Streams {
		if s != Stdout && s != Stderr {
			return &FieldError{fmt.Sprintf("Streams[%d]", i), string(s), "no stream; there are stdout and stderr"}
		}
	}
	if !o.Until.IsZero() && o.Until.Before(o.Since) {
		return &FieldError{"Until", o.Until.Format(time.RFC3339Nano), "before Since, " + o.Since.Format(time.RFC3339Nano)}
	}
	return nil
}

// wants tells whether an entry is to be given.
func (o *Options) wants(e *Entry) bool {
	return !e.Time.Before(o.Since) && !o.past(e) && (len(o.Streams) == 0 || slices.Contains(o.Streams, e.Stream))
}

// past tells whether an entry is younger than all that are wanted.
func (o *Options) past(e *Entry) bool { return !o.Until.IsZero() && e.Time.After(o.Until) }
