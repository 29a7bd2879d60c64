package main

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
)

// Names of kinds that are compared with each other.
const (
	limitedName     = "sandkit, limits"
	limitedColdName = "sandkit, limits, cold"
	sandkitName     = "sandkit"
	coldName        = "sandkit, cold"
	crunName        = "crun, limits"
)

// A table has a row for each kind.
type table []row

// find gives a row, or nil.
func (t table) find(name string) *row {
	for i := range t {
		if t[i].name == name {
			return &t[i]
		}
	}
	return nil
}

// print writes the table, in millions of instructions, and the ratios that
// matter. The ratios of rows are to sandkit with limits.
func (t table) print(out io.Writer) error {
	var text strings.Builder
	base := t.find(limitedName)
	text.WriteString("\tstart to exit\t/ sandkit\twhole machine\t/ sandkit\twaiting, µs\t\n")
	for _, r := range t {
		fmt.Fprintf(&text, "%s\t%.2f\t%.2f\t%.2f\t%.2f\t%d\t\n", r.name, float64(r.executed())/1e6, ratio(r.executed(), base.executed()),
			float64(r.whole)/1e6, ratio(r.whole, base.whole), r.waiting().Microseconds())
	}
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	if _, err := io.WriteString(w, text.String()); err != nil {
		return err
	}
	if err := w.Flush(); err != nil {
		return err
	}
	_, err := io.WriteString(out, "\n"+t.ratios())
	return err
}

// ratios are those with a target, and what limits add.
func (t table) ratios() string {
	var b strings.Builder
	for _, c := range []struct {
		over, under, target string
		missed              func(ratio float64) bool
	}{
		{crunName, limitedName, "at least 5", func(r float64) bool { return r < 5 }},
		{limitedName, sandkitName, "at most 1.3", func(r float64) bool { return r > 1.3 }},
		{limitedColdName, coldName, "at most 1.3", func(r float64) bool { return r > 1.3 }},
	} {
		over, under := t.find(c.over), t.find(c.under)
		if over == nil || under == nil {
			continue
		}
		r, verdict := ratio(over.executed(), under.executed()), ""
		if c.missed(r) {
			verdict = ": missed"
		}
		fmt.Fprintf(&b, "%s / %s: %.2f (whole machine %.2f), wanted %s%s\n", c.over, c.under, r, ratio(over.whole, under.whole), c.target, verdict)
	}
	return b.String()
}

func ratio(a, b int64) float64 { return float64(a) / float64(b) }
