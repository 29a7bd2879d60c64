package figures

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"
)

// A Figure is one line of what was measured beside its target.
type Figure struct {
	Name   string
	Value  string
	Target string // may be empty: then the value is only told
	Missed bool
}

// AtMost is a figure that must not be larger than a limit.
func AtMost(name string, value, limit float64, format string) Figure {
	return Figure{name, fmt.Sprintf(format, value), "at most " + fmt.Sprintf(format, limit), value > limit}
}

// AtLeast is a figure that must not be smaller than a limit.
func AtLeast(name string, value, limit float64, format string) Figure {
	return Figure{name, fmt.Sprintf(format, value), "at least " + fmt.Sprintf(format, limit), value < limit}
}

// Told is a figure without a target.
func Told(name, format string, args ...any) Figure {
	return Figure{Name: name, Value: fmt.Sprintf(format, args...)}
}

// Milliseconds gives a duration as a number.
func Milliseconds(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

// Print prints a table.
func Print(w io.Writer, all []Figure) error {
	var text strings.Builder
	text.WriteString("figure\tmeasured\ttarget\t\n")
	for _, f := range all {
		verdict := "met"
		switch {
		case f.Missed:
			verdict = "missed"
		case f.Target == "":
			verdict = ""
		}
		fmt.Fprintf(&text, "%s\t%s\t%s\t%s\n", f.Name, f.Value, f.Target, verdict)
	}
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	if _, err := io.WriteString(t, text.String()); err != nil {
		return err
	}
	return t.Flush()
}
