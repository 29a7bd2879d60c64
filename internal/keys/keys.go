// Package keys finds a sequence of keys, such as "ctrl-p,ctrl-q", in what
// somebody types.
package keys

import (
	"fmt"
	"strings"
)

// Default are the keys with which people leave a terminal that goes on.
const Default = "ctrl-p,ctrl-q"

// A SyntaxError tells which key of a list is none.
type SyntaxError struct {
	Keys string // all of it
	Key  string // what is wrong
}

// Error names the key and what is possible.
func (e *SyntaxError) Error() string {
	return fmt.Sprintf("keys %q: %q is none of a single character, ctrl-a to ctrl-z, ctrl-@, ctrl-[, ctrl-\\, ctrl-], ctrl-^, ctrl-_ and DEL", e.Keys, e.Key)
}

// Parse gives the bytes that keys send: a comma separated list of single
// characters (one byte each), "ctrl-" with one of a to z and @ [ \ ] ^ _, and
// "DEL". The error is a [*SyntaxError].
func Parse(list string) ([]byte, error) {
	var all []byte
	for key := range strings.SplitSeq(list, ",") {
		b, ok := parseKey(key)
		if !ok {
			return nil, &SyntaxError{list, key}
		}
		all = append(all, b)
	}
	return all, nil
}

const del = 0x7f

func parseKey(key string) (byte, bool) {
	if len(key) == 1 {
		return key[0], key[0] < 0x80
	}
	if strings.EqualFold(key, "DEL") {
		return del, true
	}
	letter, ok := cutPrefixFold(key, "ctrl-")
	if !ok || len(letter) != 1 {
		return 0, false
	}
	switch c := letter[0]; {
	case c >= 'a' && c <= 'z':
		return c - 'a' + 1, true
	case c >= '@' && c <= '_': // with A to Z
		return c - '@', true
	}
	return 0, false
}

func cutPrefixFold(s, prefix string) (string, bool) {
	if len(s) < len(prefix) || !strings.EqualFold(s[:len(prefix)], prefix) {
		return "", false
	}
	return s[len(prefix):], true
}
