package sandbox_test

import (
	"context"
	"fmt"
	"os"
	"runtime"
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
	if err := testutil.RemoveProbe(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}
