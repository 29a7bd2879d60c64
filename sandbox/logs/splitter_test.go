package logs_test

import (
	"bytes"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/sandkit/sandkit/sandbox/logs"
)

// splitAll writes chunks of the given sizes, again and again, and copies what
// comes.
func splitAll(data []byte, sizes ...int) []string {
	s := logs.NewSplitter(logs.Stdout, func() time.Time { return time.Unix(1, 0) })
	var all []string
	keep := func(entries ...logs.Entry) {
		for _, e := range entries {
			if e.Partial == bytes.HasSuffix(e.Line, []byte("\n")) {
				all = append(all, "BAD ")
			}
			all = append(all, string(e.Line))
		}
	}
	for i := 0; len(data) > 0; i++ {
		chunk := slices.Clone(data[:min(len(data), max(1, sizes[i%len(sizes)]))])
		data = data[len(chunk):]
		keep(s.Write(chunk)...)
		clear(chunk) // the Splitter must not need it any more
	}
	if e, ok := s.Flush(); ok {
		keep(e)
	}
	if e, ok := s.Flush(); ok {
		keep(e)
	}
	return all
}

func TestSplitter(t *testing.T) {
	long := strings.Repeat("x", logs.MaxLine)
	euro := strings.Repeat("x", logs.MaxLine-1) + "€"
	for _, c := range []struct {
		in   string
		want []string
	}{
		{"", nil},
		{"a", []string{"a"}},
		{"a\n", []string{"a\n"}},
		{"\n\na\nb", []string{"\n", "\n", "a\n", "b"}},
		{long[1:] + "\n", []string{long[1:] + "\n"}},
		{long + "\n", []string{long, "\n"}},
		{long + long + "xy\nz\n", []string{long, long, "xy\n", "z\n"}},
		{euro + "\n", []string{euro[:logs.MaxLine-1], "€\n"}},
		{long[1:] + "\xff\n", []string{long[1:] + "\xff", "\n"}},
	} {
		for _, sizes := range [][]int{{1}, {7, 4096}, {1 << 20}, {16384}, {16383, 1}} {
			if got := splitAll([]byte(c.in), sizes...); !slices.Equal(got, c.want) {
				t.Errorf("%.20q (%d bytes) in %v: %d entries %.40q", c.in, len(c.in), sizes, len(got), got)
			}
		}
	}
}

// TestSplitterTime: an entry has the time when it became complete.
func TestSplitterTime(t *testing.T) {
	sec := int64(0)
	s := logs.NewSplitter(logs.Stderr, func() time.Time { sec++; return time.Unix(sec, 0) })
	if got := s.Write([]byte("a")); len(got) != 0 || sec != 0 {
		t.Errorf("%v, asked %d times", got, sec)
	}
	got := s.Write([]byte("b\nc\nd"))
	if len(got) != 2 || got[0].Time.Unix() != 1 || got[1].Time.Unix() != 1 || got[0].Stream != logs.Stderr {
		t.Errorf("%v", got)
	}
	if e, ok := s.Flush(); !ok || e.Time.Unix() != 2 || string(e.Line) != "d" || !e.Partial {
		t.Errorf("%v, %v", e, ok)
	}
}

// referenceSplit is the rule in a few slow lines.
func referenceSplit(data string) []string {
	var all []string
	for line := range strings.SplitAfterSeq(data, "\n") {
		for strings.TrimSuffix(line, "\n") != "" && len(strings.TrimSuffix(line, "\n")) >= logs.MaxLine {
			n := logs.MaxLine
			for cut := n - 1; cut > n-utf8.UTFMax; cut-- {
				if utf8.RuneStart(line[cut]) {
					if !utf8.FullRuneInString(line[cut:n]) {
						n = cut
					}
					break
				}
			}
			all, line = append(all, line[:n]), line[n:]
		}
		if line != "" {
			all = append(all, line)
		}
	}
	return all
}

func FuzzSplitter(f *testing.F) {
	f.Add([]byte("a\nb"), uint16(1), uint16(3), uint16(1))
	f.Add([]byte("a€\n\xe2\x82"), uint16(5), uint16(3), uint16(6000))
	f.Fuzz(func(t *testing.T, data []byte, a, b, times uint16) {
		if len(data) > 100 {
			data = data[:100]
		}
		data = bytes.Repeat(data, int(times)%1000+1)
		got, want := splitAll(data, int(a), int(b)), referenceSplit(string(data))
		if !slices.Equal(got, want) {
			t.Errorf("%d entries, want %d", len(got), len(want))
		}
		if joined := strings.Join(got, ""); joined != string(data) {
			t.Errorf("%d bytes became %d", len(data), len(joined))
		}
	})
}
