//go:build linux

package main

import (
	"bytes"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"
)

// fewModules boot a second faster; the tests that need more say so.
const fewModules = "virtio_pci virtio_console virtio_blk"

// unavailable skips a test for what the machine lacks. In CI nothing may.
func unavailable(t *testing.T, why string) {
	t.Helper()
	if os.Getenv("CI") != "" {
		t.Fatalf("CI must have it: %s", why)
	}
	t.Skip(why)
}

// lane is vmrun and the probe, built for the tests.
type lane struct {
	vmrun, probe string
}

func newLane(t *testing.T) lane {
	t.Helper()
	if testing.Short() {
		t.Skip("boots virtual machines")
	}
	if name := os.Getenv("SANDKIT_VM"); name != "" {
		t.Skip("in the virtual machine already: " + name)
	}
	if runtime.GOARCH != "amd64" {
		t.Skip("the virtual machine is amd64's")
	}
	for _, tool := range []string{"qemu-system-x86_64", "mke2fs", "busybox"} {
		if _, err := findProgram(tool); err != nil {
			unavailable(t, err.Error())
		}
	}
	dir := t.TempDir()
	l := lane{filepath.Join(dir, "vmrun"), filepath.Join(dir, "probe")}
	for out, pkg := range map[string]string{l.vmrun: ".", l.probe: "./testdata/probe"} {
		cmd := exec.CommandContext(t.Context(), "go", "build", "-o", out, pkg)
		cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
		if b, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("build %s: %v: %s", pkg, err, b)
		}
	}
	return l
}

// kernelNames are the kernels of the lane and all others that are prepared.
func kernelNames(t *testing.T) []string {
	t.Helper()
	names := []string{"6.1", "6.12"}
	dir, err := defaultKernelDir()
	if err != nil {
		t.Fatal(err)
	}
	found, err := filepath.Glob(filepath.Join(dir, "*", "vmlinux"))
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range found {
		names = append(names, filepath.Base(filepath.Dir(f)))
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// needKernel skips the test when the kernel is not prepared.
func needKernel(t *testing.T, name string) {
	t.Helper()
	if _, err := findKernel("", name); err != nil {
		unavailable(t, err.Error())
	}
}

// result is what a run of vmrun gave.
type result struct {
	code           int
	stdout, stderr string
}

// run runs vmrun in the folder dir.
func (l lane) run(t *testing.T, dir string, args ...string) result {
	t.Helper()
	var out, errs bytes.Buffer
	cmd := exec.CommandContext(t.Context(), l.vmrun, args...)
	cmd.Dir, cmd.Stdout, cmd.Stderr = dir, &out, &errs
	err := cmd.Run()
	if _, ok := errors.AsType[*exec.ExitError](err); err != nil && !ok {
		t.Fatal(err)
	}
	return result{cmd.ProcessState.ExitCode(), out.String(), errs.String()}
}

// want checks the exit code, and texts that standard error must have.
func (r result) want(t *testing.T, code int, texts ...string) {
	t.Helper()
	stdout := r.stdout[:min(len(r.stdout), 1000)]
	if r.code != code {
		t.Fatalf("exit code %d, want %d\nstdout: %q\nstderr: %s", r.code, code, stdout, r.stderr)
	}
	for _, s := range texts {
		if !strings.Contains(r.stderr, s) {
			t.Errorf("stderr has no %q: %s", s, r.stderr)
		}
	}
}

// TestGoTest checks what go test -exec needs.
func TestGoTest(t *testing.T) {
	l := newLane(t)
	needKernel(t, "6.12")
	dir := t.TempDir()
	cmd := exec.CommandContext(
		t.Context(), "go", "test", "-count=1", "-exec", l.vmrun+" -k 6.12 -uid 1000 -modules '"+fewModules+"'",
		"-coverprofile", filepath.Join(dir, "cover"), "-cpuprofile", "cpu", "-outputdir", dir, "-o", filepath.Join(dir, "test"),
		"./testdata/probe",
	)
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil || !strings.Contains(string(out), "ok") {
		t.Fatalf("go test: %v: %s", err, out)
	}
	for _, name := range []string{"cover", "cpu"} {
		if fi, err := os.Stat(filepath.Join(dir, name)); err != nil || fi.Size() == 0 {
			t.Errorf("%s did not come back: %v", name, err)
		}
	}
}

// TestKilled checks that nothing of a machine outlives vmrun, not even when it
// cannot clean up.
func TestKilled(t *testing.T) {
	l := newLane(t)
	needKernel(t, "6.12")
	tmp := t.TempDir()
	cmd := exec.CommandContext(t.Context(), l.vmrun, "-k", "6.12", "-modules", fewModules, l.probe, "sleep")
	cmd.Env = append(os.Environ(), "TMPDIR="+tmp)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if _, err := out.Read(make([]byte, 1)); err != nil {
		t.Errorf("the program did not start: %v", err)
	}
	qemu := childOf(t, cmd.Process.Pid)
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err == nil {
		t.Error("vmrun was not killed")
	}
	for end := time.Now().Add(10 * time.Second); alive(qemu); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("QEMU, process %s, is alive", qemu)
		}
	}
	if left, err := os.ReadDir(tmp); err != nil || len(left) > 0 {
		t.Errorf("temporary files are left: %v, %v", left, err)
	}
}

// TestSlowReader checks that output which waits for its reader is not lost
// with the machine.
func TestSlowReader(t *testing.T) {
	l := newLane(t)
	needKernel(t, "6.12")
	cmd := exec.CommandContext(t.Context(), l.vmrun, "-k", "6.12", "-modules", fewModules, l.probe, "stream", "exit=5")
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	first := make([]byte, 1)
	if _, err := out.Read(first); err != nil {
		t.Errorf("the program did not start: %v", err)
	}
	time.Sleep(2 * time.Second)
	rest, err := io.ReadAll(out)
	if err != nil {
		t.Error(err)
	}
	if want := allBytes(8192); string(first)+string(rest) != want {
		t.Errorf("%d bytes came, want %d, or they differ", 1+len(rest), len(want))
	}
	if err := cmd.Wait(); err == nil || cmd.ProcessState.ExitCode() != 5 {
		t.Errorf("got %v, want exit code 5", err)
	}
}
