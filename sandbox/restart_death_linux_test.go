package sandbox_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/sandkit/sandkit/internal/testutil"
	"github.com/sandkit/sandkit/sandbox"
)

// TestRestartHostDies: when the host program is killed, nothing is left,
// whatever was under way.
func TestRestartHostDies(t *testing.T) {
	testutil.Unchanged(t)
	collect(t)
	for n := range 8 {
		play(t, "supervise", fmt.Sprintf("%dms", n), "restarting")
	}
}

// restartingHost has sandboxes that are started again all the time, or wait.
func restartingHost([]string) error {
	ctx := context.Background()
	for _, b := range []sandbox.Backoff{soon, never} {
		s, err := sandbox.New(restarting(sandbox.RestartAlways(), b), sandbox.WithHealthcheck(sandbox.Healthcheck{Test: []string{"CMD", "sleep", "0"}, Interval: 1}),
			sandbox.WithCommand("sh", "-c", "setsid sleep 1000 & exit 1"))
		if err != nil {
			return err
		}
		if err := s.Start(ctx); err != nil {
			return err
		}
	}
	fmt.Println("go")
	select {} // until it is killed
}
