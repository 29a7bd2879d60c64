package registry

import (
	"strconv"
	"strings"
)

// contentRange is the header of that name: which bytes come, both ends
// included, and how many there are in all, or -1.
type contentRange struct{ first, last, total int64 }

// parseContentRange reads "bytes 0-99/200" or "bytes 0-99/*".
func parseContentRange(s string) (contentRange, bool) {
	unit, rest, _ := strings.Cut(strings.TrimSpace(s), " ")
	span, total, ok := strings.Cut(strings.TrimSpace(rest), "/")
	first, last, dash := strings.Cut(span, "-")
	if !ok || !dash || !strings.EqualFold(unit, "bytes") {
		return contentRange{}, false
	}
	c := contentRange{total: -1}
	number := func(s string, into *int64) {
		n, err := strconv.ParseUint(s, 10, 63)
		ok = ok && err == nil && s[0] != '+'
		*into = int64(n)
	}
	number(first, &c.first)
	number(last, &c.last)
	if total != "*" {
		number(total, &c.total)
	}
	return c, ok && c.first <= c.last && (c.total < 0 || c.last < c.total)
}
