package sandbox_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/sandkit/sandkit/internal/testutil"
	"github.com/sandkit/sandkit/sandbox"
)

// TestAttach: everybody who is attached gets what is written from then on, each
// can write, and all see the end.
func TestAttach(t *testing.T) {
	testutil.Unchanged(t)
	for name, c := range map[string]struct {
		opt  sandbox.Option
		want string // of who was there from the start
		last string
	}{
		"terminal": {sandbox.WithTTY(0, 0), "one\none\ntwo\ntwo\n", "\x04"},
		"pipe":     {sandbox.WithOpenStdin(), "one\ntwo\n", ""},
		"logs":     {sandbox.Options(sandbox.WithOpenStdin(), sandbox.WithLogs(sandbox.Logs{Driver: sandbox.LogRing})), "one\ntwo\n", ""},
		"both":     {sandbox.Options(sandbox.WithOpenStdin(), sandbox.WithTTY(0, 0)), "one\none\ntwo\ntwo\n", "\x04"},
	} {
		t.Run(name, func(t *testing.T) {
			out := newScreen()
			s := running(t, sandbox.WithStdout(out), sandbox.WithCommand("cat"), c.opt)
			first, second := newKeyboard(t), newKeyboard(t)
			a := attach(t, s, sandbox.AttachOptions{Stdin: first})
			first.press(t, "one\n")
			for a.screen.await(t, "one"); strings.Count(a.screen.String(), "one") < strings.Count(c.want, "one"); {
				a.screen.await(t, "one\r\none")
			}
			for !strings.HasSuffix(a.screen.String(), "\n") { // the rest of the line
				time.Sleep(time.Millisecond)
			}
			b := attach(t, s, sandbox.AttachOptions{Stdin: second})
			quiet := attach(t, s, sandbox.AttachOptions{Stdout: io.Discard})
			second.press(t, "two\n")
			for _, x := range []*attached{a, b} {
				for x.screen.await(t, "two"); strings.Count(x.screen.String(), "two") < strings.Count(c.want, "two"); {
					x.screen.await(t, "two\r\ntwo")
				}
			}
			quiet.cancel()
			if err := quiet.end(t); !errors.Is(err, context.Canceled) {
				t.Errorf("cancelled: %v", err)
			}
			// Nobody's end is the program's.
			first.to.Close()
			second.press(t, "") // and he can go on
			if err := s.CloseStdin(); err != nil {
				t.Error(err)
			}
			if res, err := s.Wait(testContext(t)); err != nil {
				t.Errorf("%v, %v", res, err)
			}
			for _, x := range []*attached{a, b} {
				if err := x.end(t); err != nil {
					t.Error(err)
				}
			}
			_, later, _ := strings.Cut(c.want, "two")
			if a.screen.String() != c.want || out.String() != c.want || b.screen.String() != "two"+later {
				t.Errorf("%q, %q, all of it %q; want %q", a.screen, b.screen, out, c.want)
			}
			for _, err := range []error{s.Attach(testContext(t), sandbox.AttachOptions{}), s.CloseStdin()} {
				if !errors.Is(err, sandbox.ErrNotRunning) {
					t.Errorf("after the end: %v", err)
				}
			}
		})
	}
}

// TestAttachStreams: the two streams are kept apart, and one need not be taken.
func TestAttachStreams(t *testing.T) {
	testutil.Unchanged(t)
	s := running(t, sandbox.WithOpenStdin(), sandbox.WithCommand("sh", "-c", "read x; echo out; echo err >&2"))
	errOut := newScreen()
	keys, only, ended := newKeyboard(t), newScreen(), make(chan error, 1)
	a := attach(t, s, sandbox.AttachOptions{Stdin: keys, Stderr: errOut})
	go func() { ended <- s.Attach(testContext(t), sandbox.AttachOptions{Stderr: only}) }()
	for sandbox.Attached(s) < 2 {
		time.Sleep(time.Millisecond)
	}
	keys.press(t, "go\n")
	if err := errors.Join(a.end(t), <-ended); err != nil {
		t.Error(err)
	}
	if a.screen.String() != "out\n" || errOut.String() != "err\n" || only.String() != "err\n" {
		t.Errorf("%q, %q, %q", a.screen, errOut, only)
	}
}

// TestAttachDetach: the keys end the attachment and nothing else, and what only looks
// like them arrives.
func TestAttachDetach(t *testing.T) {
	testutil.Unchanged(t)
	for list, typed := range map[string]string{"": "\x10x\x10\x10\x11", "ctrl-a,b": "\x10x\x10\x01b"} {
		seen := newScreen()
		s := running(t, sandbox.WithTTY(0, 0), sandbox.WithCommand("sh", "-c", "stty raw -echo; echo ready; cat"), sandbox.WithStdout(seen))
		seen.await(t, "ready") // only in raw mode does the terminal leave them alone
		keys := newKeyboard(t)
		a := attach(t, s, sandbox.AttachOptions{Stdin: keys, DetachKeys: list})
		keys.press(t, "begin")
		seen.await(t, "begin")
		keys.press(t, typed)
		if err := a.end(t); !errors.Is(err, sandbox.ErrDetached) {
			t.Errorf("%q: %v", list, err)
		}
		none := newKeyboard(t)
		attach(t, s, sandbox.AttachOptions{Stdin: none, DetachKeys: "none"})
		none.press(t, "\x10\x11end")
		seen.await(t, "end")
		if !strings.HasSuffix(seen.String(), "begin\x10x\x10\x10\x11end") {
			t.Errorf("%q: arrived is %q", list, seen)
		}
		if err := s.Kill(); err != nil {
			t.Error(err)
		}
	}
	// Without a terminal, they are bytes like others.
	s := running(t, sandbox.WithOpenStdin(), sandbox.WithCommand("cat"))
	a := attach(t, s, sandbox.AttachOptions{Stdin: strings.NewReader("\x10\x11")})
	a.screen.await(t, "\x10\x11")
}

// stuck is a writer that takes nothing until it is let go.
type stuck struct {
	began, free chan struct{}
	got         bytes.Buffer
	once        bool
}

func (w *stuck) Write(p []byte) (int, error) {
	if !w.once {
		w.once = true
		close(w.began)
		<-w.free
	}
	return w.got.Write(p)
}

// TestAttachSlow: who takes nothing holds nobody up, and is told what he has
// missed, which is the oldest.
func TestAttachSlow(t *testing.T) {
	testutil.Unchanged(t)
	const size = 3 << 20
	s := running(t, sandbox.WithOpenStdin(), sandbox.WithCommand("sh", "-c", "read x; echo first; read x; head -c 3145728 /dev/zero; echo last"))
	keys := newKeyboard(t)
	slow := &stuck{began: make(chan struct{}), free: make(chan struct{})}
	quick, later := attach(t, s, sandbox.AttachOptions{Stdin: keys}), attach(t, s, sandbox.AttachOptions{Stdout: slow})
	keys.press(t, "x\n")
	<-slow.began
	keys.press(t, "x\n")
	if _, err := s.Wait(testContext(t)); err != nil {
		t.Fatal(err)
	}
	close(slow.free)
	if missed, err := int64(0), quick.end(t); err != nil {
		if e, ok := errors.AsType[*sandbox.DroppedError](err); ok { // this machine is slow
			missed = e.Bytes
		}
		if missed == 0 || missed+int64(len(quick.screen.String())) != size+11 {
			t.Errorf("%d bytes, %v", len(quick.screen.String()), err)
		}
	}
	dropped, ok := errors.AsType[*sandbox.DroppedError](later.end(t))
	got := slow.got.String()
	if !ok || dropped.Bytes+int64(len(got)) != size+11 || !strings.HasPrefix(got, "first\n") || !strings.HasSuffix(got, "last\n") || len(got) > 1<<20+100 {
		t.Errorf("%v; %d bytes arrived", dropped, len(got))
	}
}

// TestAttachWriterFails: who cannot take the output is not attached any more.
func TestAttachWriterFails(t *testing.T) {
	testutil.Unchanged(t)
	s := running(t, sandbox.WithOpenStdin(), sandbox.WithCommand("cat"))
	if err := s.Attach(testContext(t), sandbox.AttachOptions{Stdin: strings.NewReader("x"), Stdout: &failingWriter{n: 1 << 20}}); !errors.Is(err, errFull) {
		t.Error(err)
	}
	b := attach(t, s, sandbox.AttachOptions{Stdin: strings.NewReader("y")})
	b.screen.await(t, "y")
}

// TestAttachLogs: first comes what was printed before, each byte once, also of a
// line that has only begun.
func TestAttachLogs(t *testing.T) {
	testutil.Unchanged(t)
	for name, l := range map[string]sandbox.Logs{
		"ring": {Driver: sandbox.LogRing}, "file": {Driver: sandbox.LogJSONFile, Path: t.TempDir() + "/log"},
	} {
		seen := newScreen()
		s := running(t, sandbox.WithOpenStdin(), sandbox.WithStdout(seen), sandbox.WithLogs(l),
			sandbox.WithCommand("sh", "-c", "echo before; printf 'half a '; read x; echo line; read x; echo end"))
		seen.await(t, "half a ")
		a := attach(t, s, sandbox.AttachOptions{Stdin: strings.NewReader("x\nx\n"), Logs: true})
		if err := a.end(t); err != nil || a.screen.String() != "before\nhalf a line\nend\n" {
			t.Errorf("%s: %q, %v", name, a.screen, err)
		}
	}
}

// TestAttachRefused: what cannot be is told.
func TestAttachRefused(t *testing.T) {
	testutil.Unchanged(t)
	null, err := os.OpenFile(os.DevNull, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer null.Close()
	files := alive(t, sandbox.WithStdout(null), sandbox.WithStderr(null))
	half := alive(t, sandbox.WithStdout(newScreen()))
	fresh, err := sandbox.New(sandbox.WithCommand("true"), sandbox.WithTTY(0, 0))
	if err != nil {
		t.Fatal(err)
	}
	defer fresh.Close()
	for _, c := range []struct {
		s    *sandbox.Sandbox
		o    sandbox.AttachOptions
		is   error
		text string
	}{
		{files, sandbox.AttachOptions{}, sandbox.ErrInvalidSpec, "straight to files"},
		{half, sandbox.AttachOptions{Stdin: strings.NewReader("")}, sandbox.ErrInvalidSpec, "WithOpenStdin"},
		{half, sandbox.AttachOptions{Logs: true}, sandbox.ErrNotSupported, "WithLogs"},
		{half, sandbox.AttachOptions{DetachKeys: "ctrl"}, sandbox.ErrInvalidSpec, `"ctrl"`},
		{fresh, sandbox.AttachOptions{}, sandbox.ErrNotRunning, ""},
	} {
		if err := c.s.Attach(testContext(t), c.o); !errors.Is(err, c.is) || !strings.Contains(err.Error(), c.text) {
			t.Errorf("%+v: %v, want %v", c.o, err, c.is)
		}
	}
	if err := half.CloseStdin(); !errors.Is(err, sandbox.ErrInvalidSpec) {
		t.Error(err)
	}
	ctx, cancel := context.WithCancel(testContext(t))
	cancel()
	if err := half.Attach(ctx, sandbox.AttachOptions{}); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

func TestAttachPaused(t *testing.T) {
	testutil.Unchanged(t)
	s := alive(t, sandbox.WithOpenStdin())
	if err := s.Pause(testContext(t)); errors.Is(err, sandbox.ErrNotSupported) {
		t.Skip(err) // where there are no cgroups; other tests say when there must be
	} else if err != nil {
		t.Fatal(err)
	}
	if err := s.Attach(testContext(t), sandbox.AttachOptions{}); !errors.Is(err, sandbox.ErrPaused) {
		t.Error(err)
	}
}
