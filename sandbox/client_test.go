package sandbox

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"testing"

	"github.com/sandkit/sandkit/sandbox/logs"
)

// TestClient: what is taken is what was pushed, in order, but for the oldest of
// what did not fit, and what waits is bounded also when it is in small pieces.
func TestClient(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for _, size := range []int{1, 100, chunkSize, 3 * chunkSize} {
		c := newClient(func(logs.Stream) bool { return true })
		streams := []logs.Stream{logs.Stdout, logs.Stderr}
		var pushed, taken [2][]byte
		for range 200_000 / size * 20 {
			i := random.IntN(2)
			p := make([]byte, 1+random.IntN(size))
			for k := range p {
				p[k] = byte(random.Uint32())
			}
			pushed[i] = append(pushed[i], p...)
			c.push(streams[i], p)
			clear(p) // it must have its own
			if len(c.chunks)-c.head > attachBuffer/chunkCost || c.size > attachBuffer || c.size < 0 {
				t.Fatalf("%d bytes in %d pieces", c.size, len(c.chunks)-c.head)
			}
		}
		for next, ok := c.take(); ok; next, ok = c.take() {
			i := 0
			if next.stream == logs.Stderr {
				i = 1
			}
			taken[i] = append(taken[i], next.data...)
		}
		lost := int64(0)
		if e, ok := errors.AsType[*DroppedError](c.dropped()); ok {
			lost = e.Bytes
		}
		for i := range pushed {
			if !bytes.HasSuffix(pushed[i], taken[i]) {
				t.Errorf("pieces of up to %d: stream %d is not what was pushed last", size, i)
			}
			lost -= int64(len(pushed[i]) - len(taken[i]))
		}
		if lost != 0 || c.size != 0 {
			t.Errorf("pieces of up to %d: %d bytes too many are told to be lost; %d are left", size, lost, c.size)
		}
	}
}
