package sandbox_test

import (
	"os/signal"
	"syscall"
	"testing"
)

// ignore has this process ignore a signal until the test ends.
func ignore(t *testing.T, sig syscall.Signal) {
	t.Helper()
	signal.Ignore(sig)
	t.Cleanup(func() { signal.Reset(sig) })
}
