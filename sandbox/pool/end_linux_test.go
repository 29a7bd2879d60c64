package pool_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/sandkit/sandkit/internal/testutil"
	"github.com/sandkit/sandkit/sandbox"
	"github.com/sandkit/sandkit/sandbox/pool"
)

// children are this program's.
func children(t *testing.T) []int {
	t.Helper()
	var pids []int
	tasks, err := os.ReadDir("/proc/self/task")
	if err != nil {
		t.Fatal(err)
	}
	for _, task := range tasks {
		b, err := os.ReadFile("/proc/self/task/" + task.Name() + "/children")
		if err != nil {
			continue // a thread that has ended
		}
		for f := range strings.FieldsSeq(string(b)) {
			pid, err := strconv.Atoi(f)
			if err != nil {
				t.Fatal(err)
			}
			pids = append(pids, pid)
		}
	}
	return pids
}

// TestDaemons: what the command leaves behind is dead when Run returns, wherever
// it has gone.
func TestDaemons(t *testing.T) {
	testutil.Unchanged(t)
	p := full(t, pool.Options{Size: 2})
	for i := range 10 {
		mark := fmt.Sprintf("%d%d%d", 1000+i, time.Now().UnixNano(), os.Getpid())
		out, err := p.Output(testContext(t), script("setsid sh -c 'sleep $0 & sleep $0' "+mark+" & sleep "+mark+" & exit 0"))
		if err != nil {
			t.Errorf("%q, %v", out, err)
		}
		if alive := withArgument(t, mark); len(alive) > 0 {
			t.Errorf("%v are alive", alive)
		}
	}
	// The search finds what is there.
	read, write := io.Pipe()
	defer write.Close()
	ctx, cancel := context.WithCancel(testContext(t))
	mark := fmt.Sprint(time.Now().UnixNano())
	var group sync.WaitGroup
	group.Go(func() {
		_, _ = p.Run(ctx, sandbox.WithCommand("sh", "-c", "echo; sleep 1000; : "+mark), sandbox.WithStdout(write)) // it is cancelled
	})
	if _, err := read.Read(make([]byte, 1)); err != nil {
		t.Error(err)
	}
	if alive := withArgument(t, mark); len(alive) == 0 {
		t.Error("the search finds nothing")
	}
	cancel()
	group.Wait()
}

// withArgument lists processes that have such an argument.
func withArgument(t *testing.T, mark string) []string {
	t.Helper()
	found, err := filepath.Glob("/proc/[0-9]*/cmdline")
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for _, f := range found {
		if line, err := os.ReadFile(f); err == nil && strings.Contains(string(line), mark) { // or it has ended
			all = append(all, f)
		}
	}
	return all
}

// TestDeadOnes: ready sandboxes that somebody has killed are passed over.
func TestDeadOnes(t *testing.T) {
	testutil.Unchanged(t)
	sandbox.Trim()
	before := children(t)
	p := full(t, pool.Options{Size: 3})
	sandbox.Trim() // what is parked is no sandbox
	killed := 0
	for _, pid := range children(t) {
		if !slices.Contains(before, pid) {
			if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
				t.Error(err)
			}
			killed++
		}
	}
	if killed < 3 {
		t.Errorf("%d of 3 found", killed)
	}
	out, err := p.Output(testContext(t), script("echo alive"))
	if err != nil || string(out) != "alive\n" {
		t.Errorf("%q, %v", out, err)
	}
}

// TestClose: runs under way are killed, those that wait are told, and nothing is
// left. It can be called again, and by many.
func TestClose(t *testing.T) {
	testutil.Unchanged(t)
	p := full(t, pool.Options{Size: 2, Max: 3})
	var runs, closers sync.WaitGroup
	read, write := io.Pipe()
	defer write.Close()
	for range 8 {
		runs.Go(func() {
			res, err := p.Run(testContext(t), script("echo; sleep 1000 & sleep 1000"), sandbox.WithStdout(write))
			if res != nil && res.Reason != sandbox.ReasonKilled || res == nil && !errors.Is(err, sandbox.ErrClosed) || err == nil {
				t.Errorf("%+v, %v", res, err)
			}
		})
	}
	for range 3 {
		if _, err := read.Read(make([]byte, 1)); err != nil {
			t.Fatal(err)
		}
	}
	go func() { _, _ = io.Copy(io.Discard, read) }()
	for range 3 {
		closers.Go(func() {
			if err := p.Close(); err != nil {
				t.Error(err)
			}
			if s := p.Stats(); s.Alive != 0 || s.Ready != 0 {
				t.Error(s)
			}
		})
	}
	closers.Wait()
	runs.Wait()
	if _, err := p.Run(testContext(t), script("true")); !errors.Is(err, sandbox.ErrClosed) {
		t.Errorf("%v", err)
	}
	if err := p.Fill(testContext(t)); !errors.Is(err, sandbox.ErrClosed) {
		t.Errorf("%v", err)
	}
	// While it is being filled.
	p, err := pool.New(pool.Options{Size: 8})
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Close(); err != nil {
		t.Error(err)
	}
}

// TestHostDies: nothing of a pool outlives a host program that is killed.
func TestHostDies(t *testing.T) {
	testutil.Unchanged(t)
	t.Cleanup(func() { // the next program removes the cgroups of one that was killed
		sandbox.Trim()
		if _, err := sandbox.Run(testContext(t), sandbox.WithCommand("true")); err != nil {
			t.Error(err)
		}
	})
	for range 3 {
		cmd := exec.CommandContext(testContext(t), "/proc/self/exe", victimArg, "supervise")
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("%v: %s", err, out)
		}
	}
}
