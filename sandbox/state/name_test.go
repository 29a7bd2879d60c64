package state

import (
	"errors"
	"regexp"
	"slices"
	"strings"
	"testing"
)

func TestParseName(t *testing.T) {
	for _, name := range []string{"ab", "web", "/web", "a.", "0-", "A_b.c-d", strings.Repeat("x", 255)} {
		if got, err := ParseName(name); err != nil || got != strings.TrimPrefix(name, "/") {
			t.Errorf("%q: %q, %v", name, got, err)
		}
	}
	for _, name := range []string{"", "/", "x", "/x", "//ab", ".a", "-a", "_a", "a b", "a/b", "..", "ä1", "ab\n", "a\x00", strings.Repeat("x", 256)} {
		if got, err := ParseName(name); !errors.Is(err, ErrInvalid) || got != "" {
			t.Errorf("%q: %q, %v", name, got, err)
		}
	}
}

func TestWords(t *testing.T) {
	for words, least := range map[string]int{adjectives: 100, surnames: 200} {
		list := strings.Fields(words)
		if len(list) < least {
			t.Errorf("only %d words", len(list))
		}
		sorted := slices.Clone(list)
		slices.Sort(sorted)
		if len(slices.Compact(sorted)) != len(list) {
			t.Error("a word is there twice")
		}
		for _, w := range list {
			if strings.Trim(w, "abcdefghijklmnopqrstuvwxyz") != "" {
				t.Errorf("%q", w)
			}
		}
	}
	for attempt, form := range []string{`^[a-z]+_[a-z]+$`, `^[a-z]+_[a-z]+[0-9]$`} {
		name := generateName(attempt)
		if _, err := ParseName(name); err != nil || !regexp.MustCompile(form).MatchString(name) {
			t.Errorf("%s, %v", name, err)
		}
	}
}

func TestNewID(t *testing.T) {
	for range 1000 {
		if id := NewID(); !isID(id) || strings.Trim(ShortID(id), "0123456789") == "" {
			t.Fatal(id)
		}
	}
}

func FuzzParseName(f *testing.F) {
	for _, s := range []string{"web", "/web", "", "a/b", "..", "ä"} {
		f.Add(s)
	}
	rule := regexp.MustCompile(`^/?[a-zA-Z0-9][a-zA-Z0-9_.-]+$`)
	f.Fuzz(func(t *testing.T, s string) {
		name, err := ParseName(s)
		if ok := rule.MatchString(s) && !strings.HasSuffix(s, "\n") && len(name) <= longestName; (err == nil) != ok && len(s) <= longestName {
			t.Errorf("%q: %v", s, err)
		}
		if err == nil {
			if again, err := ParseName(name); err != nil || again != name {
				t.Errorf("%q: %q, %v", s, again, err)
			}
		}
	})
}
