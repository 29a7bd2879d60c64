package launch

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"sync"
	"testing"
)

// TestDigests: they are right, remembered or not, and few are.
func TestDigests(t *testing.T) {
	var d digests
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for n := range 4 * parkAll {
				for range 2 {
					code := fmt.Append(nil, "code ", n)
					if d.of(code) != sha256.Sum256(code) {
						t.Errorf("wrong digest of %s", code)
					}
				}
			}
		})
	}
	wg.Wait()
	if len(d.last) != parkAll {
		t.Errorf("%d digests are remembered", len(d.last))
	}
	if d.forget(); len(d.last) != 0 {
		t.Error("they are not forgotten")
	}
}

// BenchmarkDigests compares equal codes.
func BenchmarkDigests(b *testing.B) {
	var d digests
	code := make([]byte, 20<<10)
	d.of(bytes.Clone(code))
	for b.Loop() {
		d.of(code)
	}
}
