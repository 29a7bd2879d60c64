package e2e_test

import (
	"bytes"
	"errors"
	"runtime"
	"testing"
	"time"

	"github.com/sandkit/sandkit/internal/testutil"
	"github.com/sandkit/sandkit/sandbox"
)

// unchanged fails the test when it leaves something behind.
func unchanged(t *testing.T) {
	t.Helper()
	testutil.Unchanged(t)
}

func asExit(err error) (*sandbox.ExitError, bool) { return errors.AsType[*sandbox.ExitError](err) }

// await waits for what another goroutine is about to do. The limit of the whole
// run bounds it.
func await(t *testing.T, done func() bool) {
	t.Helper()
	for !done() {
		time.Sleep(5 * time.Millisecond)
	}
}

// brokersIdle tells that go-plugin's brokers wait for nothing any more: each
// connection leaves a goroutine that goes after five seconds.
func brokersIdle() bool {
	stacks := make([]byte, 1<<20)
	return !bytes.Contains(stacks[:runtime.Stack(stacks, true)], []byte("(*GRPCBroker).timeoutWait"))
}
