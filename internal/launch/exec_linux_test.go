package launch

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

	"github.com/sandkit/sandkit/internal/program"
)

// further is a Program for another process of a sandbox, with so many files.
func further(files int, command ...string) *program.Program {
	p := program.New()
	for i := range files {
		p.PassMain(fmt.Sprint("file", i))
	}
	p.Main.Stage("test", "further")
	p.Main.Setsid()
	p.Main.DefaultSignals()
	p.Main.Execve(command[0], command, []string{"C=d"})
	return p
}

// idle is a sandbox that does nothing until it is ended.
func idle(t *testing.T) *Process { t.Helper(); return alive(t, plain("/bin/sleep", "1000")) }

// alive is a sandbox that lives until the test ends.
func alive(t *testing.T, prog *program.Program) *Process {
	t.Helper()
	files, _ := stdio(t)
	p, err := Start(t.Context(), prog, Options{MainFiles: files})
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		if _, err := p.Wait(); err != nil {
			t.Error(err)
		}
	}()
	t.Cleanup(func() {
		_ = p.Kill()
		<-ended
	})
	return p
}

// TestExec: one process after the other, and many at once, in the same PID
// namespace; each tells how it ended.
func TestExec(t *testing.T) {
	p := idle(t)
	var group sync.WaitGroup
	for i := range 40 {
		group.Go(func() {
			files, out := stdio(t)
			c, err := p.Exec(t.Context(), further(len(files), "/bin/sh", "-c", fmt.Sprintf("echo $C $PPID; ls /proc/self/fd | wc -l; exit %d", i)), files)
			if err != nil {
				t.Error(err)
				return
			}
			<-c.Ended()
			s := c.Status()
			// ls has the directory open.
			if got := strings.Fields(out()); !s.Known || s.Wait.ExitStatus() != i || s.Usage == nil || strings.Join(got, " ") != "d 1 4" {
				t.Errorf("%+v, %q", s, got)
			}
			if err := c.Signal(syscall.SIGTERM); !errors.Is(err, os.ErrProcessDone) {
				t.Errorf("signal after the end: %v", err)
			}
		})
	}
	group.Wait()
}

// TestExecFails: what fails before the execution is told with step and errno, and
// the sandbox goes on.
func TestExecFails(t *testing.T) {
	p := idle(t)
	files, _ := stdio(t)
	for range 3 {
		_, err := p.Exec(t.Context(), further(3, "/no/such/program"), files)
		var step *StepError
		if !errors.As(err, &step) || step.Stage != "test" || step.Call != "execve" || !errors.Is(err, syscall.ENOENT) {
			t.Fatalf("%v, want ENOENT of execve", err)
		}
	}
	c, err := p.Exec(t.Context(), further(3, "/bin/true"), files)
	if err != nil {
		t.Fatal(err)
	}
	<-c.Ended()
	if s := c.Status(); !s.Known || s.Wait.ExitStatus() != 0 {
		t.Errorf("%+v", s)
	}
}

// TestExecFiles: more files than fit into one message, in their order.
func TestExecFiles(t *testing.T) {
	p := idle(t)
	const count = maxFiles + 7
	files, out := stdio(t)
	for i := range count {
		r, w, err := os.Pipe()
		if err != nil {
			t.Fatal(err)
		}
		defer r.Close()
		if _, err := fmt.Fprintln(w, i); err != nil {
			t.Fatal(err)
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		files = append(files, r)
	}
	script := fmt.Sprintf("i=3; while [ $i -lt %d ]; do cat /proc/self/fd/$i || exit 1; i=$((i+1)); done", count+3)
	c, err := p.Exec(t.Context(), further(len(files), "/bin/sh", "-c", script), files)
	if err != nil {
		t.Fatal(err)
	}
	<-c.Ended()
	var want strings.Builder
	for i := range count {
		fmt.Fprintln(&want, i)
	}
	if got := out(); got != want.String() || c.Status().Wait != 0 {
		t.Errorf("%v, %q", c.Status(), got)
	}
}

// TestExecSignal: a signal reaches that process and no other; its number outside
// is found.
func TestExecSignal(t *testing.T) {
	p := idle(t)
	files, _ := stdio(t)
	one, err := p.Exec(t.Context(), further(3, "/bin/sleep", "1000"), files)
	if err != nil {
		t.Fatal(err)
	}
	other, err := p.Exec(t.Context(), further(3, "/bin/sleep", "2000"), files)
	if err != nil {
		t.Fatal(err)
	}
	pid, err := one.PID()
	if err != nil {
		t.Fatal(err)
	}
	if cmdline, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid)); err != nil || string(cmdline) != "/bin/sleep\x001000\x00" {
		t.Errorf("%q, %v", cmdline, err)
	}
	if err := one.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	<-one.Ended()
	if s := one.Status(); s.Wait.Signal() != syscall.SIGTERM {
		t.Errorf("%+v", s)
	}
	select {
	case <-other.Ended():
		t.Error("the other one ended, too")
	default:
	}
	if err := p.Kill(); err != nil {
		t.Fatal(err)
	}
	<-other.Ended()
	if s := other.Status(); s.Known {
		t.Errorf("%+v, want unknown", s)
	}
	if _, err := p.Exec(t.Context(), further(3, "/bin/true"), files); !errors.Is(err, os.ErrProcessDone) {
		t.Errorf("exec after the end: %v", err)
	}
}

// TestExecCancelled: when ctx ends before process 1 answers, the process is
// killed later, and the next one has its turn.
func TestExecCancelled(t *testing.T) {
	p := idle(t)
	files, _ := stdio(t)
	if err := syscall.Kill(p.PID(), syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	for range 2 { // the first one waits for the answer, the second one for its turn
		ctx, cancel := context.WithCancel(t.Context())
		answer := make(chan error)
		go func() {
			_, err := p.Exec(ctx, further(3, "/bin/sleep", "1000"), []*os.File{files[0], w, w})
			answer <- err
		}()
		cancel()
		if err := <-answer; !errors.Is(err, context.Canceled) {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Kill(p.PID(), syscall.SIGCONT); err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadAll(r); err != nil { // until it is killed
		t.Fatal(err)
	}
	c, err := p.Exec(t.Context(), further(3, "/bin/true"), files)
	if err != nil {
		t.Fatal(err)
	}
	<-c.Ended()
}
