package sandbox_test

import (
	"errors"
	"os"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/sandkit/sandkit/fs"
	"github.com/sandkit/sandkit/internal/testutil"
	"github.com/sandkit/sandkit/sandbox"
	"github.com/sandkit/sandkit/sandbox/seccomp"
)

// facts prints what a terminal is like, a line each.
const facts = `tty; stty size; echo $TERM; stat -L -c '%F %t:%T' /dev/console; cat < /dev/tty > /dev/console
for i in 0 1 2; do readlink /proc/self/fd/$i; done; stat -L -c '%u %a' /dev/pts/0; read x x x x x sid ttynr pgrp x < /proc/self/stat; test $pgrp -gt 0 && echo foreground`

const factsPrinted = "/dev/pts/0\n25 100\nxterm\ncharacter special file 88:0\ntyped\n" +
	"/dev/pts/0\n/dev/pts/0\n/dev/pts/0\nUID 620\nforeground\n"

// onTerminal runs a script with a terminal, and gives what is seen there.
func onTerminal(t *testing.T, script string, opts ...sandbox.Option) (string, *sandbox.Result, error) {
	t.Helper()
	out := newScreen()
	res, err := sandbox.Run(testContext(t), sandbox.WithTTY(25, 100), sandbox.WithStdout(out), sandbox.WithCommand("sh", "-c", script), sandbox.Options(opts...))
	return out.String(), res, err
}

// TestTTY: the terminal is the standard streams, the controlling terminal and the
// console, it has a name, a size and an owner.
func TestTTY(t *testing.T) {
	testutil.Unchanged(t)
	before := controllingTerminal(t)
	for name, c := range map[string]struct {
		uid  string
		opts []sandbox.Option
	}{
		"default":   {"0", nil},
		"user":      {"1000", options(sandbox.WithUser("1000:1000"))},
		"mounts":    {"0", options(sandbox.WithCapabilities("SYS_ADMIN"))},
		"strict":    {"0", options(sandbox.WithSeccomp(seccomp.Strict()))},
		"no filter": {"0", options(sandbox.WithSeccomp(seccomp.Unconfined()))},
		"logs":      {"0", options(sandbox.WithLogs(sandbox.Logs{Driver: sandbox.LogRing}))},
		"shown":     {"0", options(sandbox.WithReadOnlyRootfs())},
	} {
		t.Run(name, func(t *testing.T) {
			lanes(t, func(t *testing.T, lane sandbox.Option) {
				in := strings.NewReader("typed\n")
				out, _, err := onTerminal(t, "stty -echo; echo ready; "+facts, append(c.opts, lane, sandbox.WithStdin(in))...)
				// What was typed before the echo was off is seen twice.
				got := strings.TrimPrefix(strings.TrimPrefix(out, "typed\n"), "ready\n")
				if want := strings.Replace(factsPrinted, "UID", c.uid, 1); err != nil || got != want {
					t.Errorf("%v; on the terminal is\n%s\nwant\n%s", err, out, want)
				}
			})
		})
	}
	if after := controllingTerminal(t); after != before {
		t.Errorf("the controlling terminal of this program is %s, it was %s", after, before)
	}
}

// controllingTerminal is that of this program.
func controllingTerminal(t *testing.T) string {
	t.Helper()
	b, err := os.ReadFile("/proc/self/stat")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(b), ") ")
	return strings.Fields(rest)[4]
}

func TestTTYSize(t *testing.T) {
	for _, c := range []struct {
		rows, cols uint16
		want       string
	}{{0, 0, "24 80\n"}, {7, 0, "7 80\n"}, {9999, 8888, "9999 8888\n"}} {
		out := newScreen()
		if _, err := sandbox.Run(testContext(t), sandbox.WithTTY(c.rows, c.cols), sandbox.WithStdout(out), sandbox.WithCommand("stty", "size")); err != nil || out.String() != c.want {
			t.Errorf("%d, %d: %q, %v", c.rows, c.cols, out, err)
		}
	}
}

// TestTTYTerm: TERM can be given.
func TestTTYTerm(t *testing.T) {
	if out, _, err := onTerminal(t, "echo $TERM", sandbox.WithEnv("TERM=dumb")); err != nil || out != "dumb\n" {
		t.Errorf("%q, %v", out, err)
	}
	if out, err := sandbox.Output(testContext(t), sandbox.WithTTY(0, 0), sandbox.WithCommand("sh", "-c", "echo $TERM >&2")); err != nil || string(out) != "xterm\r\n" {
		t.Errorf("Output gives %q, %v", out, err)
	}
	both, err := func() ([]byte, error) {
		c := sandbox.Command(testContext(t), "sh", "-c", "tty; tty >&2")
		c.Options = []sandbox.Option{sandbox.WithTTY(0, 0)}
		return c.CombinedOutput()
	}()
	if err != nil || string(both) != "/dev/pts/0\r\n/dev/pts/0\r\n" {
		t.Errorf("CombinedOutput gives %q, %v", both, err)
	}
}

// TestTTYSignals: keys send signals to the foreground, and only there. That a
// program is there is seen by what it copies, as there is no echo.
func TestTTYSignals(t *testing.T) {
	testutil.Unchanged(t)
	start := func(t *testing.T, script string, opts ...sandbox.Option) (s *sandbox.Sandbox, out *screen, press func(text, key string)) {
		keys, out := newKeyboard(t), newScreen()
		s = running(t, sandbox.WithTTY(0, 0), sandbox.WithStdin(keys), sandbox.WithStdout(out),
			sandbox.WithCommand("sh", "-c", "stty -echo; echo begin; "+script), sandbox.Options(opts...))
		out.await(t, "begin\r\n")
		return s, out, func(text, key string) {
			keys.press(t, text+"\n")
			out.await(t, text+"\r\n")
			keys.press(t, key)
		}
	}
	lanes(t, func(t *testing.T, lane sandbox.Option) {
		// With job control, Ctrl-C ends the command (of which the shell tells itself,
		// as if it had got the signal) and Ctrl-Z stops it; the
		// one in the background gets neither.
		s, out, press := start(t, `set -m; trap : INT; sleep 1000 & background=$!
			cat; echo status $?
			cat; echo status $?
			cat; kill -0 $background && echo alive`, lane)
		press("one", "\x1a")
		out.await(t, "status 148\r\n")
		press("two", "\x03")
		out.await(t, "status 130\r\n")
		press("three", "\x04")
		if res, err := s.Wait(testContext(t)); err != nil || !strings.HasSuffix(out.String(), "three\nalive\n") {
			t.Errorf("%v, %v: %s", res, err, out)
		}
	})
	// Without, it is the program as well.
	s, out, press := start(t, "cat; echo not reached")
	press("one", "\x03")
	if res, err := s.Wait(testContext(t)); res == nil || err == nil || res.Signal != syscall.SIGINT || res.Reason != sandbox.ReasonSignaled {
		t.Errorf("%v, %v: %q", res, err, out)
	}
}

// TestResize: the program is told, and sees the new size.
func TestResize(t *testing.T) {
	testutil.Unchanged(t)
	const script = `trap 'stty size; exit 0' WINCH; stty size; sleep 1000 & wait`
	out, more := newScreen(), newScreen()
	s := running(t, sandbox.WithTTY(10, 20), sandbox.WithStdout(out), sandbox.WithCommand("sh", "-c", script))
	out.await(t, "10 20\r\n")
	p, err := s.Exec(testContext(t), sandbox.WithTTY(3, 4), sandbox.WithStdout(more), sandbox.WithCommand("sh", "-c", script))
	if err != nil {
		t.Fatal(err)
	}
	more.await(t, "3 4\r\n")
	plain, err := s.Exec(testContext(t), sandbox.WithCommand("sleep", "1000"))
	if err != nil {
		t.Fatal(err)
	}
	if err := plain.Resize(1, 1); !errors.Is(err, sandbox.ErrInvalidSpec) || !strings.Contains(err.Error(), "no terminal") {
		t.Errorf("no terminal: %v", err)
	}
	if err := errors.Join(s.Resize(0, 0), p.Resize(0, 0), p.Resize(5, 6)); err != nil {
		t.Fatal(err)
	}
	if _, err := p.Wait(testContext(t)); err != nil || more.String() != "3 4\n5 6\n" {
		t.Errorf("further process: %q, %v", more, err)
	}
	if err := s.Resize(30, 40); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Wait(testContext(t)); err != nil || out.String() != "10 20\n30 40\n" {
		t.Errorf("%q, %v", out, err)
	}
	for _, err := range []error{s.Resize(1, 1), p.Resize(1, 1)} {
		if !errors.Is(err, sandbox.ErrNotRunning) {
			t.Errorf("after the end: %v", err)
		}
	}
	if err := alive(t).Resize(1, 1); !errors.Is(err, sandbox.ErrInvalidSpec) {
		t.Errorf("no terminal: %v", err)
	}
}

// TestTTYInput: a reader is typed in, and its end is seen, also in the middle of a
// line; what is said to go on does.
func TestTTYInput(t *testing.T) {
	testutil.Unchanged(t)
	file, err := os.CreateTemp(t.TempDir(), "")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	for _, text := range []string{"", "a\n", "a\nb", "\n", strings.Repeat("a line of some length\n", 3000)} {
		if err := errors.Join(file.Truncate(0), os.WriteFile(file.Name(), []byte(text), 0o600)); err != nil {
			t.Fatal(err)
		}
		if _, err := file.Seek(0, 0); err != nil {
			t.Fatal(err)
		}
		for name, opt := range map[string]sandbox.Option{"reader": sandbox.WithStdin(strings.NewReader(text)), "file": sandbox.WithStdin(file)} {
			out, _, err := onTerminal(t, "cat | wc -c", opt)
			if fields := strings.Fields(out); err != nil || fields[len(fields)-1] != strconv.Itoa(len(text)) && !strings.HasSuffix(strings.TrimSpace(out), strconv.Itoa(len(text))) {
				t.Errorf("%s: %d bytes: %.80q, %v", name, len(text), out, err)
			}
		}
	}
}

// TestTTYOutput: all of it is there when Wait has returned.
func TestTTYOutput(t *testing.T) {
	testutil.Unchanged(t)
	const size = 1 << 20
	script := "head -c " + strconv.Itoa(size) + " /dev/zero | tr '\\0' x"
	for name, opt := range map[string]sandbox.Option{"plain": sandbox.Options(), "logs": sandbox.WithLogs(sandbox.Logs{Driver: sandbox.LogRing, RingBytes: 4 << 20})} {
		if out, _, err := onTerminal(t, script, opt); err != nil || len(out) != size || strings.Trim(out, "x") != "" {
			t.Errorf("%s: %d bytes, %v", name, len(out), err)
		}
	}
	s := running(t, sandbox.WithTTY(0, 0), sandbox.WithLogs(sandbox.Logs{Driver: sandbox.LogRing, RingBytes: 4 << 20}), sandbox.WithCommand("sh", "-c", "echo out; echo err >&2"))
	if _, err := s.Wait(testContext(t)); err != nil {
		t.Fatal(err)
	}
	var lines []string
	for e, err := range s.Logs(testContext(t), sandbox.LogOptions{Tail: -1}) {
		if err != nil {
			t.Fatal(err)
		}
		lines = append(lines, string(e.Stream)+" "+string(e.Line))
	}
	if got := strings.Join(lines, ""); got != "stdout out\r\nstdout err\r\n" {
		t.Errorf("logged: %q", got)
	}
}

// TestTTYReopened: that nobody has the terminal open for a while is not its end.
func TestTTYReopened(t *testing.T) {
	testutil.Unchanged(t)
	for name, opt := range map[string]sandbox.Option{"plain": sandbox.Options(), "logs": sandbox.WithLogs(sandbox.Logs{Driver: sandbox.LogRing})} {
		out, _, err := onTerminal(t, "echo one; exec <&- >&- 2>&-; sleep 0.1; echo two > /dev/tty; sleep 0.1; echo three > /dev/console; exec <>/dev/tty >&0; stty size", opt)
		if err != nil || out != "one\ntwo\nthree\n25 100\n" {
			t.Errorf("%s: %q, %v", name, out, err)
		}
	}
}

// TestTTYInvalid: what a terminal does not go with is told before anything is
// done.
func TestTTYInvalid(t *testing.T) {
	for want, opt := range map[string]sandbox.Option{
		"WithStderr: a terminal has one stream": sandbox.WithStderr(newScreen()),
		`a mount at "/dev/pts/" hides`:          sandbox.WithMount(fs.Tmpfs("/dev/pts/", 0)),
		`a mount at "/dev/console" hides`:       sandbox.WithMount(fs.Tmpfs("/dev/console", 0)),
	} {
		if _, err := sandbox.New(sandbox.WithTTY(0, 0), sandbox.WithCommand("true"), opt); !errors.Is(err, sandbox.ErrInvalidSpec) || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
	both := newScreen()
	if _, err := sandbox.New(sandbox.WithTTY(0, 0), sandbox.WithCommand("true"), sandbox.WithStdout(both), sandbox.WithStderr(both)); err != nil {
		t.Error(err)
	}
	for _, opt := range []sandbox.Option{sandbox.WithTTY(0, 0), sandbox.WithOpenStdin()} {
		if _, err := sandbox.New(sandbox.WithIdle(), opt); !errors.Is(err, sandbox.ErrInvalidSpec) || !strings.Contains(err.Error(), "WithIdle") {
			t.Errorf("idle: %v", err)
		}
	}
}
