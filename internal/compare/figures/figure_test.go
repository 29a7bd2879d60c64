package figures

import (
	"slices"
	"strings"
	"testing"
	"time"
)

// TestPrint: a figure with a target says whether it is met.
func TestPrint(t *testing.T) {
	var b strings.Builder
	err := Print(&b, []Figure{
		AtMost("as much", 1.5, 1.5, "%.1f"), AtMost("more", 1.6, 1.5, "%.1f"), AtLeast("as little", 2, 2, "%.0f"), AtLeast("less", 1, 2, "%.0f"), Told("told", "%d of %d", 1, 2),
	})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for l := range strings.Lines(b.String()) {
		got = append(got, strings.Join(strings.Fields(l), " "))
	}
	want := []string{
		"figure measured target", "as much 1.5 at most 1.5 met", "more 1.6 at most 1.5 missed", "as little 2 at least 2 met", "less 1 at least 2 missed", "told 1 of 2",
	}
	if !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant %q", &b, want)
	}
	if got := Milliseconds(1500 * time.Microsecond); got != 1.5 {
		t.Errorf("%v ms", got)
	}
}
