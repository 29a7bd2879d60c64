package sandbox_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/sandkit/sandkit/internal/testutil"
	"github.com/sandkit/sandkit/sandbox"
)

// The main goroutine keeps the main thread, for the parts that need it there.
func init() { runtime.LockOSThread() }

func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == victimArg {
		victim(os.Args[2:])
		return
	}
	if slices.ContainsFunc(os.Args, func(a string) bool { return strings.HasPrefix(a, "-test.fuzz") }) {
		os.Exit(m.Run()) // fuzzing starts no sandbox, and kills its workers
	}
	// Of its own, so that a test can tell what it left there.
	tmp, err := os.MkdirTemp("", "sandkit-test")
	if err == nil {
		err = errors.Join(os.Chmod(tmp, 0o755), os.Setenv("TMPDIR", tmp))
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	// What a host program makes once, at its first start, is made before any
	// test compares.
	if _, err := sandbox.Run(context.Background(), sandbox.WithCommand("/bin/true")); err != nil {
		fmt.Fprintln(os.Stderr, "warm up:", err)
	}
	if err := testutil.BuildProbe(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	code := m.Run()
	sandbox.Trim()
	if err := errors.Join(testutil.RemoveProbe(), os.RemoveAll(tmp)); err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}
