package plugin

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/sandkit/sandkit/sandbox"
)

// The main goroutine keeps the main thread, for the parts that need it there.
func init() { runtime.LockOSThread() }

func TestMain(m *testing.M) {
	if slices.ContainsFunc(os.Args, func(a string) bool { return strings.HasPrefix(a, "-test.fuzz") }) {
		os.Exit(m.Run()) // fuzzing starts no sandbox, and kills its workers
	}
	tmp, err := os.MkdirTemp("", "plugin")
	if err == nil {
		err = errors.Join(os.Chmod(tmp, 0o755), os.Setenv("TMPDIR", tmp))
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	// What a host program makes once, at its first start, is made before any
	// test compares.
	if _, err := sandbox.Run(context.Background(), sandbox.WithCommand("true")); err != nil {
		fmt.Fprintln(os.Stderr, "warm up:", err)
	}
	code := m.Run()
	sandbox.Trim()
	if err := os.RemoveAll(tmp); err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}
