package sandbox_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sandkit/sandkit/fs"
	"github.com/sandkit/sandkit/internal/program"
	"github.com/sandkit/sandkit/internal/testutil"
	"github.com/sandkit/sandkit/sandbox"
)

// play runs the test binary in another part.
func play(t *testing.T, args ...string) {
	t.Helper()
	cmd := exec.CommandContext(testContext(t), "/proc/self/exe", append([]string{victimArg}, args...)...)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%v: %v: %s", args, err, out)
	}
}

// collect removes, when the test ends, the cgroups of host programs that were
// killed: the next program does that which has something to put there.
func collect(t *testing.T) {
	t.Helper()
	t.Cleanup(func() {
		sandbox.Trim() // so that this program begins anew
		if _, err := sandbox.Run(testContext(t), sandbox.WithCommand("true")); err != nil {
			t.Error(err)
		}
	})
}

// TestHostDiesAtEveryStage kills the host program with SIGKILL while the
// set-up waits before one step, for each step: no process is left, and the
// program is not run.
func TestHostDiesAtEveryStage(t *testing.T) {
	testutil.Unchanged(t)
	collect(t)
	mark := t.TempDir()
	if err := os.Chmod(mark, 0o777); err != nil {
		t.Fatal(err)
	}
	m := fs.Bind(mark, "/mark")
	m.HostOwners = true
	s, err := sandbox.New(sandbox.WithMount(m), sandbox.WithCommand("true"))
	if err != nil {
		t.Fatal(err)
	}
	total, safe := 0, 0
	sandbox.Tamper(s, func(p *program.Program) { total, safe = p.Steps(), p.Find("HOST_ALIVE") })
	if err := s.Start(testContext(t)); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	every := 1
	if testing.Short() {
		every = 9
	}
	var wg sync.WaitGroup
	tokens := make(chan struct{}, 6)
	for n := 0; n < total; n += every {
		wg.Go(func() {
			tokens <- struct{}{}
			defer func() { <-tokens }()
			dir := filepath.Join(mark, itoa(n))
			if err := os.Mkdir(dir, 0o777); err != nil {
				t.Error(err)
			}
			if err := os.Chmod(dir, 0o777); err != nil {
				t.Error(err)
			}
			play(t, "supervise", "20ms", "stalled", itoa(n), dir)
			if _, err := os.Stat(dir + "/ran"); err == nil && n <= safe {
				t.Errorf("killed at step %d, the program ran nevertheless", n)
			}
		})
	}
	wg.Wait()
}

// TestHostDiesAnyTime kills a busy host program, with sandboxes running,
// starting, ending and parked.
func TestHostDiesAnyTime(t *testing.T) {
	testutil.Unchanged(t)
	collect(t)
	n := 60
	if testing.Short() {
		n = 8
	}
	for range n {
		play(t, "supervise", fmt.Sprint(time.Duration(rand.IntN(40000))*time.Microsecond), "busy")
	}
}

// TestThreadsStayWhereTheyAre: also when the sandbox is started from the main
// thread, which could not be thrown away.
func TestThreadsStayWhereTheyAre(t *testing.T) {
	play(t, "main-thread")
}

// threadLinks lists the namespaces of all threads.
func threadLinks() string {
	found, err := filepath.Glob("/proc/self/task/*/ns/*")
	if err != nil {
		return err.Error()
	}
	var links []string
	for _, f := range found {
		if l, err := os.Readlink(f); err == nil && !slices.Contains(links, l) {
			links = append(links, l)
		}
	}
	slices.Sort(links)
	return strings.Join(links, " ")
}
