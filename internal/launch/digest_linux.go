package launch

import (
	"bytes"
	"crypto/sha256"
	"slices"
	"sync"
)

// digests remembers the digests of the last codes: a host program has few, and
// to compare code with itself takes a small part of what a digest takes.
type digests struct {
	mu   sync.Mutex
	last []digest // the oldest first
}

type digest struct {
	code []byte
	sum  [sha256.Size]byte
}

// of gives the digest of code, which nobody may change from now on.
func (d *digests) of(code []byte) [sha256.Size]byte {
	d.mu.Lock()
	for _, known := range d.last {
		if bytes.Equal(known.code, code) {
			d.mu.Unlock()
			return known.sum
		}
	}
	d.mu.Unlock()
	sum := sha256.Sum256(code)
	d.mu.Lock()
	defer d.mu.Unlock()
	if len(d.last) == parkAll {
		d.last = slices.Delete(d.last, 0, 1)
	}
	d.last = append(d.last, digest{code, sum})
	return sum
}

// forget gives the memory back.
func (d *digests) forget() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.last = nil
}
