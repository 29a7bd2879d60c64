package main

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"
)

// A figure is one line of what was measured beside its target.
type figure struct {
	name   string
	value  string
	target string // may be empty: then the value is only told
	missed bool
}

// atMost is a figure that must not be larger than a limit.
func atMost(name string, value, limit float64, format string) figure {
	return figure{name, fmt.Sprintf(format, value), "at most " + fmt.Sprintf(format, limit), value > limit}
}

// atLeast is a figure that must not be smaller than a limit.
func atLeast(name string, value, limit float64, format string) figure {
	return figure{name, fmt.Sprintf(format, value), "at least " + fmt.Sprintf(format, limit), value < limit}
}

// told is a figure without a target.
func told(name, format string, args ...any) figure {
	return figure{name: name, value: fmt.Sprintf(format, args...)}
}

// ms gives milliseconds.
func ms(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

// printFigures prints a table.
func printFigures(w io.Writer, figures []figure) error {
	var text strings.Builder
	text.WriteString("figure\tmeasured\ttarget\t\n")
	for _, f := range figures {
		verdict := ""
		if f.missed {
			verdict = "missed"
		}
		fmt.Fprintf(&text, "%s\t%s\t%s\t%s\n", f.name, f.value, f.target, verdict)
	}
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	if _, err := io.WriteString(t, text.String()); err != nil {
		return err
	}
	return t.Flush()
}
