package sandbox_test

import (
	"errors"
	"path/filepath"
	"testing"
	"time"

	"github.com/sandkit/sandkit/internal/testutil"
	"github.com/sandkit/sandkit/sandbox"
	"github.com/sandkit/sandkit/sandbox/state"
)

// BenchmarkStartDetached starts sandboxes that are recorded, and tells what their
// monitors take.
func BenchmarkStartDetached(b *testing.B) {
	testutil.NeedRoot(b) // to look at the memory of the monitors
	for name, o := range map[string]sandbox.Option{"attached": sandbox.Options(), "detached": sandbox.WithDetach()} {
		b.Run(name, func(b *testing.B) {
			st, err := state.Open(filepath.Join(b.TempDir(), "state"), state.NoSync())
			if err != nil {
				b.Fatal(err)
			}
			defer st.Close()
			ctx := testContext(b)
			var took time.Duration
			for b.Loop() {
				s, err := sandbox.New(sandbox.WithCommand("sleep", "1000"), sandbox.WithState(st), o)
				began := time.Now()
				if err == nil {
					err = s.Start(ctx)
				}
				took += time.Since(began)
				if err != nil {
					b.Fatal(err)
				}
				b.Cleanup(func() { _ = s.Kill() }) // when it fails; else it has ended
				if name == "detached" {
					b.ReportMetric(float64(pss(b, monitorOf(b, s))), "KiB/monitor")
				}
				err = s.Kill()
				_, _ = s.Wait(ctx) // killed
				if err := errors.Join(err, s.Remove(ctx), s.Close()); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(took.Microseconds())/float64(b.N), "µs/start")
		})
	}
}
