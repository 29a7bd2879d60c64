package pool_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/sandkit/sandkit/internal/testutil"
	"github.com/sandkit/sandkit/sandbox"
	"github.com/sandkit/sandkit/sandbox/pool"
)

// TestFresh: no run sees what another has done, or runs beside it, and each has a
// host name of its own.
func TestFresh(t *testing.T) {
	testutil.Unchanged(t)
	p := full(t, pool.Options{Size: 2, Sandbox: []sandbox.Option{sandbox.WithEnv("A=1")}})
	seen := make(map[string]bool)
	for range 6 {
		out, err := p.Output(testContext(t), script("ls /tmp; echo x >/tmp/mark; sleep 1000 & echo $A $B; set -- /proc/[0-9]*; echo $#; cat /proc/sys/kernel/hostname"), sandbox.WithEnv("B=2"))
		want, host, _ := strings.Cut(string(out), "3\n") // process 1, the shell, sleep
		if err != nil || want != "1 2\n" || seen[host] {
			t.Errorf("%q, %v", out, err)
		}
		seen[host] = true
	}
}

// TestMany: any number of runs at once, more than are ready.
func TestMany(t *testing.T) {
	testutil.Unchanged(t)
	p := newPool(t, pool.Options{Size: 4})
	var group sync.WaitGroup
	for i := range 50 {
		group.Go(func() {
			out, err := p.Output(testContext(t), script(fmt.Sprintf("echo %d; exit %d", i, i)))
			exit, _ := errors.AsType[*sandbox.ExitError](err)
			if string(out) != fmt.Sprintln(i) || i != 0 && (exit == nil || exit.ExitCode != i) || i == 0 && err != nil {
				t.Errorf("%d: %q, %v", i, out, err)
			}
		})
	}
	group.Wait()
	if s := p.Stats(); s.Hits+s.Misses != 50 || s.Running != 0 || s.Failures != 0 {
		t.Error(s)
	}
}

// TestMax: no more are alive than may be, and runs wait for their turn.
func TestMax(t *testing.T) {
	testutil.Unchanged(t)
	p := newPool(t, pool.Options{Size: 1, Max: 2})
	var group sync.WaitGroup
	most := 0
	var mu sync.Mutex
	for range 12 {
		group.Go(func() {
			if _, err := p.Run(testContext(t), script("true")); err != nil {
				t.Error(err)
			}
			mu.Lock()
			defer mu.Unlock()
			most = max(most, p.Stats().Alive)
		})
	}
	group.Wait()
	if most > 2 {
		t.Errorf("%d alive at once", most)
	}
	// One that waits gives up with its context.
	read, write := io.Pipe()
	defer write.Close()
	for range 2 {
		group.Go(func() {
			if _, err := p.Run(testContext(t), script("echo; sleep 1000"), sandbox.WithStdout(write)); !errors.Is(err, sandbox.ErrTimeout) && err == nil {
				t.Error("a run that was killed ended well")
			}
		})
	}
	for range 2 {
		if _, err := read.Read(make([]byte, 1)); err != nil {
			t.Fatal(err)
		}
	}
	ctx, cancel := context.WithCancel(testContext(t))
	time.AfterFunc(10*time.Millisecond, cancel)
	res, err := p.Run(ctx, script("true"))
	if _, ok := errors.AsType[*sandbox.ExitError](err); !ok || !errors.Is(err, context.Canceled) || res.Reason != sandbox.ReasonCancelled {
		t.Errorf("%+v, %v", res, err)
	}
	if err := p.Close(); err != nil {
		t.Error(err)
	}
	group.Wait()
}

// TestCancel: the end of the context ends all of the run.
func TestCancel(t *testing.T) {
	testutil.Unchanged(t)
	p := full(t, pool.Options{Size: 1})
	ctx, cancel := context.WithCancel(testContext(t))
	read, write := io.Pipe()
	defer write.Close()
	go func() {
		_, _ = read.Read(make([]byte, 1))
		cancel()
	}()
	res, err := p.Run(ctx, script("sleep 1000 & echo; sleep 1000"), sandbox.WithStdout(write))
	exit, ok := errors.AsType[*sandbox.ExitError](err)
	if !ok || !errors.Is(err, context.Canceled) || exit.Reason != sandbox.ReasonCancelled || res.Signal != syscall.SIGKILL {
		t.Errorf("%+v, %v", res, err)
	}
	if res, err := p.Run(ctx, script("true")); !errors.Is(err, context.Canceled) || res.ExitCode != -1 {
		t.Errorf("%+v, %v", res, err)
	}
}

// TestTimeout: it bounds each run, not the time that a sandbox is ready.
func TestTimeout(t *testing.T) {
	testutil.Unchanged(t)
	p := full(t, pool.Options{Size: 1, Sandbox: []sandbox.Option{sandbox.WithTimeout(400 * time.Millisecond)}})
	time.Sleep(500 * time.Millisecond) // not a measure: less would only test less
	if s := p.Stats(); s.Ready != 1 || s.Started != 1 {
		t.Error(s)
	}
	res, err := p.Run(testContext(t), script("sleep 1000"))
	if !errors.Is(err, sandbox.ErrTimeout) || res.Reason != sandbox.ReasonTimeout {
		t.Errorf("%+v, %v", res, err)
	}
	if s := p.Stats(); s.Hits != 1 || s.Misses != 0 {
		t.Errorf("the ready sandbox had died: %v", s)
	}
}

// TestReasons: the limits' words are those of sandbox.Run.
func TestReasons(t *testing.T) {
	testutil.Unchanged(t)
	o := sandbox.Options(sandbox.WithMemory(32<<20), sandbox.WithPids(8), sandbox.WithCPUs(1))
	if !limited(t, o) {
		return
	}
	p := full(t, pool.Options{Size: 1, Sandbox: []sandbox.Option{o}})
	for _, c := range []struct {
		script string
		reason sandbox.Reason
	}{
		{"x=$(head -c 100000000 /dev/zero | tr '\\0' x); echo $?; exit 3", sandbox.ReasonOOM},
		{"for i in 1 2 3 4 5 6 7 8 9; do sleep 1000 & done; exit 1", sandbox.ReasonPids},
		{"kill -TERM $$", sandbox.ReasonSignaled},
		{"exit 3", sandbox.ReasonExited},
		{"true", sandbox.ReasonExited},
	} {
		res, err := p.Run(testContext(t), script(c.script))
		if res == nil || res.Reason != c.reason || (err == nil) != (res.ExitCode == 0) {
			t.Errorf("%s: %+v, %v", c.script, res, err)
			continue
		}
		if res.Stats.CPU.Usage <= 0 || res.Finished.Before(res.Started) || res.Setup <= 0 || !res.Protections.Has("seccomp") {
			t.Errorf("%s: %+v", c.script, res)
		}
	}
}

// TestErrors: what cannot be is an error before and during a run.
func TestErrors(t *testing.T) {
	testutil.Unchanged(t)
	for _, o := range []pool.Options{
		{},
		{Size: 3, Max: 2},
		{Size: 1, Sandbox: []sandbox.Option{sandbox.WithCommand("true")}},
		{Size: 1, Sandbox: []sandbox.Option{sandbox.WithTimeout(-1)}},
	} {
		if p, err := pool.New(o); !errors.Is(err, sandbox.ErrInvalidSpec) || p != nil {
			t.Errorf("%+v: %v", o, err)
		}
	}
	p := full(t, pool.Options{Size: 1})
	if res, err := p.Run(testContext(t), sandbox.WithCommand("/none")); !errors.Is(err, sandbox.ErrNotFound) || res != nil {
		t.Errorf("%v, %v", res, err)
	}
	out, err := p.Output(testContext(t), script("echo out; echo why >&2; exit 4"))
	if exit, ok := errors.AsType[*sandbox.ExitError](err); !ok || string(exit.Stderr) != "why\n" || string(out) != "out\n" {
		t.Errorf("%q, %v", out, err)
	}
	if out, err := p.Output(testContext(t), script("cat /dev/zero")); !errors.Is(err, sandbox.ErrOutputLimit) || len(out) != sandbox.MaxOutput {
		t.Errorf("%d bytes, %v", len(out), err)
	}
	// The root vanishes: nothing can be started any more, and it is told.
	root := t.TempDir() + "/root"
	if err := os.Mkdir(root, 0o755); err != nil {
		t.Fatal(err)
	}
	p = full(t, pool.Options{Size: 1, Sandbox: []sandbox.Option{sandbox.WithRootfs(root)}})
	if err := os.Remove(root); err != nil {
		t.Fatal(err)
	}
	_, _ = p.Run(testContext(t), sandbox.WithCommand("/none"))
	if err := p.Fill(testContext(t)); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("%v", err)
	}
	if _, err := p.Run(testContext(t), sandbox.WithCommand("/none")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("%v", err)
	}
	if s := p.Stats(); s.Failures < 2 {
		t.Error(s)
	}
}
