package sandboxtest_test

import (
	"testing"

	"github.com/sandkit/sandkit/fs"
	"github.com/sandkit/sandkit/sandbox"
	"github.com/sandkit/sandkit/sandbox/sandboxtest"
)

func ExampleOutput() {
	// The function of a test.
	_ = func(t *testing.T) {
		t.Parallel()
		out := sandboxtest.Output(t,
			sandbox.WithMount(fs.File("/run/greet.sh", 0o755, []byte("#!/bin/sh\necho hello $1\n"))),
			sandbox.WithCommand("/run/greet.sh", "you"),
		)
		if out != "hello you\n" {
			t.Errorf("greeting %q", out)
		}
	}
}

func ExampleStart() {
	_ = func(t *testing.T) {
		sandboxtest.Need(t, "overlayfs") // or the test is skipped
		s := sandboxtest.Start(t,
			sandbox.WithRootfs("testdata/root"),
			sandbox.WithCommand("/bin/server"),
		) // closed when the test ends
		if err := s.Stop(t.Context()); err != nil {
			t.Error(err)
		}
	}
}
