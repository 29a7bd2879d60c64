package sandbox_test

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/sandkit/sandkit/internal/pty"
	"github.com/sandkit/sandkit/internal/testutil"
	"github.com/sandkit/sandkit/sandbox"
)

// execOnTerminal is onTerminal for a further process.
func execOnTerminal(t *testing.T, s *sandbox.Sandbox, script string, opts ...sandbox.ProcOption) (string, error) {
	t.Helper()
	out := newScreen()
	p, err := s.Exec(testContext(t), append([]sandbox.ProcOption{sandbox.WithTTY(25, 100), sandbox.WithStdout(out), sandbox.WithCommand("sh", "-c", script)}, opts...)...)
	if err != nil {
		return "", err
	}
	_, err = p.Wait(testContext(t))
	return out.String(), err
}

// TestExecTTY: a further process has a terminal of its own, or none.
func TestExecTTY(t *testing.T) {
	testutil.Unchanged(t)
	// Without the console, which is the main process's.
	script := strings.NewReplacer("stat -L -c '%F %t:%T' /dev/console; ", "", "> /dev/console", "", "/dev/pts/0", "$(tty)").Replace(facts)
	lanes(t, func(t *testing.T, lane sandbox.Option) {
		for name, sandboxOpts := range map[string][]sandbox.Option{
			"plain": nil, "mounts": options(sandbox.WithCapabilities("SYS_ADMIN")), "user": options(sandbox.WithUser("1000:1000")),
			"terminal": options(sandbox.WithTTY(1, 1)), "shown": options(sandbox.WithReadOnlyRootfs()),
		} {
			s := alive(t, append(sandboxOpts, lane)...)
			uid, n := "0", 0
			if name == "user" {
				uid = "1000"
			}
			if name == "terminal" {
				n = 1
			}
			want := strings.NewReplacer("character special file 88:0\n", "", "UID", uid, "/dev/pts/0", fmt.Sprint("/dev/pts/", n)).Replace(factsPrinted)
			out, err := execOnTerminal(t, s, "stty -echo; echo ready; "+script, sandbox.WithStdin(strings.NewReader("typed\n")))
			got := strings.TrimPrefix(strings.TrimPrefix(out, "typed\n"), "ready\n")
			if name == "mounts" { // the process's copy of the mounts is not the one that the terminal was opened in
				_, got, _ = strings.Cut(got, "\n25 100\n")
				_, want, _ = strings.Cut(want, "\n25 100\n")
				want = strings.Replace(want, "/dev/pts/0\n/dev/pts/0\n/dev/pts/0\n", strings.Repeat(linkOf(got)+"\n", 3), 1)
			}
			if err != nil || got != want {
				t.Errorf("%s: %v; on the terminal is\n%s\nwant\n%s", name, err, out, want)
			}
			if out, _, err := execOutput(t, s, sandbox.WithCommand("sh", "-c", "tty; echo x > /dev/tty; echo $TERM")); err != nil || !strings.Contains(out, "not a tty") || !strings.Contains(out, "No such device") || !strings.HasSuffix(out, "\n\n") {
				t.Errorf("%s: a process without a terminal: %q, %v", name, out, err)
			}
		}
	})
}

// linkOf is the name that the kernel gives the terminal.
func linkOf(out string) string {
	for line := range strings.Lines(out) {
		if strings.Contains(line, "/") {
			return strings.TrimSpace(line)
		}
	}
	return ""
}

// TestExecTTYUser: the terminal belongs to the process's user.
func TestExecTTYUser(t *testing.T) {
	testutil.Unchanged(t)
	testutil.NeedRoot(t) // an ordinary user may have no other one
	lanes(t, func(t *testing.T, lane sandbox.Option) {
		s := alive(t, lane)
		out, err := execOnTerminal(t, s, `stat -c '%u:%g %a' $(tty); cat < $(tty)`, sandbox.WithUser("12:34"), sandbox.WithStdin(strings.NewReader("x\n")))
		if err != nil || strings.Replace(out, "x\n", "", 1) != "12:5 620\nx\n" {
			t.Errorf("%q, %v", out, err)
		}
	})
}

// TestExecTTYParallel: many terminals at once are kept apart.
func TestExecTTYParallel(t *testing.T) {
	testutil.Unchanged(t)
	s := alive(t)
	const n = 10
	var all sync.WaitGroup
	var mu sync.Mutex
	names := make(map[string]bool)
	var there sync.WaitGroup
	there.Add(n)
	for i := range n {
		all.Go(func() {
			digit, out, keys := fmt.Sprint(i), newScreen(), newKeyboard(t)
			p, err := s.Exec(testContext(t), sandbox.WithTTY(0, 0), sandbox.WithStdin(keys), sandbox.WithStdout(out),
				sandbox.WithCommand("sh", "-c", "stty -echo; tty; read x; head -c 100000 /dev/zero | tr '\\0' "+digit))
			if err == nil {
				out.await(t, "\n")
			}
			there.Done()
			there.Wait() // all of them are there at once
			if err == nil {
				keys.press(t, "go\n")
				_, err = p.Wait(testContext(t))
			}
			name, rest, _ := strings.Cut(out.String(), "\n")
			if err != nil || rest != strings.Repeat(digit, 100000) {
				t.Errorf("%d: %d bytes %.50q, %v", i, len(rest), rest, err)
			}
			mu.Lock()
			defer mu.Unlock()
			names[name] = true
		})
	}
	all.Wait()
	if len(names) != n {
		t.Errorf("%d terminals: %v", len(names), names)
	}
}

// TestExecTTYLeftBehind: what a process leaves behind on its terminal does not
// keep Wait waiting, and is hung up on.
func TestExecTTYLeftBehind(t *testing.T) {
	testutil.Unchanged(t)
	s := alive(t)
	out, err := execOnTerminal(t, s, `sh -c 'trap "echo hung > /tmp/up; exit" HUP; echo $$; echo ready > /tmp/ready; sleep 1000 & wait' & while ! [ -s /tmp/ready ]; do :; done`)
	if err != nil {
		t.Fatal(out, err)
	}
	if out, _, err := execOutput(t, s, sandbox.WithCommand("sh", "-c", "while ! [ -s /tmp/up ]; do sleep 0.01; done; cat /tmp/up")); err != nil || out != "hung\n" {
		t.Errorf("%q, %v", out, err)
	}
}

// TestExecTTYHostile: whatever the programs put in the place of the terminals,
// nothing else is opened.
func TestExecTTYHostile(t *testing.T) {
	testutil.Unchanged(t)
	s := alive(t)
	if out, _, err := execOutput(t, s, sandbox.WithCommand("sh", "-c", "ln -sf null /dev/ptmx")); err != nil {
		t.Fatal(out, err)
	}
	if out, err := execOnTerminal(t, s, "tty"); err != nil || out != "/dev/pts/0\n" {
		t.Errorf("/dev/ptmx is another link: %q, %v", out, err)
	}
	testutil.NeedRoot(t) // who may mount in process 1's mount namespace
	for name, c := range map[string]struct {
		script string
		want   error
	}{
		"removed":     {"umount -l /dev/pts; rmdir /dev/pts", syscall.ENOENT},
		"link":        {"umount -l /dev/pts; rmdir /dev/pts; ln -s /tmp /dev/pts", syscall.ELOOP},
		"parent link": {"mkdir -p /tmp/dev/pts; umount -l /dev; rmdir /dev 2>/dev/null; mount --bind /tmp/dev /dev", pty.ErrNotDevpts},
		"tmpfs":       {"mount -t tmpfs tmpfs /dev/pts; mkfifo /dev/pts/ptmx", pty.ErrNotDevpts},
		"device":      {"mount -t tmpfs tmpfs /dev/pts; mknod /dev/pts/ptmx c 5 2", pty.ErrNotDevpts},
		"over it":     {"touch /tmp/x; mount --bind /tmp/x /dev/pts/ptmx", syscall.EXDEV},
		"empty":       {"umount -l /dev/pts", pty.ErrNotDevpts},
	} {
		s := alive(t, sandbox.WithHostUsers(), sandbox.WithCapabilities("SYS_ADMIN", "MKNOD"))
		if out, _, err := execOutput(t, s, sandbox.WithCommand("sh", "-c", c.script)); err != nil {
			t.Fatal(name, out, err)
		}
		p, err := s.Exec(testContext(t), sandbox.WithTTY(0, 0), sandbox.WithCommand("tty"))
		if p != nil || !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
		if out, _, err := execOutput(t, s, sandbox.WithCommand("/bin/echo", "fine")); err != nil || out != "fine\n" {
			t.Errorf("%s: without a terminal: %q, %v", name, out, err)
		}
	}
}
