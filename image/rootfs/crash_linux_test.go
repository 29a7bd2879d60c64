package rootfs

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"strconv"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/sandkit/sandkit/image"
	"github.com/sandkit/sandkit/image/store"
)

// helperEnv makes the test binary one of the programs below.
const helperEnv = "SANDKIT_ROOTFS_HELPER"

func TestMain(m *testing.M) {
	helpers := map[string]func(args []string) error{"die": helperDie, "churn": helperChurn}
	if name := os.Getenv(helperEnv); name != "" {
		if err := helpers[name](os.Args[1:]); err != nil {
			fmt.Fprintln(os.Stderr, name+":", err)
			os.Exit(3)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// helperDie unpacks the image "a" of a store until the step that kills it.
func helperDie(args []string) error {
	backend, err1 := strconv.Atoi(args[1])
	step, err2 := strconv.Atoi(args[2])
	if err := errors.Join(err1, err2); err != nil {
		return err
	}
	var n atomic.Int64
	o := Options{Backend: Backend(backend), fault: func(string) error {
		if n.Add(1) > int64(step) {
			_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
			select {}
		}
		return nil
	}}
	return unpackNamed(args[0], "a", o)
}

// unpackNamed unpacks an image of a store, like a program of its own.
func unpackNamed(dir, name string, o Options) (err error) {
	ctx := context.Background()
	s, err := store.Open(dir, store.NoSync())
	if err != nil {
		return err
	}
	lease, err := s.Lease(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, lease.Release()) }()
	img, err := s.Image(ctx, name, image.Platform{})
	if err != nil {
		return err
	}
	_, err = Unpack(ctx, lease, img, o)
	return err
}

func helper(t *testing.T, name string, args ...string) *exec.Cmd {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "/proc/self/exe", args...)
	cmd.Env = append(os.Environ(), helperEnv+"="+name)
	return cmd
}

// killable have all that a layer can become.
var killable = []items{base, {file("lib/x", ""), gone("tmp")}, {dir("etc"), gone("etc/group")}, {file("lib/x", "x"), dir("lib")}, {dir("opt")}}

// TestDieAtEveryStep: a process is killed before each step, and another one
// takes over.
func TestDieAtEveryStep(t *testing.T) {
	eachBackend(t, func(t *testing.T, o Options) {
		for step := 0; ; step++ {
			s := newStore(t, o)
			img := addImage(t, s, "a", killable...)
			out, err := helper(t, "die", s.Dir(), strconv.Itoa(int(o.Backend)), strconv.Itoa(step)).CombinedOutput()
			if err == nil {
				if step < 10 {
					t.Errorf("only %d steps", step)
				}
				return
			}
			exit, ok := errors.AsType[*exec.ExitError](err)
			if !ok || exit.Sys().(syscall.WaitStatus).Signal() != syscall.SIGKILL {
				t.Fatalf("step %d: %v: %s", step, err, out)
			}
			right(t, unpack(t, s, img, o), killable...)
			leavesNothing(t, s)
			if t.Failed() {
				t.Fatalf("killed at step %d", step)
			}
		}
	})
}

// leavesNothing checks that Collect removes everything but what images and
// leases have, and Prune the rest.
func leavesNothing(t *testing.T, s *store.Store) {
	t.Helper()
	_, err := s.Collect(t.Context(), -1)
	must(t, err)
	nothingPartial(t, s)
	if left, err := os.ReadDir(s.Dir() + "/trash"); err != nil || len(left) > 0 {
		t.Errorf("trash: %v, %v", left, err)
	}
	if problems, err := s.Verify(t.Context(), false); err != nil || len(problems) > 0 {
		t.Errorf("%v, %v", problems, err)
	}
}

// helperChurn adds, unpacks and removes images until it is killed, and fails
// when a tree that it holds is taken away.
func helperChurn(args []string) error {
	backend, err := strconv.Atoi(args[1])
	if err != nil {
		return err
	}
	s, err := store.Open(args[0], store.NoSync())
	if err != nil {
		return err
	}
	for {
		if err := churn(context.Background(), s, Options{Backend: Backend(backend)}); err != nil {
			return err
		}
	}
}

func churn(ctx context.Context, s *store.Store, o Options) (err error) {
	lease, err := s.Lease(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, lease.Release()) }()
	i := rand.IntN(len(churned))
	name := "i" + strconv.Itoa(i)
	var tars [][]byte
	for _, l := range churned[i] {
		raw, err := l.write()
		if err != nil {
			return err
		}
		tars = append(tars, raw)
	}
	if err := putImage(ctx, lease, name, tars...); err != nil {
		return err
	}
	img, err := s.Image(ctx, name, image.Platform{})
	if errors.Is(err, image.ErrNotFound) {
		return nil // another one has removed it
	}
	if err != nil {
		return err
	}
	stack, err := Unpack(ctx, lease, img, o)
	if err != nil {
		return err
	}
	switch rand.IntN(3) {
	case 0:
		_, err = s.Remove(ctx, name, true)
	case 1:
		_, err = s.Collect(ctx, -1)
	}
	if err != nil && !errors.Is(err, image.ErrNotFound) {
		return err
	}
	for _, l := range stack.Layers {
		if _, err := os.Stat(l.Path); err != nil {
			return err
		}
	}
	return nil
}

// churned are the images of TestKilledAtRandom.
var churned = [][]items{
	killable,
	{base, killable[2], killable[1]},
	{killable[4], killable[1], killable[2]},
	{killable[1], killable[2]},
	{base, killable[2]},
}

// TestKilledAtRandom: processes unpack images with the same layers at the same
// time and are killed at any moment. What is there in the end is right.
func TestKilledAtRandom(t *testing.T) {
	kills := 30
	if testing.Short() {
		kills = 8
	}
	eachBackend(t, func(t *testing.T, o Options) {
		s := newStore(t, o)
		running := make([]*exec.Cmd, 3)
		outs := make([]bytes.Buffer, len(running))
		stop := func(n int) {
			if running[n] == nil {
				return
			}
			_ = running[n].Process.Kill()
			_ = running[n].Wait()
			if outs[n].Len() > 0 {
				t.Errorf("a process says: %s", outs[n].String())
			}
		}
		for i := range kills + len(running) {
			n := i % len(running)
			stop(n)
			running[n] = helper(t, "churn", s.Dir(), strconv.Itoa(int(o.Backend)))
			outs[n].Reset()
			running[n].Stderr = &outs[n]
			must(t, running[n].Start())
			time.Sleep(time.Duration(rand.IntN(40)) * time.Millisecond)
		}
		for n := range running {
			stop(n)
		}
		for i, layers := range churned {
			right(t, unpack(t, s, addImage(t, s, fmt.Sprint("i", i), layers...), o), layers...)
		}
		leavesNothing(t, s)
	})
}
