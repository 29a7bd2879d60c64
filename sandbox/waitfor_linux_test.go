package sandbox_test

import (
	"errors"
	"strings"
	"sync"
	"testing"

	"github.com/sandkit/sandkit/internal/testutil"
	"github.com/sandkit/sandkit/sandbox"
)

// TestWaitFor: each condition, before and after.
func TestWaitFor(t *testing.T) {
	testutil.Unchanged(t)
	s, err := sandbox.New(restarting(sandbox.RestartOnFailure(0), soon), sandbox.WithStdin(strings.NewReader("1\n2\n")), sandbox.WithCommand("sh", "-c", `read x && exit $x; exit 0`))
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	var waits sync.WaitGroup
	wait := func(cond sandbox.WaitCondition, code int) {
		asked := make(chan struct{})
		waits.Go(func() {
			close(asked)
			res, err := s.WaitFor(testContext(t), cond)
			if res == nil || res.ExitCode != code || (err == nil) != (code == 0) {
				t.Errorf("%s: %+v, %v", cond, res, err)
			}
		})
		<-asked
	}
	wait(sandbox.WaitNotRunning, 0)
	wait(sandbox.WaitRemoved, 0)
	if err := s.Start(testContext(t)); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Wait(testContext(t)); err != nil {
		t.Fatal(err)
	}
	wait(sandbox.WaitNextExit, 0)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	waits.Wait()
	if _, err := s.WaitFor(testContext(t), "x"); !errors.Is(err, sandbox.ErrInvalidSpec) {
		t.Error(err)
	}
}

// TestWaitNextExit: a run that is followed by another ends a wait.
func TestWaitNextExit(t *testing.T) {
	testutil.Unchanged(t)
	s := running(t, restarting(sandbox.RestartAlways(), never), sandbox.WithCommand("sleep", "1000"))
	var done sync.WaitGroup
	begun := make(chan struct{})
	done.Go(func() {
		close(begun)
		if res, err := s.WaitFor(testContext(t), sandbox.WaitNextExit); res == nil || res.ExitCode == 0 {
			t.Errorf("%+v, %v", res, err)
		}
	})
	<-begun
	if err := s.Restart(testContext(t)); err != nil {
		t.Error(err)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	done.Wait()
}
