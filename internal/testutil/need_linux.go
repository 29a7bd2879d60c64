package testutil

import (
	"os"
	"testing"
)

// Skip skips the test for a reason, or fails it where the reason must not
// occur: in CI, which sets CI.
func Skip(tb testing.TB, reason string) {
	tb.Helper()
	if os.Getenv("CI") != "" {
		tb.Fatalf("must run in CI, but: %s", reason)
	}
	tb.Skip(reason)
}

// IsRoot tells whether the test runs as root. Lanes as root and as an ordinary
// user are both part of CI, so leaving out the other lane's tests is no skip.
func IsRoot() bool { return os.Geteuid() == 0 }

// NeedRoot leaves out a test that only root can run.
func NeedRoot(tb testing.TB) {
	tb.Helper()
	if !IsRoot() {
		tb.Skip("for the lane that runs as root")
	}
}

// InVM tells whether the test runs in the project's virtual machine, which has
// few programs.
func InVM() bool { return os.Getenv("SANDKIT_VM") != "" }
