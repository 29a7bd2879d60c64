package sandbox_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/sandkit/sandkit/internal/testutil"
	"github.com/sandkit/sandkit/sandbox"
)

// TestTop: every process of the sandbox is listed, also one that nobody is the
// parent of any more, and no other.
func TestTop(t *testing.T) {
	testutil.Unchanged(t)
	s := running(t, sandbox.WithCommand("sh", "-c", "sh -c 'sleep 1001 & exec sleep 1002' & (sleep 1003 &); sleep 1004"))
	p, err := s.Exec(testContext(t), sandbox.WithCommand("sleep", "1005"))
	if err != nil {
		t.Fatal(err)
	}
	ctx := testContext(t)
	var sleeps []string
	for want := "1001 1002 1003 1004 1005"; strings.Join(sleeps, " ") != want; { // until all have executed
		all, err := s.Top(ctx)
		if err != nil {
			t.Fatal(err)
		}
		sleeps = checkTop(t, all, p)
	}
	if err := s.Kill(); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Wait(testContext(t)); err == nil {
		t.Error("killed, but no error")
	}
	if _, err := s.Top(testContext(t)); !errors.Is(err, sandbox.ErrNotRunning) {
		t.Error(err)
	}
}

// checkTop gives the arguments of those that sleep, in order.
func checkTop(t *testing.T, all []sandbox.ProcessInfo, further *sandbox.Process) (sleeps []string) {
	t.Helper()
	for i, one := range all {
		if (one.Inner == 1) != (i == 0) || one.PID <= 0 || one.Threads != 1 || one.RSS < 0 || !strings.Contains("RSDZ", one.State) {
			t.Errorf("%+v", one)
		}
		if one.Name != "sleep" || len(one.Command) != 2 {
			continue
		}
		sleeps = append(sleeps, one.Command[1])
		if (one.PID == further.PID()) != strings.HasSuffix(one.String(), "sleep 1005") {
			t.Errorf("the further process is %d: %s", further.PID(), one)
		}
	}
	slices.Sort(sleeps)
	return sleeps
}
