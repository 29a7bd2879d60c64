package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/sandkit/sandkit/internal/testutil"
)

// asProgram has the test binary be the program.
const asProgram = "SANDKIT_COMPARE_IMAGES"

func TestMain(m *testing.M) {
	if os.Getenv(asProgram) != "" {
		main()
		return
	}
	os.Exit(m.Run())
}

// program is this program with arguments, where it can run.
func program(t *testing.T, args ...string) *exec.Cmd {
	t.Helper()
	testutil.NeedRoot(t)
	if why := needs("unshare", "mount", "mkfs.ext4", "tar", "cp", "sync"); why != "" {
		testutil.Skip(t, why)
	}
	if _, err := os.Stat("/dev/loop-control"); err != nil {
		testutil.Skip(t, "no loop devices")
	}
	cmd := exec.CommandContext(t.Context(), "/proc/self/exe", args...)
	t.Setenv(asProgram, "1")
	return cmd
}

// loops lists what is behind loop devices.
func loops(t *testing.T) string {
	t.Helper()
	files, err := filepath.Glob("/sys/block/loop*/loop/backing_file")
	if err != nil {
		t.Fatal(err)
	}
	var all strings.Builder
	for _, f := range files {
		if b, err := os.ReadFile(f); err == nil { // else it has just gone
			all.Write(b)
		}
	}
	return all.String()
}

// TestWhole: all rows are measured, and nothing is left.
func TestWhole(t *testing.T) {
	cmd := program(t, "-small", "-runs", "1")
	t.Setenv("TMPDIR", t.TempDir()) // others use the common one
	testutil.Unchanged(t)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v: %s", err, &stderr)
	}
	for _, want := range []string{
		"unpack, gzip, sandkit (EROFS) / floor", "unpack, zstd, tar / sandkit (EROFS)", "pull and unpack, gzip", "peak memory of pull and unpack", "start to end of true from busybox",
		"commit 2,000 files, sandkit (none) / cp -a", "20 processes pull an image into a store",
	} {
		if !strings.Contains(string(out), want) {
			t.Errorf("no %q in\n%s", want, out)
		}
	}
}

// TestKilled: the kernel drops everything when the program is killed.
func TestKilled(t *testing.T) {
	cmd := program(t, "-small", "-runs", "1000", "-rows", "b,e")
	t.Setenv("TMPDIR", t.TempDir()) // others use the common one
	testutil.Unchanged(t)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	await(t, "a file system is mounted", func() bool {
		b, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(cmd.Process.Pid), "mounts"))
		if err != nil {
			t.Fatal(err)
		}
		return strings.Contains(string(b), memory+"/disk")
	})
	if err := cmd.Process.Kill(); err != nil {
		t.Error(err)
	}
	if err := cmd.Wait(); err == nil {
		t.Error("it ended by itself")
	}
	await(t, "the loop device is free", func() bool { return !strings.Contains(loops(t), "/ext4") })
}

// await waits until something holds.
func await(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for range 1000 {
		if holds() {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Fatalf("it never comes to pass that %s", what)
}

// TestRefuses: what cannot be is said at once.
func TestRefuses(t *testing.T) {
	for _, args := range [][]string{{"-rows", "x"}, {"-runs", "0"}} {
		cmd := exec.CommandContext(t.Context(), "/proc/self/exe", args...)
		cmd.Env = append(os.Environ(), asProgram+"=1")
		if out, err := cmd.CombinedOutput(); err == nil || !strings.HasPrefix(string(out), "images: ") {
			t.Errorf("%q: %v, %s", args, err, out)
		}
	}
}
