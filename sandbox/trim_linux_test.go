package sandbox_test

import (
	"sync"
	"testing"

	"github.com/sandkit/sandkit/internal/testutil"
	"github.com/sandkit/sandkit/sandbox"
)

// TestTrimAnyTime: what is kept ready can be given back while sandboxes start.
func TestTrimAnyTime(t *testing.T) {
	root := smallRoot(t)
	testutil.Unchanged(t)
	var runs, trims sync.WaitGroup
	done := make(chan struct{})
	trims.Go(func() {
		for {
			select {
			case <-done:
				return
			default:
				sandbox.Trim()
			}
		}
	})
	for range 4 {
		runs.Go(func() {
			for range 50 {
				if _, err := sandbox.Run(testContext(t), sandbox.WithRootfs(root), sandbox.WithCommand("/bin/true")); err != nil {
					t.Error(err)
				}
			}
		})
	}
	runs.Wait()
	close(done)
	trims.Wait()
}
