package flows

import (
	"bytes"
	"context"
	"errors"
	"os/exec"
	"testing"
	"time"

	"github.com/sandkit/sandkit/internal/dockerd"
)

// real is docker itself.
type real struct{ *dockerd.Daemon }

// startDocker starts dockerd, or skips the test where that cannot be.
func startDocker(t *testing.T) real {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	d, err := dockerd.Start(ctx)
	if errors.Is(err, dockerd.ErrNone) {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := d.Stop(); err != nil {
			t.Error(err)
		}
	})
	if err := d.Import(bytes.NewReader(imageTar(t)), imageName); err != nil {
		t.Fatal(err)
	}
	return real{d}
}

func (d real) docker(c call, args []string) int {
	cmd := d.Command(args...)
	// One that hangs fails its script, not all of them.
	defer time.AfterFunc(2*time.Minute, func() { _ = cmd.Process.Kill() }).Stop()
	cmd.Dir, cmd.Stdin, cmd.Stdout, cmd.Stderr = c.dir, c.stdin, c.stdout, c.stderr
	err := cmd.Run()
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		return exit.ExitCode()
	}
	if err != nil {
		return 125
	}
	return 0
}

// close leaves the daemon to the next script.
func (real) close() error { return nil }
