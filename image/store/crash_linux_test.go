package store

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/opencontainers/go-digest"
)

// maxSteps is more than a whole life has.
const maxSteps = 1000

// inMemory gives a directory that is fast where there is one: some disks take
// long to make files when many were removed.
func inMemory(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("/dev/shm", "sandkit-store-") //nolint:usetesting // TempDir is on a disk
	if err != nil {
		return t.TempDir()
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	return dir
}

// TestEveryStepFails: whichever step fails, the error says so, and what is left
// is a sound store.
func TestEveryStepFails(t *testing.T) {
	for step := range maxSteps {
		dir, n := filepath.Join(inMemory(t), "store"), step
		broken := ""
		err := wholeLife(t.Context(), dir, func(s *Store) {
			s.files.fault = func(op, path string) error {
				if n--; n != -1 {
					return nil
				}
				broken = op + " " + path
				return syscall.EIO
			}
		})
		if broken == "" {
			if err != nil || step < 50 {
				t.Errorf("%d steps, %v", step, err)
			}
			return
		}
		if !errors.Is(err, syscall.EIO) {
			t.Errorf("step %d, %s, failed and the error is %v", step, broken, err)
		}
		recovers(t, dir, fmt.Sprintf("step %d, %s, failed", step, broken))
	}
}

// TestDieAtEveryStep: a process is killed at each step.
func TestDieAtEveryStep(t *testing.T) {
	stride := 1
	if testing.Short() {
		stride = 7
	}
	for step := 0; step < maxSteps; step += stride {
		dir := filepath.Join(inMemory(t), "store")
		out, err := helper(t, "die", dir, strconv.Itoa(step)).CombinedOutput()
		if err == nil {
			if step < 50 {
				t.Errorf("only %d steps", step)
			}
			return
		}
		var exit *exec.ExitError
		if !errors.As(err, &exit) || exit.Sys().(syscall.WaitStatus).Signal() != syscall.SIGKILL {
			t.Fatalf("step %d: %v: %s", step, err, out)
		}
		recovers(t, dir, fmt.Sprintf("killed at step %d", step))
		if t.Failed() {
			return
		}
	}
}

// recovers checks that a store opens, has nothing wrong, can be used, and that
// nothing is left when all images are gone.
func recovers(t *testing.T, dir, after string) {
	t.Helper()
	s, err := Open(dir, NoSync())
	if err != nil {
		t.Fatalf("%s: %v", after, err)
	}
	if problems, err := s.Verify(t.Context(), false); err != nil || len(problems) > 0 {
		t.Errorf("%s: %v, %v", after, problems, err)
	}
	if _, err := s.Collect(t.Context(), -1); err != nil {
		t.Errorf("%s: %v", after, err)
	}
	if problems, err := s.Verify(t.Context(), false); err != nil || len(problems) > 0 {
		t.Errorf("%s: after a collection: %v, %v", after, problems, err)
	}
	if err := wholeLife(t.Context(), dir); err != nil {
		t.Errorf("%s: %v", after, err)
	}
	empties(t, s)
	if t.Failed() {
		t.Fatal(after)
	}
}

// empties removes everything and checks that nothing is left.
func empties(t *testing.T, s *Store) {
	t.Helper()
	if _, err := s.Prune(t.Context(), true); err != nil {
		t.Error(err)
	}
	healthy(t, s, 0)
	for _, pattern := range []string{"layers/*", "leases/*"} {
		if left, err := filepath.Glob(s.path(pattern)); err != nil || len(left) > 0 {
			t.Errorf("left: %v, %v", left, err)
		}
	}
}

func helper(t *testing.T, name string, args ...string) *exec.Cmd {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "/proc/self/exe", args...)
	cmd.Env = append(os.Environ(), helperEnv+"="+name)
	return cmd
}

// TestOneDownload: many processes want the same blob; one writes it, also when
// one of them is killed half-way.
func TestOneDownload(t *testing.T) {
	s := open(t)
	var all []*exec.Cmd
	outs := make([]bytes.Buffer, 8)
	for i := range outs {
		cmd := helper(t, "ingest", s.Dir())
		cmd.Stdout, cmd.Stderr = &outs[i], &outs[i]
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		all = append(all, cmd)
	}
	killed := 0
	for i, cmd := range all {
		if i == 0 {
			if partial := growing(s); partial {
				_ = cmd.Process.Kill()
			}
		}
		if err := cmd.Wait(); err != nil {
			killed++
		}
	}
	written := 0
	for i := range outs {
		written += strings.Count(outs[i].String(), "from")
		if text := outs[i].String(); text != "exists\n" && !strings.HasPrefix(text, "from ") && text != "" {
			t.Errorf("process %d: %s", i, text)
		}
	}
	if written < 1 || written > 1+killed || killed > 1 {
		t.Errorf("written %d times, %d killed", written, killed)
	}
	healthy(t, s, 0)
}

// growing waits until a part of a blob is there; false when it is finished.
func growing(s *Store) bool {
	for {
		parts, _ := filepath.Glob(s.path("ingest", "sha256-*"))
		for _, p := range parts {
			if info, err := os.Stat(p); err == nil && info.Size() > 0 {
				return true
			}
		}
		if blobs, _ := filepath.Glob(s.path("blobs/sha256/*")); len(blobs) > 0 {
			return false
		}
		time.Sleep(time.Millisecond)
	}
}

// TestKilledAtRandom: processes add, remove and collect, and are killed at any
// moment; what a living one holds is never taken away.
func TestKilledAtRandom(t *testing.T) {
	s, err := Open(filepath.Join(inMemory(t), "store"), NoSync())
	if err != nil {
		t.Fatal(err)
	}
	ctx := t.Context()
	l := lease(t, s)
	d := mustAdd(t, l, "", "held", "layer of its own")
	key := LayerKey{"dir", digest.FromString("layer of its own")}
	if err := unpackDir(ctx, l, key); err != nil {
		t.Fatal(err)
	}
	kills := 60
	if testing.Short() {
		kills = 12
	}
	running := make([]*exec.Cmd, 3)
	outs := make([]bytes.Buffer, len(running))
	stop := func(i int) {
		_ = running[i].Process.Kill()
		_ = running[i].Wait()
		if outs[i].Len() > 0 {
			t.Errorf("a process says: %s", outs[i].String())
		}
	}
	for i := range len(running) + kills {
		n := i % len(running)
		if running[n] != nil {
			time.Sleep(time.Duration(rand.IntN(30)) * time.Millisecond)
			stop(n)
		}
		running[n] = helper(t, "churn", s.Dir())
		outs[n].Reset()
		running[n].Stderr = &outs[n]
		if err := running[n].Start(); err != nil {
			t.Fatal(err)
		}
		if err := isThere(ctx, s, d, key); err != nil {
			t.Error(err)
		}
	}
	for n := range running {
		stop(n)
	}
	if err := isThere(ctx, s, d, key); err != nil {
		t.Error(err)
	}
	if problems, err := s.Verify(ctx, false); err != nil || len(problems) > 0 {
		t.Errorf("%v, %v", problems, err)
	}
	if err := l.Release(); err != nil {
		t.Fatal(err)
	}
	empties(t, s)
}
