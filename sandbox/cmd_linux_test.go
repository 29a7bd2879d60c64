package sandbox_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	iofs "io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/sandkit/sandkit/fs"
	"github.com/sandkit/sandkit/image"
	"github.com/sandkit/sandkit/internal/testutil"
	"github.com/sandkit/sandkit/sandbox"
)

func TestCmdInheritsNothing(t *testing.T) {
	testutil.Unchanged(t)
	t.Setenv("SANDKIT_CANARY", "secret of the host program")
	c := sandbox.Command(testContext(t), "env")
	c.Options = options(sandbox.WithHostname("box"), sandbox.WithEnv("A=option", "B=option"))
	c.Env = []string{"A=field"}
	if got := strings.Join(c.Environ(), " "); !strings.HasSuffix(got, "HOSTNAME=box A=field B=option") {
		t.Errorf("Environ = %q", got)
	}
	out, err := c.Output()
	want := "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root HOSTNAME=box A=field B=option"
	if got := strings.Join(strings.Fields(string(out)), " "); got != want || err != nil {
		t.Errorf("got %q, %v; want %q", got, err, want)
	}
}

// TestCmdOptions: options add what sandboxes have; what there is a field for is
// refused, and said at once with all other problems.
func TestCmdOptions(t *testing.T) {
	testutil.Unchanged(t)
	c := sandbox.Command(testContext(t), "sh", "-c", "cat /given; ulimit -n; id -u; pwd")
	c.Options = options(sandbox.WithMount(fs.File("/given", 0o444, []byte("given\n"))), sandbox.WithRlimit("nofile", 77, 77),
		sandbox.WithUser("1"), sandbox.WithDir("/tmp"))
	if !testutil.IsRoot() {
		c.Options = append(c.Options, sandbox.WithUser("0"))
	}
	out, err := c.CombinedOutput()
	want := map[bool]string{true: "given\n77\n1\n/tmp\n", false: "given\n77\n0\n/tmp\n"}[testutil.IsRoot()]
	if string(out) != want || err != nil {
		t.Errorf("got %q, %v; want %q", out, err, want)
	}

	c = sandbox.Command(testContext(t), "true")
	c.Options = options(sandbox.WithCommand("false"), sandbox.WithStdin(os.Stdin), sandbox.WithStdout(os.Stdout), sandbox.WithStderr(os.Stderr),
		sandbox.WithExtraFiles(os.Stdin), sandbox.WithEntrypoint("false"), sandbox.WithTimeout(-1))
	c.Env, c.Dir = []string{"novalue"}, "relative"
	err = c.Run()
	if !errors.Is(err, sandbox.ErrInvalidSpec) {
		t.Fatalf("Run = %v", err)
	}
	for _, want := range []string{
		"WithCommand: not for a Cmd, which has Path and Args", "WithStdin", "WithStdout", "WithStderr", "WithExtraFiles", "WithEntrypoint",
		"WithTimeout", `"novalue" has no "="`, `WithDir`,
	} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("no %q in %v", want, err)
		}
	}
}

func TestCmdNotFound(t *testing.T) {
	testutil.Unchanged(t)
	for _, name := range []string{"nowhere", "/bin/nowhere", "./nowhere"} {
		c := sandbox.Command(testContext(t), name)
		err := c.Start()
		e, ok := errors.AsType[*exec.Error](err)
		if !ok || e.Name != name || !errors.Is(err, exec.ErrNotFound) || !errors.Is(err, sandbox.ErrNotFound) || !errors.Is(err, iofs.ErrNotExist) {
			t.Errorf("%s: %v", name, err)
		}
		if s, ok := errors.AsType[*sandbox.Error](err); !ok || s.Stage != sandbox.StageExec || c.Process != nil {
			t.Errorf("%s: %v, process %v", name, err, c.Process)
		}
		if err := c.Wait(); !errors.Is(err, sandbox.ErrNotRunning) {
			t.Errorf("Wait = %v", err)
		}
	}
	// The root decides, not the host; and never the current directory.
	root := testutil.Root(t, "dir tools")
	must(t, os.Rename(filepath.Join(root, "bin", "probe"), filepath.Join(root, "tools", "found")))
	c := sandbox.Command(testContext(t), "found", "exit|3")
	c.Options, c.Env = options(sandbox.WithRootfs(root)), []string{"PATH=/nowhere:/tools"}
	if exit, ok := errors.AsType[*sandbox.ExitError](c.Run()); !ok || exit.ExitCode != 3 {
		t.Errorf("a command along PATH: %v", exit)
	}
	c = sandbox.Command(testContext(t), "found", "exit|3")
	c.Options, c.Env, c.Dir = options(sandbox.WithRootfs(root)), []string{"PATH=.::"}, "/tools"
	if err := c.Run(); !errors.Is(err, exec.ErrNotFound) {
		t.Errorf("a command in the current directory: %v", err)
	}
}

// TestCmdContext: os/exec does not tell that the context ended a command.
func TestCmdContext(t *testing.T) {
	testutil.Unchanged(t)
	ctx, cancel := context.WithCancelCause(testContext(t))
	c := sandbox.Command(ctx, "sh", "-c", "trap '' TERM; echo; sleep 1000 & sleep 1000")
	out, err := c.StdoutPipe()
	must(t, err)
	must(t, c.Start())
	_, err = out.Read(make([]byte, 1))
	must(t, err)
	cancel(errCustom)
	err = c.Wait()
	exit, ok := errors.AsType[*sandbox.ExitError](err)
	if !ok || !errors.Is(err, context.Canceled) || exit.Reason != sandbox.ReasonCancelled || exit.Signal != syscall.SIGKILL {
		t.Errorf("Wait = %v", err)
	}
	if c.ProcessState.String() != "signal: killed" || c.ProcessState.Result().Reason != sandbox.ReasonCancelled {
		t.Errorf("state %v, %v", c.ProcessState, c.ProcessState.Result())
	}
	// An error of Cancel that the command survives is told.
	ctx, cancel = context.WithCancelCause(testContext(t))
	c = sandbox.Command(ctx, "cat")
	in, err := c.StdinPipe()
	must(t, err)
	c.Cancel = func() error { return errors.Join(errCustom, in.Close()) }
	must(t, c.Start())
	cancel(nil)
	if err := c.Wait(); !errors.Is(err, errCustom) || errors.Is(err, context.Canceled) {
		t.Errorf("Wait = %v", err)
	}
}

// TestCmdContextDuringStart: when the context ends meanwhile, the error says so,
// and nothing is left.
func TestCmdContextDuringStart(t *testing.T) {
	testutil.Unchanged(t)
	for range 20 {
		ctx, cancel := context.WithCancel(testContext(t))
		c := sandbox.Command(ctx, "sleep", "1000")
		c.Stdin, c.Stdout = strings.NewReader("x"), io.Discard
		go cancel()
		if err := c.Run(); !errors.Is(err, context.Canceled) {
			t.Errorf("Run = %v", err)
		}
	}
}

// TestCmdWaitDelay: a reader that never ends holds Wait no longer than that,
// where os/exec waits on.
func TestCmdWaitDelay(t *testing.T) {
	testutil.Unchanged(t)
	r, w := io.Pipe()
	defer w.Close() // ends the goroutine that reads
	c := sandbox.Command(testContext(t), "true")
	c.Stdin, c.WaitDelay = r, time.Millisecond
	if err := c.Run(); !errors.Is(err, exec.ErrWaitDelay) {
		t.Errorf("Run = %v", err)
	}
	c = sandbox.Command(testContext(t), "sh", "-c", "exit 6")
	c.Stdin, c.WaitDelay = r, time.Millisecond
	exit, ok := c.Run().(*sandbox.ExitError) //nolint:errorlint // as users of os/exec write it
	if !ok || exit.ExitCode != 6 {
		t.Errorf("Run = %v", exit)
	}
	// Without a delay, Wait waits for the reader.
	begun, result := make(chan struct{}), make(chan error, 1)
	c = sandbox.Command(testContext(t), "true")
	c.Stdin = readerFunc(func([]byte) (int, error) { close(begun); return r.Read(make([]byte, 1)) })
	must(t, c.Start())
	go func() { result <- c.Wait() }()
	<-begun
	_, err := c.Process.Wait()
	must(t, err)
	select {
	case err := <-result:
		t.Errorf("Wait did not wait for Stdin: %v", err)
	default:
	}
	must(t, w.Close())
	if err := <-result; err != nil {
		t.Errorf("Wait = %v", err)
	}
}

type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }

func TestCmdOutputIsBounded(t *testing.T) {
	testutil.Unchanged(t)
	for name, run := range map[string]func(*sandbox.Cmd) ([]byte, error){"Output": (*sandbox.Cmd).Output, "CombinedOutput": (*sandbox.Cmd).CombinedOutput} {
		out, err := run(sandbox.Command(testContext(t), "cat", "/dev/zero"))
		if !errors.Is(err, sandbox.ErrOutputLimit) || len(out) != sandbox.MaxOutput {
			t.Errorf("%s: %d bytes, %v", name, len(out), err)
		}
	}
}

func TestCmdState(t *testing.T) {
	testutil.Unchanged(t)
	c := sandbox.Command(testContext(t), "sh", "-c", "i=0; while [ $i -lt 20000 ]; do i=$((i + 1)); done; exit 2")
	must(t, c.Start())
	if err := syscall.Kill(c.Process.Pid, 0); err != nil && testutil.IsRoot() {
		t.Errorf("process %d: %v", c.Process.Pid, err)
	}
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			if st, err := c.Process.Wait(); err != nil || st.ExitCode() != 2 {
				t.Errorf("Wait of the process = %v, %v", st, err)
			}
		})
	}
	wg.Wait()
	exit, _ := errors.AsType[*sandbox.ExitError](c.Wait())
	st := c.ProcessState
	usage, _ := st.SysUsage().(*syscall.Rusage)
	if exit == nil || st.Pid() != c.Process.Pid || st.UserTime()+st.SystemTime() <= 0 || usage == nil || usage.Maxrss <= 0 || st.Result().ExitCode != 2 {
		t.Errorf("state %v: pid %d, %v user, %v system, usage %+v", st, st.Pid(), st.UserTime(), st.SystemTime(), usage)
	}
	for what, err := range map[string]error{"Kill": c.Process.Kill(), "Signal": c.Process.Signal(syscall.SIGTERM)} {
		if !errors.Is(err, os.ErrProcessDone) || !errors.Is(err, sandbox.ErrNotRunning) {
			t.Errorf("%s after the end: %v", what, err)
		}
	}
	c = sandbox.Command(testContext(t), "sleep", "1000")
	must(t, c.Start())
	must(t, c.Process.Kill())
	if exit, ok := errors.AsType[*sandbox.ExitError](c.Wait()); !ok || exit.Reason != sandbox.ReasonKilled || c.ProcessState.SysUsage() != nil {
		t.Errorf("killed: %v, usage %v", exit, c.ProcessState.SysUsage())
	}
}

// TestCmdWithoutCommand: the fields are enough, as with os/exec.
func TestCmdWithoutCommand(t *testing.T) {
	testutil.Unchanged(t)
	var out bytes.Buffer
	if err := (&sandbox.Cmd{Path: "pwd", Dir: "/tmp", Stdout: &out}).Run(); err != nil || out.String() != "/tmp\n" {
		t.Errorf("Run = %v, %q", err, out.String())
	}
	if err := (&sandbox.Cmd{Path: "true", Cancel: func() error { return nil }}).Run(); !errors.Is(err, sandbox.ErrInvalidSpec) {
		t.Errorf("Cancel without a context: %v", err)
	}
	if err := (&sandbox.Cmd{}).Run(); !errors.Is(err, sandbox.ErrInvalidSpec) {
		t.Errorf("no command: %v", err)
	}
	template := sandbox.Command(testContext(t), "true")
	for range 2 {
		c := *template
		must(t, c.Run())
	}
	defer func() {
		if recover() == nil {
			t.Error("Command took a nil context")
		}
	}()
	sandbox.Command(nil, "true") //nolint:staticcheck // that is what is tested
}

func TestCmdWithImage(t *testing.T) {
	unchangedImages(t)
	s := imageStore(t, image.RunConfig{
		Entrypoint: []string{"/bin/false"}, Cmd: []string{"never"}, Env: []string{"A=image", "B=image", "PATH=/bin"}, WorkingDir: "/home",
	})
	c := sandbox.Command(testContext(t), "sh", "-c", `echo "$A $B $PATH $(pwd)"`)
	c.Options, c.Env = options(tool(s)), []string{"B=mine"}
	if got := c.Environ(); len(got) != 1 {
		t.Errorf("Environ = %q, which would hide what the image says", got)
	}
	out, err := c.Output()
	if got, want := string(out), "image mine /bin /home\n"; got != want || err != nil {
		t.Errorf("got %q, %v; want %q", got, err, want)
	}
	c = sandbox.Command(testContext(t), "/bin/busybox", "unused")
	c.Options, c.Args = options(tool(s)), []string{"echo", "called by another name"}
	if out, err := c.Output(); string(out) != "called by another name\n" || err != nil {
		t.Errorf("got %q, %v", out, err)
	}
}

// TestCmdConcurrent: commands have nothing to do with each other, and their
// processes can be signalled from anywhere.
func TestCmdConcurrent(t *testing.T) {
	testutil.Unchanged(t)
	var wg sync.WaitGroup
	for n := range 8 {
		wg.Go(func() {
			c := sandbox.Command(testContext(t), "cat")
			in, err := c.StdinPipe()
			if err != nil {
				t.Error(err)
				return
			}
			var out bytes.Buffer
			c.Stdout = &out
			if err := c.Start(); err != nil {
				t.Error(err)
				return
			}
			if n%2 == 0 {
				go c.Process.Kill() //nolint:errcheck // whether it comes too late is no matter
			} else {
				go func() { // beside Wait, which closes it, too
					_, _ = io.WriteString(in, "text")
					_ = in.Close()
				}()
			}
			err = c.Wait()
			if n%2 == 0 && c.ProcessState.String() != "signal: killed" || n%2 == 1 && (err != nil || out.String() != "text") {
				t.Errorf("command %d: %v, %q", n, err, out.String())
			}
		})
	}
	wg.Wait()
}
