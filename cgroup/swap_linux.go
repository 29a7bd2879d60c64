package cgroup

import (
	"bytes"
	"os"
)

// noSwap tells whether the machine has no swap, so that there is nothing to
// limit.
func noSwap() bool {
	b, err := os.ReadFile("/proc/swaps")
	return err != nil || bytes.Count(b, []byte("\n")) <= 1
}
