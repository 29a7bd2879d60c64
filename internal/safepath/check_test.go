package safepath_test

import (
	"strings"
	"testing"

	"github.com/sandkit/sandkit/internal/safepath"
)

func TestClean(t *testing.T) {
	good := map[string]string{
		"/": "/", "//x": "/x", "/a/./b/": "/a/b", "/a b:c,d\\e\nf": "/a b:c,d\\e\nf", "/..a": "/..a",
	}
	for in, want := range good {
		if got, err := safepath.Clean(in); err != nil || got != want {
			t.Errorf("Clean(%q) = %q, %v; want %q", in, got, err, want)
		}
	}
	bad := map[string]string{
		"": "empty", "a": "not absolute", "/a/../b": "..", "/..": "..", "/a\x00b": "NUL",
		"/" + strings.Repeat("a/", 2100): "longer than 4095", "/" + strings.Repeat("x", 256): "longer than 255",
	}
	for in, want := range bad {
		if got, err := safepath.Clean(in); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("Clean(%.20q) = %q, %v; want an error with %q", in, got, err, want)
		}
	}
}
