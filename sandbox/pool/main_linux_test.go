package pool_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/sandkit/sandkit/internal/testutil"
	"github.com/sandkit/sandkit/sandbox"
	"github.com/sandkit/sandkit/sandbox/pool"
)

// patience bounds what may hang when something is broken. No test measures time
// by it.
const patience = time.Minute

func testContext(t testing.TB) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	t.Cleanup(cancel)
	return ctx
}

func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == victimArg {
		victim(os.Args[2:])
		return
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
	code := m.Run()
	sandbox.Trim()
	if err := os.RemoveAll(tmp); err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

// newPool is a pool that is closed when the test ends.
func newPool(t testing.TB, o pool.Options) *pool.Pool {
	t.Helper()
	p, err := pool.New(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := p.Close(); err != nil {
			t.Error(err)
		}
	})
	return p
}

// full is one that is full.
func full(t testing.TB, o pool.Options) *pool.Pool {
	t.Helper()
	p := newPool(t, o)
	if err := p.Fill(testContext(t)); err != nil {
		t.Fatal(err)
	}
	return p
}

// script is a command for the shell.
func script(text string) sandbox.ProcOption { return sandbox.WithCommand("sh", "-c", text) }

// limited tells whether this host gives limits, and which make a program end for
// want of memory.
func limited(t *testing.T, o sandbox.Option) bool {
	t.Helper()
	_, err := sandbox.Run(testContext(t), sandbox.WithCommand("true"), o)
	if errors.Is(err, sandbox.ErrNotSupported) && !testutil.IsRoot() {
		return false // the lane that runs as root has them
	}
	if err != nil {
		t.Fatal(err)
	}
	return true
}
