package sandbox

import "strings"

// isName tells whether s is a name by Docker's rule: at least two letters,
// digits, underscores, dots and hyphens, the first a letter or digit.
func isName(s string) bool { return len(s) >= 2 && isNameText(s) && isAlphanumeric(s[0]) }

// isHostname tells whether s is what resolvers and programs take for a host
// name: it also ends with a letter or digit.
func isHostname(s string) bool {
	return s != "" && isNameText(s) && isAlphanumeric(s[0]) && isAlphanumeric(s[len(s)-1])
}

func isNameText(s string) bool {
	for i := range len(s) {
		if !isAlphanumeric(s[i]) && strings.IndexByte("_.-", s[i]) < 0 {
			return false
		}
	}
	return true
}

func isAlphanumeric(c byte) bool {
	return '0' <= c && c <= '9' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z'
}
