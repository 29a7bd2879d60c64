package sandbox_test

import (
	"context"
	"errors"
	iofs "io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/sandkit/sandkit/fs"
	"github.com/sandkit/sandkit/internal/testutil"
	"github.com/sandkit/sandkit/sandbox"
)

func TestExitStatus(t *testing.T) {
	testutil.Unchanged(t)
	for _, code := range []int{0, 1, 7, 125, 126, 127, 137, 255} {
		_, _, err := tryProbe(t, nil, "exit|"+itoa(code))
		exit, isExit := errors.AsType[*sandbox.ExitError](err)
		switch {
		case code == 0 && err != nil:
			t.Errorf("exit 0: %v", err)
		case code != 0 && (!isExit || exit.ExitCode != code || exit.Signal != 0 || exit.Reason != sandbox.ReasonExited):
			t.Errorf("exit %d: %v (%+v)", code, err, exit)
		}
	}
}

func TestSignalStatus(t *testing.T) {
	testutil.Unchanged(t)
	for _, sig := range []syscall.Signal{syscall.SIGTERM, syscall.SIGKILL, syscall.SIGSEGV, syscall.SIGUSR1, 34, 64} {
		_, err := sandbox.Run(testContext(t), sandbox.WithCommand("sh", "-c", "kill -"+itoa(int(sig))+" $$; sleep 100"))
		exit, ok := errors.AsType[*sandbox.ExitError](err)
		if !ok || exit.Signal != sig || exit.ExitCode != -1 || exit.Reason != sandbox.ReasonSignaled {
			t.Errorf("signal %d: %v (%+v)", sig, err, exit)
		}
	}
}

func TestOutput(t *testing.T) {
	testutil.Unchanged(t)
	out, err := sandbox.Output(testContext(t), withProbe(t), sandbox.WithCommand(probePath, "say|1|hello", "say|2|complaint", "exit|3"))
	exit, ok := errors.AsType[*sandbox.ExitError](err)
	if string(out) != "hello" || !ok || exit.ExitCode != 3 || string(exit.Stderr) != "complaint" {
		t.Errorf("Output = %q, %v", out, err)
	}
	if !strings.Contains(err.Error(), "exit status 3: complaint") {
		t.Errorf("error %q does not tell status and standard error", err)
	}
}

func TestOutputIsBounded(t *testing.T) {
	testutil.Unchanged(t)
	out, err := sandbox.Output(testContext(t), sandbox.WithCommand("cat", "/dev/zero"))
	if !errors.Is(err, sandbox.ErrOutputLimit) || len(out) != sandbox.MaxOutput {
		t.Errorf("Output of cat /dev/zero: %d bytes, %v", len(out), err)
	}
	if _, err := sandbox.Output(testContext(t), sandbox.WithCommand("true"), sandbox.WithStdout(os.Stderr)); !errors.Is(err, sandbox.ErrInvalidSpec) {
		t.Errorf("Output with WithStdout: %v", err)
	}
}

func TestCommandNotFound(t *testing.T) {
	root := testutil.Root(t, "file bin/plain x", "dir bin/folder", "file bin/script #!/nowhere/interpreter\n", "file bin/text just text\n",
		"file bin/foreign \x7fELF\x02\x01\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x02\x00\x15\x00\x01\x00\x00\x00")
	for _, f := range []string{"script", "text", "foreign"} {
		if err := os.Chmod(filepath.Join(root, "bin", f), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	testutil.Unchanged(t)
	cases := []struct {
		command string
		want    error
		text    string
	}{
		{"nowhere", sandbox.ErrNotFound, "exec nowhere: not found in PATH"},
		{"nowhere", iofs.ErrNotExist, ""},
		{"/bin/nowhere", sandbox.ErrNotFound, "exec /bin/nowhere: not found"},
		{"/bin/probe/x", sandbox.ErrNotFound, ""},
		{"/bin/plain", iofs.ErrPermission, "exec /bin/plain: permission denied"},
		{"plain", iofs.ErrPermission, "exec plain: permission denied"},
		{"/bin/folder", iofs.ErrPermission, ""},
		{"/bin/script", sandbox.ErrNotFound, "the interpreter that it names (/nowhere/interpreter)"},
		{"/bin/text", syscall.ENOEXEC, "neither a program nor a script"},
		{"/bin/foreign", syscall.ENOEXEC, "a program for PPC64"},
	}
	for _, c := range cases {
		res, err := sandbox.Run(testContext(t), sandbox.WithRootfs(root), sandbox.WithName("job"), sandbox.WithCommand(c.command))
		e, ok := errors.AsType[*sandbox.Error](err)
		if res != nil || !errors.Is(err, c.want) || !ok || e.Stage != sandbox.StageExec || !strings.Contains(err.Error(), c.text) {
			t.Errorf("%s: %v, %v; want a start error with %q", c.command, res, err, c.text)
		}
		if !strings.HasPrefix(err.Error(), "start job: exec ") {
			t.Errorf("%s: error %q does not start with operation, name and stage", c.command, err)
		}
	}
}

// TestRealPrograms runs programs of the machine as they are.
func TestRealPrograms(t *testing.T) {
	if testutil.InVM() {
		t.Skip("the virtual machine has no compiler; the native lanes run this")
	}
	testutil.Unchanged(t)
	const source = "#include <stdio.h>\nint main(void) { printf(\"%d\\n\", 6 * 7); return 5; }\n"
	cases := []struct {
		needs  string
		script string
		want   string
		code   int
	}{
		{"sh", "for i in 1 2 3; do echo $i; done | wc -l; exit 4", "3\n", 4},
		{"/usr/bin/python3", "/usr/bin/python3 -c 'import json, os, tempfile; tempfile.TemporaryFile(); print(json.dumps(os.getuid()))'", "0\n", 0},
		{"gcc", "cd /tmp && gcc -O1 -o prog /run/prog.c && ./prog", "42\n", 5},
	}
	for _, c := range cases {
		if _, err := exec.LookPath(c.needs); err != nil {
			testutil.Skip(t, c.needs+" is not installed")
		}
		out, err := sandbox.Output(testContext(t), sandbox.WithMount(fs.File("/run/prog.c", 0, []byte(source))),
			sandbox.WithCommand("sh", "-c", c.script))
		exit, _ := errors.AsType[*sandbox.ExitError](err)
		if string(out) != c.want || (c.code == 0) != (err == nil) || exit != nil && exit.ExitCode != c.code {
			t.Errorf("%s: %q, %v; want %q and exit code %d", c.needs, out, err, c.want, c.code)
		}
	}
}

func TestContextEndsRun(t *testing.T) {
	testutil.Unchanged(t)
	ctx, cancel := context.WithCancel(testContext(t))
	defer cancel()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	defer w.Close()
	go func() { // cancels when the program has spoken
		_, _ = r.Read(make([]byte, 1))
		cancel()
	}()
	res, err := sandbox.Run(ctx, sandbox.WithStdout(w), sandbox.WithCommand("sh", "-c", "trap '' TERM INT; echo; while :; do sleep 100; done"))
	exit, ok := errors.AsType[*sandbox.ExitError](err)
	if !errors.Is(err, context.Canceled) || !ok || exit.Reason != sandbox.ReasonCancelled || res == nil || res.Signal != syscall.SIGKILL {
		t.Errorf("Run = %v, %v", res, err)
	}
	if _, err := sandbox.Run(ctx, sandbox.WithCommand("true")); !errors.Is(err, context.Canceled) {
		t.Errorf("Run with an ended context: %v", err)
	}
}

func TestProtectionsAreListed(t *testing.T) {
	res, err := sandbox.Run(testContext(t), sandbox.WithCommand("true"))
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"user namespace", "namespaces", "seccomp", "no new privileges", "capabilities", "masked paths", "read-only paths", "root"} {
		if !res.Protections.Has(want) {
			t.Errorf("no %q among the protections:\n%s", want, res.Protections)
		}
	}
	if res.Setup <= 0 || res.Duration() < res.Setup {
		t.Errorf("set-up took %v of %v", res.Setup, res.Duration())
	}
}
