package sandboxtest

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/sandkit/sandkit/sandbox"
)

// RequireEnv names the one environment variable that this package reads. When it
// is set and not empty, a test that would be skipped fails instead: set it where
// the tests must run, or a change of the machine skips them unnoticed.
const RequireEnv = "SANDKIT_REQUIRE"

// essential are the features, by their names in sandbox.Features, without which
// no sandbox with default options starts.
var essential = []string{
	"openat2", "mount API", "mount_setattr", "close_range", "pidfd", "user namespaces", "seccomp filters", "executable memfd", "own user namespace",
}

// Need skips the test, with the reasons, unless this host can run sandboxes and
// has these features, which are named as in [sandbox.Features], such as
// "Landlock" and "overlayfs". With [RequireEnv] set, the test fails instead. A
// name that does not exist fails the test in any case. The functions that make
// sandboxes need no call of Need before.
func Need(tb testing.TB, features ...string) {
	tb.Helper()
	host, err := sandbox.Probe(tb.Context())
	switch {
	case errors.Is(err, sandbox.ErrNotSupported):
		Skip(tb, err.Error())
	case err != nil:
		tb.Fatalf("find out what the host can do: %v", err)
	}
	missing, err := lacks(host, features)
	switch {
	case err != nil:
		tb.Fatalf("sandboxtest.Need: %v", err)
	case len(missing) > 0:
		Skip(tb, strings.Join(missing, "; "))
	}
}

// lacks lists what is essential, or asked for, and missing, with the reasons.
func lacks(host sandbox.Features, features []string) ([]string, error) {
	var missing, names []string
	for _, f := range host.List {
		names = append(names, f.Name)
		if !f.OK && (slices.Contains(essential, f.Name) || slices.Contains(features, f.Name)) {
			missing = append(missing, strings.Join(strings.Fields(f.String()), " "))
		}
	}
	for _, f := range features {
		if !slices.Contains(names, f) {
			return nil, fmt.Errorf("no feature is called %q, only %q", f, names)
		}
	}
	return missing, nil
}

// Skip skips the test for a reason that the host gives, or fails it when
// [RequireEnv] is set.
func Skip(tb testing.TB, reason string) {
	tb.Helper()
	if os.Getenv(RequireEnv) != "" {
		tb.Fatalf("%s is set, but this host cannot run the test: %s", RequireEnv, reason)
	}
	tb.Skip("this host cannot run the test: " + reason)
}
