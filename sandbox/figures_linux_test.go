package sandbox_test

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"runtime"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/sandkit/sandkit/internal/compare/figures"
	"github.com/sandkit/sandkit/internal/program"
	"github.com/sandkit/sandkit/internal/testutil"
	"github.com/sandkit/sandkit/sandbox"
)

// The host program holds so many descriptors for a running sandbox: the
// control socket, the root directory, that with the changes, what the os package
// keeps of process 1 and, of an ordinary user, of the launcher that process 1
// comes from. Each stream that it copies
// needs one more. The processes are process 1, the program and, of an ordinary
// user, what is left of that launcher.
const (
	maxDescriptors = 5
	maxProcesses   = 3
)

// TestManyAlive: hundreds of sandboxes run at once, each holds the same few
// descriptors and processes, and all end well.
func TestManyAlive(t *testing.T) {
	n := 500
	if testing.Short() || testutil.InVM() { // there the processor is emulated
		n = 50
	}
	needDescriptors(t, 3*n)
	root := smallRoot(t)
	testutil.Unchanged(t)
	idle := sandbox.Options(sandbox.WithRootfs(root), sandbox.WithCommand("/bin/idle"))
	running(t, sandbox.WithCommand("sleep", "1000")) // what all have together is there then
	one, err := figures.RunMany(testContext(t), 1, idle)
	if err != nil {
		t.Fatal(err)
	}
	a, err := figures.RunMany(testContext(t), n, idle)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%d sandboxes: %d descriptors, %d processes, %d KiB in launchers, %d KiB in the host program, started in %v, ended in %v",
		n, a.Descriptors, a.Processes, a.Memory>>10, a.Heap>>10, a.Started, a.Ended)
	if one.Descriptors > maxDescriptors || one.Processes > maxProcesses || one.Launchers != 1 {
		t.Errorf("a running sandbox has %d descriptors, %d processes and %d launchers, want at most %d, %d and 1",
			one.Descriptors, one.Processes, one.Launchers, maxDescriptors, maxProcesses)
	}
	if a.Descriptors != n*one.Descriptors || a.Processes != n*one.Processes || a.Launchers != n*one.Launchers {
		t.Errorf("%d sandboxes have %d descriptors, %d processes and %d launchers, one has %d, %d and %d",
			n, a.Descriptors, a.Processes, a.Launchers, one.Descriptors, one.Processes, one.Launchers)
	}
}

// needDescriptors leaves out a test that this limit does not allow.
func needDescriptors(t *testing.T, n int) {
	t.Helper()
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		t.Fatal(err)
	}
	if limit.Cur < uint64(n) {
		testutil.Skip(t, "needs a limit of "+itoa(n)+" open files")
	}
}

// TestMemory: what stays in memory beside a program is small, whatever
// the sandbox was made of.
func TestMemory(t *testing.T) {
	testutil.NeedRoot(t)
	const limit = 150 << 10
	root := smallRoot(t)
	testutil.Unchanged(t)
	idle := sandbox.Options(sandbox.WithRootfs(root), sandbox.WithCommand("/bin/idle"))
	for name, opts := range map[string]sandbox.Option{
		"default": idle,
		"binds":   sandbox.Options(idle, binds(t, 50)), // a long Program
	} {
		a, err := figures.RunMany(testContext(t), 1, opts)
		if err != nil {
			t.Fatal(err)
		}
		t.Logf("%s: %d KiB in %d launchers", name, a.Memory>>10, a.Launchers)
		if a.Memory <= 0 || a.Memory > limit || a.Launchers != 1 {
			t.Errorf("%s: %d launchers of a running sandbox have %d bytes resident, want at most %d", name, a.Launchers, a.Memory, limit)
		}
	}
}

// TestStartHoldsNobodyUp: while the set-up of a sandbox is under way, however
// long it takes, the host program collects garbage and starts other processes.
// Were the set-up done between fork and exec, neither could happen until it
// ended.
func TestStartHoldsNobodyUp(t *testing.T) {
	root := smallRoot(t)
	testutil.Unchanged(t)
	ctx, cancel := context.WithCancel(testContext(t))
	defer cancel()
	s, err := sandbox.New(sandbox.WithRootfs(root), sandbox.WithCommand("/bin/true"))
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	sandbox.Tamper(s, func(p *program.Program) { p.Stall(p.Find("pivot_root"), patience) })
	result := make(chan error, 1)
	var returned atomic.Bool
	go func() {
		err := s.Start(ctx)
		returned.Store(true)
		result <- err
	}()
	awaitLauncher(t)
	runtime.GC()
	runtime.ReadMemStats(new(runtime.MemStats))
	if err := exec.CommandContext(ctx, root+"/bin/true").Run(); err != nil {
		t.Errorf("start another process: %v", err)
	}
	if _, err := sandbox.Run(ctx, sandbox.WithRootfs(root), sandbox.WithCommand("/bin/true")); err != nil {
		t.Errorf("start another sandbox: %v", err)
	}
	if returned.Load() {
		t.Error("the start was over by then, so nothing was tested")
	}
	cancel()
	if err := <-result; !errors.Is(err, context.Canceled) {
		t.Errorf("Start = %v", err)
	}
}

// awaitLauncher waits until a launcher has been executed.
func awaitLauncher(t *testing.T) {
	t.Helper()
	for end := time.Now().Add(patience / 2); time.Now().Before(end); time.Sleep(time.Millisecond) {
		pids, err := figures.Launchers()
		if err != nil {
			t.Fatal(err)
		}
		if len(pids) > 0 {
			return
		}
	}
	t.Fatal("no launcher was started")
}

// TestImportCost: a program that imports the package is not much larger, and
// does not start noticeably later.
func TestImportCost(t *testing.T) {
	if testutil.InVM() {
		t.Skip("the virtual machine has no Go; the native lanes run this")
	}
	testutil.NeedRoot(t) // for whom the build cache is; the binary is the same for everybody
	c, err := figures.MeasureImport(testContext(t), t.TempDir(), 15)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%.2f MB of stripped binary, %v of initialization, %v from start to end", float64(c.Size)/1e6, c.Init, c.Start)
	if c.Size > 4e6 {
		t.Errorf("importing the package adds %d bytes to a stripped binary, want at most 4 MB", c.Size)
	}
	if c.Init > time.Millisecond {
		t.Errorf("importing the package adds %v of initialization, want at most 1 ms", c.Init)
	}
}

// TestSmallPrograms: the programs that are measured do what their names say.
func TestSmallPrograms(t *testing.T) {
	root := smallRoot(t)
	if err := exec.CommandContext(testContext(t), root+"/bin/true").Run(); err != nil {
		t.Errorf("true: %v", err)
	}
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	cmd := exec.CommandContext(testContext(t), root+"/bin/idle")
	cmd.Stdin = r
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err != nil {
		t.Errorf("idle: %v", err)
	}
}
