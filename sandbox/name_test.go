package sandbox

import (
	"strings"
	"testing"
)

func TestNames(t *testing.T) {
	for _, c := range []struct {
		s              string
		name, hostname bool
	}{
		{"", false, false},
		{"a", false, true},
		{"7", false, true},
		{"ab", true, true},
		{"a_b.c-9", true, true},
		{"a-", true, false},
		{"a.", true, false},
		{"-a", false, false},
		{".a", false, false},
		{"_a", false, false},
		{"a b", false, false},
		{"a/b", false, false},
		{"ab\n", false, false},
		{"a\x00b", false, false},
		{"ä1", false, false},
		{"a1é", false, false},
		{strings.Repeat("Zz09", 30), true, true},
	} {
		if isName(c.s) != c.name || isHostname(c.s) != c.hostname {
			t.Errorf("%q: name %v, host name %v; want %v, %v", c.s, isName(c.s), isHostname(c.s), c.name, c.hostname)
		}
	}
}
