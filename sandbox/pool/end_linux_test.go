package pool_test

import (
	"errors"
	"io"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"

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
	for range 10 {
		r, w, err := os.Pipe()
		if err != nil {
			t.Fatal(err)
		}
		if _, err := p.Run(testContext(t), script("setsid sh -c 'sleep 1000 & sleep 1000' & exit 0"), sandbox.WithExtraFiles(w)); err != nil {
			t.Error(err)
		}
		if err := w.Close(); err != nil {
			t.Error(err)
		}
		if n, err := readNow(t, r); n != 0 || err != nil {
			t.Errorf("%d bytes, %v: somebody is alive", n, err)
		}
		r.Close()
	}
}

// readNow reads from a pipe without waiting: EAGAIN means that somebody has its
// other end.
func readNow(t *testing.T, r *os.File) (n int, err error) {
	t.Helper()
	conn, cerr := r.SyscallConn()
	if cerr == nil {
		cerr = conn.Control(func(fd uintptr) { n, err = syscall.Read(int(fd), make([]byte, 1)) })
	}
	if cerr != nil {
		t.Fatal(cerr)
	}
	return n, err
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
