package sandbox_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
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
	"github.com/sandkit/sandkit/sandbox/logs"
	"github.com/sandkit/sandkit/sandbox/state"
)

// TestChaos: SIGKILL hits host programs, process 1 and workloads at any moment of
// their lives, under load. No exit status is lost, no line that a reader of the
// log has seen, and nothing is left.
func TestChaos(t *testing.T) {
	testutil.Unchanged(t)
	collect(t)
	lives := 1000
	if testing.Short() {
		lives = 40
	}
	store, err := state.Open(t.TempDir(), state.NoSync())
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	c := &chaos{t: t, store: store, logs: t.TempDir(), mark: fmt.Sprintf("9%d%d", os.Getpid(), time.Now().UnixNano()%1e6)}
	var group sync.WaitGroup
	numbers := make(chan int)
	for range 6 {
		group.Go(func() {
			for n := range numbers {
				c.live(n)
			}
		})
	}
	for n := range lives {
		numbers <- n
	}
	close(numbers)
	group.Wait()
	c.check()
}

// chaos is what its lives share.
type chaos struct {
	t     *testing.T
	store *state.Store
	logs  string
	mark  string // an argument of every sandbox's daemon

	starting sync.Mutex // of detached ones
	mu       sync.Mutex
	orphans  int // records of killed host programs
}

// live is one sandbox's life and violent death.
func (c *chaos) live(n int) {
	switch n % 6 {
	case 0:
		c.killHost(n)
	case 4, 5:
		c.detached(n, n%6 == 4)
	default:
		c.killInside(n, n%6)
	}
}

// killInside kills the program (1) or process 1 (2), or nobody (3), while the
// program is about to end by itself.
func (c *chaos) killInside(n, whom int) {
	code := n % 100
	path := filepath.Join(c.logs, itoa(n))
	s, err := sandbox.New(sandbox.WithState(c.store), sandbox.WithLogs(sandbox.Logs{Driver: sandbox.LogJSONFile, Path: path}),
		sandbox.WithCommand("sh", "-c", fmt.Sprintf("setsid sleep %s & i=0; while [ $i -lt 50 ]; do echo $i; i=$((i+1)); done; exit %d", c.mark, code)))
	if err != nil {
		c.t.Error(err)
		return
	}
	defer s.Close()
	if err := s.Start(testContext(c.t)); err != nil {
		c.t.Error(err)
		return
	}
	first, err := os.FindProcess(sandbox.Process1(s))
	if err != nil {
		c.t.Error(err)
		return
	}
	time.Sleep(rand.N(3 * time.Millisecond))
	switch whom {
	case 1:
		_ = s.Signal(syscall.SIGKILL) // or it has ended
	case 2:
		_ = first.Kill() // likewise
	}
	res, err := s.Wait(testContext(c.t))
	if res == nil {
		c.t.Errorf("life %d: %v", n, err)
		return
	}
	killed := res.Signal == syscall.SIGKILL && res.ExitCode == -1
	if !killed && (res.Signal != 0 || res.ExitCode != code) || killed && whom == 3 {
		c.t.Errorf("life %d, kill %d: %s, want exit code %d", n, whom, res, code)
	}
	want := code
	if killed {
		want = 137
	}
	view, err := c.store.Lookup(s.ID())
	if err != nil || view.Status.State != state.Exited || view.Status.ExitCode != want {
		c.t.Errorf("life %d, kill %d: record %+v, %v, want exit code %d", n, whom, view.Status, err, want)
	}
	if lines := c.lines(path); !killed && len(lines) != 50 || !inOrder(lines) {
		c.t.Errorf("life %d, kill %d: log has %q", n, whom, lines)
	}
}

// lines are those of a log.
func (c *chaos) lines(path string) (lines []string) {
	for e, err := range logs.ReadJSONFile(testContext(c.t), path, logs.Options{Tail: -1}) {
		if err != nil {
			c.t.Error(err)
			return lines
		}
		lines = append(lines, strings.TrimSpace(string(e.Line)))
	}
	return lines
}

func inOrder(lines []string) bool {
	for i, l := range lines {
		if l != itoa(i) {
			return false
		}
	}
	return true
}

// killHost kills a host program that has told which lines it has seen in the log.
func (c *chaos) killHost(n int) {
	path := filepath.Join(c.logs, itoa(n))
	cmd := exec.CommandContext(testContext(c.t), "/proc/self/exe", victimArg, "chaos", c.store.Dir(), path, c.mark)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		c.t.Error(err)
		return
	}
	seen := bufio.NewReader(out)
	if _, err := seen.ReadString('\n'); err != nil {
		c.t.Errorf("life %d: the host program says nothing: %v", n, err)
	}
	time.Sleep(rand.N(20 * time.Millisecond))
	_ = cmd.Process.Kill()
	rest, _ := io.ReadAll(seen) // it was killed
	_ = cmd.Wait()
	acknowledged := strings.Count(string(rest), "\n")
	if lines := c.lines(path); len(lines) < acknowledged || !inOrder(lines) {
		c.t.Errorf("life %d: %d lines were seen, log has %q", n, acknowledged, lines)
	}
	c.mu.Lock()
	c.orphans++
	c.mu.Unlock()
}

// check collects what the killed have left, which is nothing but records.
func (c *chaos) check() {
	all := c.settled()
	if len(all) != c.orphans {
		c.t.Errorf("%d records, want those of %d killed host programs", len(all), c.orphans)
	}
	for i := range all {
		if s := &all[i]; s.Status.State != state.Exited || s.Status.ExitCode != 137 {
			c.t.Errorf("record of a killed host program: %+v", s.Status)
		}
	}
	report, err := c.store.Collect(testContext(c.t), nil)
	if err != nil || len(report.Removed) != c.orphans || len(report.Orphans) > 0 {
		c.t.Errorf("collected %+v, %v, want %d removed", report, err, c.orphans)
	}
	if all, err = c.store.List(testContext(c.t), state.ListOptions{All: true}); err != nil || len(all) > 0 {
		c.t.Errorf("%v are left, %v", all, err)
	}
}

// settled waits until the kernel has ended what is to end, and gives the records.
func (c *chaos) settled() []state.Summary {
	for end := time.Now().Add(patience / 2); ; time.Sleep(5 * time.Millisecond) {
		all, err := c.store.List(testContext(c.t), state.ListOptions{All: true})
		if err != nil {
			c.t.Error(err)
		}
		over := !slices.ContainsFunc(all, func(s state.Summary) bool { return s.Status.State != state.Exited })
		alive := withArgument(c.t, c.mark)
		if over && len(alive) == 0 {
			return all
		}
		if time.Now().After(end) {
			c.t.Errorf("%v are alive, %v", alive, all)
			return all
		}
	}
}

// detached has a sandbox of a monitor, which is killed or not, while another one
// follows the log.
func (c *chaos) detached(n int, kill bool) {
	code, path := n%100, filepath.Join(c.logs, itoa(n))
	s, err := sandbox.New(sandbox.WithState(c.store), sandbox.WithDetach(), sandbox.WithLogs(sandbox.Logs{Driver: sandbox.LogJSONFile, Path: path}),
		sandbox.WithCommand("sh", "-c", fmt.Sprintf("setsid sleep %s & i=0; while [ $i -lt 50 ]; do echo $i; i=$((i+1)); done; exit %d", c.mark, code)))
	var monitor *os.Process
	if err == nil {
		monitor, err = c.startDetached(s)
	}
	if err != nil {
		c.t.Error(err)
		return
	}
	defer s.Close()
	seen := 0
	for e, err := range s.Logs(testContext(c.t), sandbox.LogOptions{Tail: -1}) {
		if err != nil || strings.TrimSpace(string(e.Line)) != itoa(seen) {
			c.t.Errorf("life %d: line %d is %q, %v", n, seen, e.Line, err)
		}
		seen++
	}
	if kill && monitor != nil {
		_ = monitor.Kill() // or it has ended
	}
	o, err := sandbox.Open(testContext(c.t), c.store, s.ID())
	if err != nil {
		c.t.Errorf("life %d: %v", n, err)
		return
	}
	defer o.Close()
	res, err := o.Wait(testContext(c.t))
	if res == nil {
		c.t.Errorf("life %d: %v", n, err)
		return
	}
	killed := kill && res.Signal == syscall.SIGKILL
	if !killed && (res.ExitCode != code || res.Signal != 0) {
		c.t.Errorf("life %d, detached: %s, want exit code %d", n, res, code)
	}
	if lines := c.lines(path); len(lines) < seen || !killed && len(lines) != 50 || !inOrder(lines) {
		c.t.Errorf("life %d, detached: %d lines were seen, log has %q", n, seen, lines)
	}
	if err := o.Remove(testContext(c.t)); err != nil {
		c.t.Errorf("life %d: %v", n, err)
	}
}

// startDetached starts a sandbox and gives its monitor; nil if that has ended.
func (c *chaos) startDetached(s *sandbox.Sandbox) (*os.Process, error) {
	c.starting.Lock()
	defer c.starting.Unlock()
	before := monitors(c.t)
	if err := s.Start(testContext(c.t)); err != nil {
		return nil, err
	}
	for _, pid := range monitors(c.t) {
		if !slices.Contains(before, pid) {
			return os.FindProcess(pid)
		}
	}
	return nil, nil //nolint:nilnil // there is none any more
}

// chaosHost starts a sandbox that prints without end, follows its log, and says
// what it has seen there.
func chaosHost(args []string) error {
	ctx := context.Background()
	store, err := state.Open(args[0], state.NoSync())
	if err != nil {
		return err
	}
	s, err := sandbox.New(sandbox.WithState(store), sandbox.WithLogs(sandbox.Logs{Driver: sandbox.LogJSONFile, Path: args[1]}),
		sandbox.WithCommand("sh", "-c", "setsid sleep "+args[2]+" & i=0; while :; do echo $i; i=$((i+1)); done"))
	if err != nil {
		return err
	}
	if err := s.Start(ctx); err != nil {
		return err
	}
	fmt.Println(s.ID())
	for e, err := range s.Logs(ctx, sandbox.LogOptions{Follow: true, Tail: -1}) {
		if err != nil {
			return err
		}
		if _, err := strconv.Atoi(strings.TrimSpace(string(e.Line))); err != nil {
			return err
		}
		fmt.Print(string(e.Line))
	}
	return nil
}
