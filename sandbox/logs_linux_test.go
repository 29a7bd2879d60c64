package sandbox_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/sandkit/sandkit/internal/testutil"
	"github.com/sandkit/sandkit/sandbox"
	"github.com/sandkit/sandkit/sandbox/logs"
)

// readLogs gives all entries as "stream:line".
func readLogs(t *testing.T, s *sandbox.Sandbox, o sandbox.LogOptions) (all []string) {
	t.Helper()
	for e, err := range s.Logs(testContext(t), o) {
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, string(e.Stream)+":"+string(e.Line))
	}
	return all
}

// TestLogs: both streams in the order in which they were written, by every
// driver, beside what WithStdout and WithStderr get.
func TestLogs(t *testing.T) {
	testutil.Unchanged(t)
	// The program goes on when its last line was logged.
	const script = `i=0; while [ $i -lt 50 ]; do echo out $i; read x; echo err $i >&2; read x; i=$((i+1)); done; printf rest`
	var want []string
	for i := range 50 {
		want = append(want, fmt.Sprintf("stdout:out %d\n", i), fmt.Sprintf("stderr:err %d\n", i))
	}
	want = append(want, "stdout:rest")
	path := filepath.Join(t.TempDir(), "log")
	for _, l := range []sandbox.Logs{{Driver: sandbox.LogRing}, {Driver: sandbox.LogJSONFile, Path: path}} {
		var out, errOut bytes.Buffer
		var called []string
		goOn, logged := io.Pipe()
		s, err := sandbox.New(sandbox.WithLogs(l), sandbox.WithStdout(&out), sandbox.WithStderr(&errOut), sandbox.WithCommand("sh", "-c", script),
			sandbox.WithStdin(goOn), sandbox.WithLogFunc(func(e sandbox.LogEntry) {
				called = append(called, string(e.Stream)+":"+string(e.Line))
				if !e.Partial && len(called) < len(want) {
					go fmt.Fprintln(logged)
				}
			}))
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		for _, err := range s.Logs(testContext(t), sandbox.LogOptions{Tail: -1}) {
			if !errors.Is(err, sandbox.ErrNotRunning) {
				t.Errorf("before the start: %v", err)
			}
		}
		if err := s.Start(testContext(t)); err != nil {
			t.Fatal(err)
		}
		followed := readLogs(t, s, sandbox.LogOptions{Tail: -1, Follow: true})
		if _, err := s.Wait(testContext(t)); err != nil {
			t.Fatal(err)
		}
		if err := goOn.Close(); err != nil {
			t.Fatal(err)
		}
		for name, got := range map[string][]string{"followed": followed, "called": called, "read": readLogs(t, s, sandbox.LogOptions{Tail: -1})} {
			if strings.Join(got, "") != strings.Join(want, "") {
				t.Errorf("%s: %s: %q", l.Driver, name, got)
			}
		}
		if got := readLogs(t, s, sandbox.LogOptions{Tail: 1, Streams: []logs.Stream{logs.Stderr}}); len(got) != 1 || got[0] != "stderr:err 49\n" {
			t.Errorf("%s: %q", l.Driver, got)
		}
		if !strings.HasSuffix(out.String(), "out 49\nrest") || !strings.HasSuffix(errOut.String(), "err 49\n") || out.Len() != 344 || errOut.Len() != 340 {
			t.Errorf("%s: %d %q, %d %q", l.Driver, out.Len(), out.String(), errOut.Len(), errOut.String())
		}
	}
}

// TestLogsEnd: what was written last is kept, however the program ends, and
// nobody who stopped reading holds it up.
func TestLogsEnd(t *testing.T) {
	testutil.Unchanged(t)
	s, err := sandbox.New(sandbox.WithLogs(sandbox.Logs{Driver: sandbox.LogRing, RingBytes: 64 << 10}),
		sandbox.WithCommand("sh", "-c", "i=0; while [ $i -lt 3000 ]; do echo a line that is number $i; i=$((i+1)); done; echo last >&2; kill -9 $$"))
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if err := s.Start(testContext(t)); err != nil {
		t.Fatal(err)
	}
	for _, err := range s.Logs(testContext(t), sandbox.LogOptions{Follow: true, Tail: -1}) {
		if _, ok := errors.AsType[*logs.DroppedError](err); err != nil && !ok {
			t.Error(err)
		}
		// As long as this does not go on, it does not read on.
		res, err := s.Wait(testContext(t))
		if res == nil || res.Signal != syscall.SIGKILL {
			t.Errorf("%v, %v", res, err)
		}
		break
	}
	if got := readLogs(t, s, sandbox.LogOptions{Tail: 2}); len(got) != 2 || got[0] != "stdout:a line that is number 2999\n" || got[1] != "stderr:last\n" {
		t.Errorf("%q", got)
	}
}

// TestLogsFail: a log that cannot be written is no reason to hold the program
// up, but is said.
func TestLogsFail(t *testing.T) {
	testutil.Unchanged(t)
	missing := filepath.Join(t.TempDir(), "none", "log")
	_, err := sandbox.Run(testContext(t), sandbox.WithLogs(sandbox.Logs{Driver: sandbox.LogJSONFile, Path: missing}), sandbox.WithCommand("true"))
	if !errors.Is(err, os.ErrNotExist) || !strings.Contains(err.Error(), missing) {
		t.Errorf("%v", err)
	}
	for problem, l := range map[string]sandbox.Logs{
		"none of":          {Driver: "syslog"},
		"needs a Path":     {Driver: sandbox.LogJSONFile},
		"needs the driver": {Driver: sandbox.LogRing, Path: "x"},
		"negative":         {Driver: sandbox.LogRing, RingBytes: -1},
		"MaxFiles":         {Driver: sandbox.LogJSONFile, Path: "x", Compress: true},
	} {
		if _, err := sandbox.New(sandbox.WithLogs(l), sandbox.WithCommand("true")); !errors.Is(err, sandbox.ErrInvalidSpec) || !strings.Contains(err.Error(), problem) {
			t.Errorf("%s: %v", problem, err)
		}
	}
	logged := 0
	res, err := sandbox.Run(testContext(t), sandbox.WithLogFunc(func(e sandbox.LogEntry) { logged += len(e.Line) }), sandbox.WithStdout(&failingWriter{}),
		sandbox.WithCommand("head", "-c", "3000000", "/dev/zero"))
	if !errors.Is(err, errFull) || res == nil || res.ExitCode != 0 || logged != 3000000 {
		t.Errorf("%v, %v, %d bytes logged", res, err, logged)
	}
	s, err := sandbox.New(sandbox.WithCommand("true"))
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	for _, err := range s.Logs(testContext(t), sandbox.LogOptions{Tail: -1}) {
		if !errors.Is(err, sandbox.ErrNotSupported) {
			t.Errorf("%v", err)
		}
	}
}
