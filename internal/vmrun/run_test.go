//go:build linux

package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

func TestExitCode(t *testing.T) {
	left := []string{"process 9 (sleep)"}
	for _, c := range []struct {
		name  string
		r     outcome
		allow bool
		want  int
		fails bool
	}{
		{"success", outcome{exited: true}, false, 0, false},
		{"the program's own", outcome{exited: true, code: 3}, false, 3, false},
		{"leftovers", outcome{exited: true, left: left}, false, 126, true},
		{"allowed leftovers", outcome{exited: true, left: left}, true, 0, false},
		{"failure goes before leftovers", outcome{exited: true, code: 1, left: left}, false, 1, false},
		{"limit", outcome{cut: errTimeout, hurried: true}, false, 124, true},
		{"ended by our SIGQUIT", outcome{exited: true, code: 2, hurried: true}, false, 124, true},
		{"just in time", outcome{exited: true, hurried: true}, false, 0, false},
		{"dead machine", outcome{}, false, 125, true},
		{"lost output", outcome{exited: true, lost: true}, false, 125, true},
		{"not started", outcome{failure: "no such file"}, false, 125, true},
		{"signal", outcome{cut: signalError{syscall.SIGTERM}}, false, 143, true},
	} {
		code, err := c.r.exitCode(c.allow)
		if code != c.want || (err != nil) != c.fails {
			t.Errorf("%s: got %d, %v; want %d", c.name, code, err, c.want)
		}
	}
}

func TestLimit(t *testing.T) {
	for args, want := range map[string]time.Duration{
		"x":                         5 * time.Minute,
		"x -test.timeout=10m0s":     10*time.Minute + 40*time.Second,
		"x -test.timeout=0":         5 * time.Minute,
		"x -test.v -test.timeout=y": 5 * time.Minute,
	} {
		o := options{command: strings.Fields(args)}
		if got := o.limit(); got != want {
			t.Errorf("%s: got %v, want %v", args, got, want)
		}
	}
	if got := (&options{timeout: time.Second, command: []string{"x", "-test.timeout=1m"}}).limit(); got != time.Second {
		t.Errorf("-timeout gave %v", got)
	}
	for limit, want := range map[time.Duration]time.Duration{time.Minute: 50 * time.Second, 6 * time.Second: 3 * time.Second} {
		if got := quitAfter(limit); got != want {
			t.Errorf("quitAfter(%v) = %v, want %v", limit, got, want)
		}
	}
}

func TestParseOptions(t *testing.T) {
	o, err := parseOptions(strings.Fields("-icount -smp 4 -file a -file b:c x -v"), io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	if o.smp != 1 || o.accel != "tcg,thread=single" || len(o.files) != 2 || strings.Join(o.command, " ") != "x -v" || o.verbose {
		t.Errorf("got %+v", o)
	}
	for _, args := range []string{
		"", "-k 6.1", "-nosuch x", "-k ../x y", "-k .x y", "-smp 0 x", "-m 1 x", "-uid -1 x", "-disk -1 x",
		"-timeout -1s x", "-cgroup a x", "-cgroup / x", "-cgroup /../a x", "-sysctl a x",
	} {
		if _, err := parseOptions(strings.Fields(args), io.Discard); err == nil {
			t.Errorf("%q was accepted", args)
		}
	}
}

// control plays the guest: what it says is in Reader, what it hears in heard.
type control struct {
	io.Reader
	heard bytes.Buffer
}

func (c *control) Write(b []byte) (int, error) { return c.heard.Write(b) }

// keepOpen is a reader that has text and then blocks, until the test ends.
func keepOpen(t *testing.T, text string) io.Reader {
	pr, pw := io.Pipe()
	t.Cleanup(func() {
		if err := pw.Close(); err != nil {
			t.Error(err)
		}
	})
	return io.MultiReader(strings.NewReader(text), pr)
}

func TestWatchFollowsEvents(t *testing.T) {
	inits := 0
	var asked []int64
	var warnings []string
	w := watcher{
		start: time.Now(), quitAt: time.Minute, onInit: func() { inits++ },
		warn:      func(text any) { warnings = append(warnings, fmt.Sprint(text)) },
		delivered: func(s sizes) bool { asked = append(asked, s["stdout"]); return len(asked) > 2 },
		control: &control{Reader: keepOpen(t, `{"Kind":"init","Uptime":1.5}
garbage
{"Kind":"warn","Text":"careful"}
{"Kind":"start"}
{"Kind":"exit","Code":3,"Left":["mount /x"],"Sizes":{"stdout":7}}
`)},
	}
	r := w.watch(t.Context())
	if !r.exited || r.code != 3 || len(r.left) != 1 || r.times.kernel != 1.5 || inits != 1 {
		t.Errorf("got %+v, %d inits", r, inits)
	}
	if len(asked) != 3 || asked[0] != 7 {
		t.Errorf("output was asked for with %v, want three times with 7", asked)
	}
	if len(warnings) != 2 || !strings.Contains(warnings[0], "garbage") || !strings.Contains(warnings[1], "careful") {
		t.Errorf("warnings are %q", warnings)
	}
	w.control = &control{Reader: strings.NewReader(`{"Kind":"init"}`)}
	if r := w.watch(t.Context()); !r.unexplained() {
		t.Errorf("a machine that died: %+v", r)
	}
}

func TestWatchHurriesThenGivesUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeoutCause(t.Context(), time.Minute, errTimeout)
		defer cancel()
		c := &control{Reader: keepOpen(t, "")}
		start := time.Now()
		w := watcher{start: start, quitAt: quitAfter(time.Minute), control: c, warn: func(any) {}}
		r := w.watch(ctx)
		if !errors.Is(r.cut, errTimeout) || !r.hurried || time.Since(start) != time.Minute || c.heard.String() != "quit\n" {
			t.Errorf("after %v: %+v, guest heard %q", time.Since(start), r, c.heard.String())
		}
	})
}

func TestWatchPassesQuitOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancelCause(t.Context())
		quits := make(chan os.Signal, 1)
		quits <- syscall.SIGQUIT
		time.AfterFunc(time.Second, func() { cancel(signalError{syscall.SIGTERM}) })
		c := &control{Reader: keepOpen(t, "")}
		w := watcher{start: time.Now(), quitAt: time.Minute, control: c, quits: quits}
		r := w.watch(ctx)
		if code, _ := r.exitCode(false); code != 143 || r.hurried || c.heard.String() != "quit\n" {
			t.Errorf("got %d of %+v, guest heard %q", code, r, c.heard.String())
		}
	})
}

func TestLifetime(t *testing.T) {
	ctx, quits, stop := lifetime(time.Hour)
	defer stop()
	for _, s := range []syscall.Signal{syscall.SIGQUIT, syscall.SIGHUP} {
		if err := syscall.Kill(os.Getpid(), s); err != nil {
			t.Fatal(err)
		}
		if s == syscall.SIGQUIT {
			<-quits
			if ctx.Err() != nil {
				t.Error("SIGQUIT ended the run")
			}
		}
	}
	<-ctx.Done()
	if code, err := (outcome{cut: context.Cause(ctx)}).exitCode(false); code != 129 || err == nil {
		t.Errorf("got %d, %v", code, err)
	}
	short, _, stopShort := lifetime(time.Millisecond)
	defer stopShort()
	<-short.Done()
	if code, _ := (outcome{cut: context.Cause(short)}).exitCode(false); code != 124 {
		t.Errorf("got %d", code)
	}
}
