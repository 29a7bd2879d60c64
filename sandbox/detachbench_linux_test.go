package sandbox_test

import (
	"errors"
	"path/filepath"
	"testing"

	"github.com/sandkit/sandkit/internal/testutil"
	"github.com/sandkit/sandkit/sandbox"
	"github.com/sandkit/sandkit/sandbox/state"
)

// BenchmarkDetach hands sandboxes over to monitors, and tells what one takes.
func BenchmarkDetach(b *testing.B) {
	testutil.NeedRoot(b) // to look at the memory of the monitors
	st, err := state.Open(filepath.Join(b.TempDir(), "state"), state.NoSync())
	if err != nil {
		b.Fatal(err)
	}
	defer st.Close()
	ctx := testContext(b)
	for b.Loop() {
		b.StopTimer()
		s, err := sandbox.New(sandbox.WithCommand("sleep", "1000"), sandbox.WithState(st))
		if err == nil {
			err = s.Start(ctx)
		}
		b.StartTimer()
		if err == nil {
			err = s.Detach(ctx)
		}
		b.StopTimer()
		if err != nil {
			b.Fatal(err)
		}
		for _, pid := range monitors(b) {
			b.ReportMetric(float64(pss(b, pid)), "KiB-monitor")
		}
		err = s.Kill()
		_, _ = s.Wait(ctx) // killed
		if err := errors.Join(err, s.Remove(ctx), s.Close()); err != nil {
			b.Fatal(err)
		}
		b.StartTimer()
	}
}
