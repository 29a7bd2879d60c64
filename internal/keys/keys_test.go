package keys_test

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/sandkit/sandkit/internal/keys"
)

func TestParse(t *testing.T) {
	for list, want := range map[string]string{
		keys.Default: "\x10\x11", "a": "a", "ctrl-a": "\x01", "ctrl-z": "\x1a", "ctrl-@": "\x00", "ctrl-[": "\x1b",
		"ctrl-\\": "\x1c", "ctrl-]": "\x1d", "ctrl-^": "\x1e", "ctrl-_": "\x1f", "DEL": "\x7f", "del": "\x7f",
		"ctrl-A": "\x01", "CTRL-b": "\x02", "a,b,ctrl-c": "ab\x03", " ": " ",
	} {
		if got, err := keys.Parse(list); err != nil || string(got) != want {
			t.Errorf("%q: %q, %v; want %q", list, got, err, want)
		}
	}
	for list, bad := range map[string]string{
		"": "", ",": "", "a,,b": "", "ctrl-": "ctrl-", "ctrl-ab": "ctrl-ab", "ctrl-1": "ctrl-1", "ab": "ab", "ctrl-p,": "",
		"ü": "ü", "\xff": "\xff", "a, ctrl-b": " ctrl-b", "ctrl-{": "ctrl-{",
	} {
		_, err := keys.Parse(list)
		syntax, ok := errors.AsType[*keys.SyntaxError](err)
		if !ok || syntax.Key != bad || !strings.Contains(err.Error(), "ctrl-a to ctrl-z") {
			t.Errorf("%q: %v", list, err)
		}
	}
}

func TestFinder(t *testing.T) {
	for _, c := range []struct {
		keys, typed, pass string
		found             bool
		rest              string
	}{
		{"pq", "", "", false, ""},
		{"pq", "hello", "hello", false, ""},
		{"pq", "p", "", false, "p"},
		{"pq", "pq", "", true, ""},
		{"pq", "apqb", "a", true, ""},
		{"pq", "pp", "p", false, "p"},
		{"pq", "ppq", "p", true, ""},
		{"pq", "pxq", "pxq", false, ""},
		{"aab", "aaab", "a", true, ""},
		{"aab", "aaa", "a", false, "aa"},
		{"abac", "ababac", "ab", true, ""},
		{"abac", "abab", "ab", false, "ab"},
		{"abac", "abax", "abax", false, ""},
		{"a", "xa", "x", true, ""},
		{"", "pq", "pq", false, ""},
	} {
		for _, size := range []int{1, 2, 100} {
			f := keys.NewFinder([]byte(c.keys))
			var pass []byte
			found := false
			for typed := []byte(c.typed); len(typed) > 0 && !found; {
				var p []byte
				n := min(size, len(typed))
				p, found = f.Next(typed[:n])
				pass, typed = append(pass, p...), typed[n:]
			}
			if string(pass) != c.pass || found != c.found || string(f.Rest()) != c.rest || len(f.Rest()) != 0 {
				t.Errorf("%q in %q by %d: passes %q, found %v; want %q, %v, rest %q", c.keys, c.typed, size, pass, found, c.pass, c.found, c.rest)
			}
		}
	}
}

// FuzzParse: what is parsed has one byte for each key.
func FuzzParse(f *testing.F) {
	f.Add(keys.Default)
	f.Add("a,DEL,ctrl-\\")
	f.Add(",")
	f.Fuzz(func(t *testing.T, list string) {
		b, err := keys.Parse(list)
		if err == nil && len(b) != strings.Count(list, ",")+1 {
			t.Errorf("%q gives %q", list, b)
		}
		if err != nil && b != nil {
			t.Errorf("%q gives %q, and %v", list, b, err)
		}
	})
}

// FuzzFinder compares with a search in all that was typed.
func FuzzFinder(f *testing.F) {
	f.Add([]byte("pq"), []byte("hello ppq"), 3)
	f.Add([]byte("aab"), []byte("aaaaab"), 1)
	f.Fuzz(func(t *testing.T, sequence, typed []byte, size int) {
		if len(sequence) == 0 || size < 1 {
			return
		}
		finder := keys.NewFinder(sequence)
		want, _, there := bytes.Cut(typed, sequence)
		var pass []byte
		found := false
		for rest := typed; len(rest) > 0 && !found; {
			var p []byte
			n := min(size, len(rest))
			p, found = finder.Next(rest[:n])
			pass, rest = append(pass, p...), rest[n:]
		}
		if pass = append(pass, finder.Rest()...); found != there || !bytes.Equal(pass, want) {
			t.Errorf("%q in %q: %q, %v; want %q", sequence, typed, pass, found, want)
		}
	})
}
