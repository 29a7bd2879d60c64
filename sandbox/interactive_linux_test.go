package sandbox_test

import (
	"context"
	"errors"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"testing"

	"github.com/sandkit/sandkit/internal/pty"
	"github.com/sandkit/sandkit/internal/testutil"
	"github.com/sandkit/sandkit/sandbox"
)

// desk is a terminal with somebody in front of it.
type desk struct {
	*screen
	keys, tty *os.File
}

func newDesk(t *testing.T, rows, cols uint16) *desk {
	t.Helper()
	master, slave, err := pty.Open()
	if err != nil {
		t.Fatal(err)
	}
	if err := pty.SetSize(master, rows, cols); err != nil {
		t.Fatal(err)
	}
	d := &desk{newScreen(), master, slave}
	seen := make(chan struct{})
	go func() {
		defer close(seen)
		_, _ = io.Copy(d.screen, struct{ io.Reader }{master}) // until EIO
	}()
	t.Cleanup(func() {
		slave.Close()
		<-seen
		master.Close()
	})
	return d
}

func (d *desk) press(t *testing.T, text string) {
	t.Helper()
	if _, err := d.keys.WriteString(text); err != nil {
		t.Fatal(err)
	}
}

// isRaw tells whether the terminal hands on each byte.
func (d *desk) isRaw(t *testing.T) bool {
	t.Helper()
	eof, err := pty.EndOfInput(d.keys, true) // twice, where lines are collected
	if err != nil {
		t.Fatal(err)
	}
	return len(eof) == 1
}

// signalLoop starts the runtime's goroutine for signals, which stays.
func signalLoop() {
	c := make(chan os.Signal, 1)
	signal.Notify(c, syscall.SIGUSR1)
	signal.Stop(c)
}

type ending struct {
	res *sandbox.Result
	err error
}

func interact(t *testing.T, s *sandbox.Sandbox, in, out *os.File, opts ...sandbox.InteractiveOption) <-chan ending {
	t.Helper()
	ended := make(chan ending, 1)
	ctx := testContext(t)
	go func() {
		res, err := sandbox.InteractiveFiles(ctx, s, in, out, out, opts...)
		ended <- ending{res, err}
	}()
	return ended
}

func unstarted(t *testing.T, opts ...sandbox.Option) *sandbox.Sandbox {
	t.Helper()
	s, err := sandbox.New(opts...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// TestInteractive: what is typed arrives, the size is followed, signals are
// forwarded, and the terminal is as before in the end.
func TestInteractive(t *testing.T) {
	signalLoop()
	testutil.Unchanged(t)
	d := newDesk(t, 33, 44)
	s := unstarted(t, sandbox.WithTTY(0, 0), sandbox.WithCommand("sh", "-c", `echo first
		trap 'w=w; echo size $(stty size)' WINCH; trap 'h=h; echo hup' HUP; trap 'i=i; echo interrupt' INT
		until test "$(stty size)" = "33 44"; do sleep 0.01; done; echo begin
		until test "$w$h$i" = whi; do sleep 0.01; done; stty -echo; read x; echo got $x; exit 3`))
	ended := interact(t, s, d.tty, d.tty)
	d.await(t, "begin")
	if !d.isRaw(t) {
		t.Error("the terminal collects lines")
	}
	if err := pty.SetSize(d.keys, 55, 66); err != nil {
		t.Fatal(err)
	}
	// It is nobody's controlling terminal, so that nobody was told.
	if err := syscall.Kill(os.Getpid(), syscall.SIGWINCH); err != nil {
		t.Fatal(err)
	}
	d.await(t, "size 55 66")
	if err := syscall.Kill(os.Getpid(), syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	d.await(t, "hup")
	d.press(t, "\x03")
	d.await(t, "interrupt")
	d.press(t, "hello\r")
	end := <-ended
	if end.res == nil || end.res.ExitCode != 3 || end.err == nil {
		t.Errorf("%v, %v", end.res, end.err)
	}
	d.await(t, "got hello")
	if !strings.HasPrefix(d.String(), "first\n") {
		t.Errorf("something was missed: %q", d)
	}
	if d.isRaw(t) {
		t.Error("the terminal does not collect lines any more")
	}
}

// TestInteractiveDetach: the keys end it, the sandbox goes on, nothing of what is
// typed afterwards is taken, and one can come back.
func TestInteractiveDetach(t *testing.T) {
	signalLoop()
	testutil.Unchanged(t)
	d := newDesk(t, 24, 80)
	s := running(t, sandbox.WithTTY(0, 0), sandbox.WithCommand("cat"))
	ended := interact(t, s, d.tty, d.tty, sandbox.DetachKeys("ctrl-x,q"))
	for before := sandbox.Attached(s); before == 0 || !d.isRaw(t); before = sandbox.Attached(s) {
		select {
		case end := <-ended:
			t.Fatal(end)
		default:
		}
	}
	d.press(t, "one\r\x18q")
	if end := <-ended; !errors.Is(end.err, sandbox.ErrDetached) || end.res != nil {
		t.Errorf("%+v", end)
	}
	if d.isRaw(t) {
		t.Error("the terminal does not collect lines any more")
	}
	d.press(t, "for another\n")
	buf := make([]byte, 100)
	if n, err := d.tty.Read(buf); err != nil || string(buf[:n]) != "for another\n" {
		t.Errorf("%q, %v", buf[:n], err)
	}
	ended = interact(t, s, d.tty, d.tty)
	for !d.isRaw(t) {
		select {
		case end := <-ended:
			t.Fatal(end)
		default:
		}
	}
	d.press(t, "\x04") // typed into the program's terminal
	if end := <-ended; end.err != nil || end.res.ExitCode != 0 {
		t.Errorf("%+v", end)
	}
}

// TestInteractiveFiles: without a terminal here, or inside, it is a copy until the
// input ends.
func TestInteractiveFiles(t *testing.T) {
	signalLoop()
	testutil.Unchanged(t)
	dir := t.TempDir()
	for name, c := range map[string]struct {
		opt  sandbox.Option
		want string
	}{
		"terminal": {sandbox.WithTTY(0, 0), "text\r\ntext\r\n"},
		"pipe":     {sandbox.WithOpenStdin(), "text\n"},
	} {
		in, out := dir+"/in", dir+"/"+name
		if err := os.WriteFile(in, []byte("text\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		from, err := os.Open(in)
		if err != nil {
			t.Fatal(err)
		}
		to, err := os.OpenFile(out, os.O_WRONLY|os.O_CREATE, 0o600)
		if err != nil {
			t.Fatal(err)
		}
		end := <-interact(t, unstarted(t, c.opt, sandbox.WithCommand("cat")), from, to)
		from.Close()
		to.Close()
		if b, err := os.ReadFile(out); err != nil || end.err != nil || string(b) != c.want {
			t.Errorf("%s: %q, %+v, %v", name, b, end, err)
		}
	}
	s := unstarted(t, sandbox.WithCommand("true"))
	if _, err := sandbox.Interactive(testContext(t), s); !errors.Is(err, sandbox.ErrInvalidSpec) {
		t.Errorf("nothing to see: %v", err)
	}
	if _, err := s.Wait(expired()); !errors.Is(err, context.Canceled) {
		t.Errorf("it was started: %v", err)
	}
	missing := unstarted(t, sandbox.WithTTY(0, 0), sandbox.WithCommand("no-such-command"))
	if _, err := sandbox.Interactive(testContext(t), missing); !errors.Is(err, sandbox.ErrNotFound) {
		t.Errorf("no such command: %v", err)
	}
}

func expired() context.Context {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	return ctx
}

// TestForwardSignals: signals arrive until stop, or the end of the context.
func TestForwardSignals(t *testing.T) {
	signalLoop()
	testutil.Unchanged(t)
	out := newScreen()
	s := running(t, sandbox.WithStdout(out), sandbox.WithCommand("sh", "-c", `trap 'echo one' USR1; trap 'echo two; exit 0' USR2; echo ready; while :; do sleep 1000 & wait $!; done`))
	out.await(t, "ready")
	stop := sandbox.ForwardSignals(testContext(t), s)
	defer stop()
	for _, c := range []struct {
		sig  syscall.Signal
		text string
	}{{syscall.SIGUSR1, "one"}, {syscall.SIGUSR2, "two"}} {
		if err := syscall.Kill(os.Getpid(), c.sig); err != nil {
			t.Fatal(err)
		}
		out.await(t, c.text)
	}
	if _, err := s.Wait(testContext(t)); err != nil {
		t.Error(err)
	}
	stop()
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	sandbox.ForwardSignals(ctx, s)()
}
