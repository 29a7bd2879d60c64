package launch

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"

	"github.com/sandkit/sandkit/internal/program"
	"github.com/sandkit/sandkit/internal/sys"
)

// plain is a Program with no more than a PID namespace: the main process
// executes a command of the host.
func plain(command ...string) *program.Program {
	return plainUntil(func(*program.Sequence) {}, command...)
}

// plainUntil is plain with more steps before the main process may go on.
func plainUntil(more func(q *program.Sequence), command ...string) *program.Program {
	p := common(more)
	p.Init.Stay()
	p.Main.Execve(command[0], command, []string{"A=b"})
	return p
}

// common is what Programs begin with.
func common(more func(q *program.Sequence)) *program.Program {
	p := program.New()
	p.CloneFlags = sys.CLONE_NEWPID
	if os.Geteuid() != 0 {
		p.CloneFlags = 0
		p.Init.Unshare(sys.CLONE_NEWUSER)
		p.Init.Fork(sys.CLONE_NEWPID)
	}
	for _, name := range []string{"stdin", "stdout", "stderr"} {
		p.PassMain(name)
	}
	p.Init.Stage("test", "init")
	p.Init.Spawn(0)
	p.Main.Stage("test", "main")
	p.Main.CloseFrom(1)
	p.Cut()
	more(p.Init)
	released := p.NewWord()
	p.Init.Post(released)
	p.Main.TakeFiles()
	p.Main.Await(released)
	p.Main.DefaultSignals()
	return p
}

func stdio(t *testing.T) (files []*os.File, out func() string) {
	t.Helper()
	null, err := os.OpenFile(os.DevNull, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	f, err := os.CreateTemp(t.TempDir(), "out")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		null.Close()
		f.Close()
	})
	return []*os.File{null, f, f}, func() string {
		b, err := os.ReadFile(f.Name())
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
}

func TestStartAndWait(t *testing.T) {
	files, out := stdio(t)
	for range 5 { // the later ones by parked launchers
		p, err := Start(t.Context(), plain("/bin/sh", "-c", "echo $A $$; exit 3"), Options{MainFiles: files, Park: true})
		if err != nil {
			t.Fatal(err)
		}
		s, err := p.Wait()
		if err != nil || !s.Known || s.Wait.ExitStatus() != 3 || s.Usage == nil {
			t.Errorf("status %+v, %v", s, err)
		}
	}
	Trim()
	if n := strings.Count(out(), "b "); n != 5 {
		t.Errorf("output %q", out())
	}
}

func TestStepError(t *testing.T) {
	files, _ := stdio(t)
	p := plain("/bin/true")
	n := p.Find("STAY")
	p.Break(n)
	_, err := Start(t.Context(), p, Options{MainFiles: files})
	var step *StepError
	if !errors.As(err, &step) || step.Step != n || step.Call != "STAY" || step.Path != "init" || !errors.Is(err, syscall.ENOSYS) {
		t.Errorf("%v", err)
	}
	if want := "test init: STAY: function not implemented"; err.Error() != want {
		t.Errorf("error %q, want %q", err, want)
	}
	_, err = Start(t.Context(), plain("/nowhere"), Options{MainFiles: files})
	if !errors.Is(err, syscall.ENOENT) || !errors.As(err, &step) || step.Path != "main" || step.Call != "execve" {
		t.Errorf("%v", err)
	}
}

func TestWrongFiles(t *testing.T) {
	if _, err := Start(t.Context(), plain("/bin/true"), Options{}); err == nil || !strings.Contains(err.Error(), "BUG") {
		t.Errorf("a program without its files: %v", err)
	}
}

// TestLargeProgram: more than a socket takes at once.
func TestLargeProgram(t *testing.T) {
	files, _ := stdio(t)
	dir := t.TempDir()
	want := strings.Repeat("0123456789abcdef", 500000)
	if err := os.WriteFile(filepath.Join(dir, "want"), []byte(want), 0o600); err != nil {
		t.Fatal(err)
	}
	q := plainUntil(func(q *program.Sequence) {
		f := q.Openat(program.Cwd, filepath.Join(dir, "copy"), sys.O_WRONLY|sys.O_CREAT, 0o600)
		q.Write(f, want)
		q.Close(f)
	}, "/usr/bin/cmp", filepath.Join(dir, "copy"), filepath.Join(dir, "want"))
	proc, err := Start(t.Context(), q, Options{MainFiles: files})
	if err != nil {
		t.Fatal(err)
	}
	if s, err := proc.Wait(); err != nil || s.Wait != 0 {
		t.Errorf("%+v, %v", s, err)
	}
}

func TestStartIsCancelled(t *testing.T) {
	files, _ := stdio(t)
	ctx, cancel := context.WithCancel(t.Context())
	p := plain("/bin/true")
	p.Stall(p.Find("SPAWN"), patience)
	p.Stall(p.Find("STAY"), 0)
	go cancel()
	if _, err := Start(ctx, p, Options{MainFiles: files}); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
}

const patience = 1 << 36 // about a minute

// TestArm64Launcher executes a Program with the launcher for arm64, under
// emulation: one of the launcher's own operations, as the numbers of system
// calls in a Program are those of the machine that made it.
func TestArm64Launcher(t *testing.T) {
	const emulator = "qemu-aarch64-static"
	path, err := exec.LookPath(emulator)
	if err != nil {
		skip(t, emulator+" is not installed")
	}
	if runtime.GOARCH != "amd64" {
		t.Skip("the other tests run this launcher natively")
	}
	dir := t.TempDir()
	code, err := os.ReadFile("launcher_arm64.elf")
	if err != nil {
		t.Fatal(err)
	}
	elf := filepath.Join(dir, "launcher")
	if err := os.WriteFile(elf, code, 0o700); err != nil {
		t.Fatal(err)
	}
	p := program.New()
	p.Init.Stage("test", dir)
	p.Init.HostAlive()
	p.Init.DropBounding(1<<64 - 1) // nothing to drop
	p.Init.Await(posted(p))
	p.Init.ExecveAny(nil, nil, nil) // reports that there is none
	parts, err := p.Encode()
	if err != nil {
		t.Fatal(err)
	}
	local, remote, err := sys.SocketPair()
	if err != nil {
		t.Fatal(err)
	}
	control, end := local.File("control"), remote.File("launcher")
	defer control.Close()
	var out outbox
	if err := out.addPart(parts[0], nil, nil); err != nil {
		t.Fatal(err)
	}
	if err := out.send(control, true); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(path, elf)
	cmd.Stdin = end
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	end.Close()
	m, err := readMessage(control)
	if want := (message{msgFailed, 4, uint64(syscall.ENOENT)}); err != nil || m != want {
		t.Errorf("message %+v, %v; want %+v", m, err, want)
	}
	if err := cmd.Wait(); err == nil || cmd.ProcessState.ExitCode() != 120 {
		t.Errorf("the launcher ended with %v, want its code for a failed step", err)
	}
}

// posted gives a word that is posted by the Program itself.
func posted(p *program.Program) program.Word {
	w := p.NewWord()
	p.Init.Post(w)
	return w
}
