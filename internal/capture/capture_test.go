package capture

import (
	"bytes"
	"strings"
	"testing"
)

func TestBuffer(t *testing.T) {
	for _, c := range []struct {
		name   string
		writes []string
		want   string
		full   int
	}{
		{"nothing", nil, "", 0},
		{"fits", []string{"ab", "", "cd"}, "abcd", 0},
		{"over", []string{"abc", "def", "g"}, "abcd", 1},
		{"at once", []string{"abcdef"}, "abcd", 1},
	} {
		full := 0
		b := &Buffer{Limit: 4, Full: func() { full++ }}
		for _, w := range c.writes {
			if n, err := b.Write([]byte(w)); n != len(w) || err != nil {
				t.Errorf("%s: %d, %v", c.name, n, err)
			}
		}
		if string(b.Bytes()) != c.want || full != c.full || b.Over() != (c.full > 0) {
			t.Errorf("%s: %q, full %d times, over %v", c.name, b.Bytes(), full, b.Over())
		}
	}
}

func TestEnds(t *testing.T) {
	var e Ends
	for _, part := range []string{strings.Repeat("a", keep-1), "ab", strings.Repeat("c", 5), strings.Repeat("d", keep)} {
		if n, err := e.Write([]byte(part)); n != len(part) || err != nil {
			t.Errorf("%d, %v", n, err)
		}
	}
	want := strings.Repeat("a", keep) + "\n... 6 bytes left out ...\n" + strings.Repeat("d", keep)
	if got := e.Bytes(); !bytes.Equal(got, []byte(want)) {
		t.Errorf("%d bytes, want %d", len(got), len(want))
	}
	if small := (&Ends{head: []byte("x")}); string(small.Bytes()) != "x" {
		t.Errorf("%q", small.Bytes())
	}
}
