package volume

import (
	"crypto/rand"
	"encoding/hex"
	"strconv"
	"strings"
)

// longestName is what a file may be called.
const longestName = 255

// CheckName checks the name of a volume by Docker's rule: at least two letters,
// digits, underscores, dots and hyphens, the first a letter or digit. The error is
// an *[InvalidError].
func CheckName(s string) error { return checkName("volume name", s) }

func checkName(field, s string) error {
	switch {
	case len(s) < 2 || !isName(s):
		return &InvalidError{field, s, "only [a-zA-Z0-9][a-zA-Z0-9_.-]+ is allowed"}
	case len(s) > longestName:
		return &InvalidError{field, s, "it has more than " + strconv.Itoa(longestName) + " characters"}
	}
	return nil
}

func isName(s string) bool {
	for i := range len(s) {
		c := s[i]
		letter := '0' <= c && c <= '9' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z'
		if !letter && (i == 0 || strings.IndexByte("_.-", c) < 0) {
			return false
		}
	}
	return true
}

// random gives n random bytes as hex digits.
func random(n int) string {
	b := make([]byte, n)
	rand.Read(b) // never fails
	return hex.EncodeToString(b)
}

// newName is the name of an anonymous volume: 64 hex digits.
func newName() string { return random(32) }
