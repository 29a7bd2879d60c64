// Package e2e_test runs a plugin of go-plugin's in sandboxes.
package e2e_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/sandkit/sandkit/sandbox"
)

// The main goroutine keeps the main thread, for the parts that need it there.
func init() { runtime.LockOSThread() }

// talkerEnv names the plugin when it is built already, for those who have no
// cache of modules.
const talkerEnv = "SANDKIT_TALKER"

// talker is the plugin's program.
var talker string

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "e2e")
	if err == nil {
		err = errors.Join(os.Chmod(dir, 0o755), os.Setenv("TMPDIR", dir), build(dir))
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
	if err := os.RemoveAll(dir); err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

// build makes the plugin.
func build(dir string) error {
	if talker = os.Getenv(talkerEnv); talker != "" {
		return nil
	}
	talker = filepath.Join(dir, "talker")
	cmd := exec.Command("go", "build", "-buildvcs=false", "-o", talker, "./talker")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("build the plugin: %w\n%s", err, out)
	}
	return nil
}
