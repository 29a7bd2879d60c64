package state

import (
	"crypto/rand"
	"encoding/hex"
	"strings"
)

const (
	idLength    = 64
	shortLength = 12
)

// NewID gives 64 random hex digits. The first twelve, which serve as host name,
// are never all decimal: a host name must not look like a number.
func NewID() string {
	for {
		var b [idLength / 2]byte
		rand.Read(b[:]) // never fails
		id := hex.EncodeToString(b[:])
		if strings.ContainsAny(ShortID(id), "abcdef") {
			return id
		}
	}
}

// ShortID is the beginning of an id that people are shown: twelve digits.
func ShortID(id string) string { return clip(id, shortLength) }

// isID tells whether s is a full id: 64 lower-case hex digits.
func isID(s string) bool { return len(s) == idLength && isHex(s) }

func isHex(s string) bool { return s != "" && strings.Trim(s, "0123456789abcdef") == "" }
