package sandbox_test

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/sandkit/sandkit/image"
	"github.com/sandkit/sandkit/sandbox"
)

// TestRestartImage: what the image says of program, user and directory holds for
// every run, and the files are one sandbox's.
func TestRestartImage(t *testing.T) {
	unchangedImages(t)
	s := imageStore(t, image.RunConfig{
		Entrypoint: []string{"/bin/sh", "-c"}, Cmd: []string{"echo $A; pwd; id; echo x >> /tmp/runs; cat /tmp/runs; exit 9"}, Env: []string{"A=1", "PATH=/bin"}, WorkingDir: "/tmp",
	})
	var out bytes.Buffer
	res, err := sandbox.Run(testContext(t), tool(s), restarting(sandbox.RestartOnFailure(1), soon), sandbox.WithStdout(&out), sandbox.WithStderr(&out))
	if res == nil || res.ExitCode != 9 || res.RestartCount != 1 {
		t.Errorf("%+v, %v", res, err)
	}
	first, second, _ := strings.Cut(out.String(), "x\n")
	if second != first+"x\nx\n" || !strings.HasPrefix(first, "1\n/tmp\nuid=0") {
		t.Errorf("%q", out.String())
	}
}

// TestHealthImage: the image's health check holds, option by option, where there
// is a program and somebody to see it.
func TestHealthImage(t *testing.T) {
	unchangedImages(t)
	config := image.RunConfig{
		Cmd: []string{"/bin/sleep", "1000"}, Env: []string{"PATH=/bin"},
		Healthcheck: &image.Healthcheck{Test: []string{"CMD-SHELL", "echo $0 $A; exit 2"}, Retries: 1},
	}
	s := imageStore(t, config)
	ready := sandbox.WithReady(0, sandbox.ReadyHealthy())
	quick := sandbox.WithHealthcheck(sandbox.Healthcheck{Interval: 1})
	sb, err := sandbox.New(tool(s), quick, ready, sandbox.WithEnv("A=1"))
	must(t, err)
	defer sb.Close()
	if err := sb.Start(testContext(t)); !errors.Is(err, sandbox.ErrNotReady) || !strings.Contains(err.Error(), "exit code 2: /bin/sh 1") {
		t.Error(err)
	}
	own := sandbox.WithHealthcheck(sandbox.Healthcheck{Test: []string{"CMD", "true"}, Interval: 1})
	running(t, tool(s), own, ready)
	for _, o := range []sandbox.Option{sandbox.WithHealthcheck(sandbox.Healthcheck{Test: []string{"NONE"}}), sandbox.WithIdle()} {
		if h := running(t, tool(s), o).Status().Health; h.Status != sandbox.HealthNone {
			t.Errorf("%+v", h)
		}
	}
	if h := running(t, tool(s)).Status().Health; h.Status != sandbox.HealthStarting {
		t.Errorf("%+v", h)
	}
	config.Shell = []string{"/bin/echo", "-n"}
	addImage(t, s, "tool", config, busyboxLayer(t))
	if h := running(t, tool(s), quick, ready).Status().Health; h.Log[len(h.Log)-1].Output != config.Healthcheck.Test[1] {
		t.Errorf("%+v", h)
	}
	config.Healthcheck.Test = []string{"x"}
	addImage(t, s, "tool", config, busyboxLayer(t))
	if err := fails(t, tool(s)); !errors.Is(err, sandbox.ErrInvalidSpec) || !strings.Contains(err.Error(), "health check of the image") {
		t.Error(err)
	}
}
