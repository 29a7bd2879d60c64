package sandbox

import (
	"crypto/rand"
	"encoding/hex"
	"strings"
)

// newID gives 64 random hex digits. The first twelve, which serve as name and
// host name, are never all decimal: a host name must not look like a number.
func newID() string {
	for {
		var b [32]byte
		rand.Read(b[:]) // never fails
		id := hex.EncodeToString(b[:])
		if strings.ContainsAny(shortID(id), "abcdef") {
			return id
		}
	}
}

func shortID(id string) string { return id[:min(12, len(id))] }
