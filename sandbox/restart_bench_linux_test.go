package sandbox_test

import (
	"testing"

	"github.com/sandkit/sandkit/internal/testutil"
	"github.com/sandkit/sandkit/sandbox"
)

// BenchmarkRestart is a whole turn of a program that does nothing: its execution,
// its end, that of everybody else, and what is counted.
func BenchmarkRestart(b *testing.B) {
	root := smallRoot(b)
	testutil.Unchanged(b)
	res, err := sandbox.Run(b.Context(), sandbox.WithRootfs(root), sandbox.WithCommand("/bin/true"))
	if err != nil {
		b.Fatal(res, err)
	}
	s, err := sandbox.New(sandbox.WithRootfs(root), restarting(sandbox.RestartAlways(), soon), sandbox.WithCommand("/bin/true"))
	if err != nil {
		b.Fatal(err)
	}
	defer s.Close()
	if err := s.Start(b.Context()); err != nil {
		b.Fatal(err)
	}
	first := s.Status().RestartCount
	for b.Loop() {
		if _, err := s.WaitFor(b.Context(), sandbox.WaitNextExit); err != nil {
			b.Fatal(err)
		}
	}
	// More than one may end between two waits.
	b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(s.Status().RestartCount-first), "µs/restart")
}
