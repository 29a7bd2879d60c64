package sandboxtest

import (
	"bytes"
	"errors"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/sandkit/sandkit/internal/testutil"
	"github.com/sandkit/sandkit/sandbox"
)

func TestNewIsClosed(t *testing.T) {
	testutil.Unchanged(t)
	var unstarted, running *sandbox.Sandbox
	said := record(t, func(r *recorder) {
		unstarted = New(r, sandbox.WithCommand("true"))
		running = Start(r, sandbox.WithCommand("sleep", "1000"))
	})
	if said != "" {
		t.Errorf("a test that passes says %q", said)
	}
	for _, s := range []*sandbox.Sandbox{unstarted, running} {
		if err := s.Start(t.Context()); !errors.Is(err, sandbox.ErrClosed) {
			t.Errorf("%v is not closed: %v", s, err)
		}
	}
	res, err := running.Wait(t.Context())
	if res == nil || res.Reason != sandbox.ReasonKilled {
		t.Errorf("Wait = %v, %v", res, err)
	}
}

func TestCloseErrorFails(t *testing.T) {
	said := record(t, func(r *recorder) {
		finish(r, func() error { return syscall.EIO })
		finish(r, func() error { return nil })
	})
	if said != "error: close sandbox: input/output error" {
		t.Errorf("said %q", said)
	}
}

// has fails the test unless the text has all of these.
func has(t *testing.T, text string, wants ...string) {
	t.Helper()
	for _, want := range wants {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in:\n%s", want, text)
		}
	}
}

func TestFailedTestIsExplained(t *testing.T) {
	testutil.Unchanged(t)
	said := record(t, func(r *recorder) {
		res := Run(r, sandbox.WithName("job"), sandbox.WithCommand("sh", "-c", "echo to stdout; echo to stderr >&2; exit 3"))
		if res.ExitCode != 3 {
			t.Errorf("result %v", res)
		}
		r.Errorf("wrong answer")
	})
	has(t, said, "error: wrong answer\nlog: sandbox job (ended): [\"sh\" \"-c\"", "ended: exit status 3", "protection: seccomp: ", "protection: user namespace",
		"host: Linux ", "output:\nto stdout\nto stderr")
	// What goes elsewhere is not logged.
	var out bytes.Buffer
	said = record(t, func(r *recorder) {
		Run(r, sandbox.WithStdout(&out), sandbox.WithCommand("sh", "-c", "echo to stdout; echo to stderr >&2"))
		r.Errorf("wrong answer")
	})
	if has(t, said, "output:\nto stderr"); strings.Contains(said, "\nto stdout") || out.String() != "to stdout\n" {
		t.Errorf("said %q, wrote %q", said, out.String())
	}
	// One that never ran.
	said = record(t, func(r *recorder) {
		New(r, sandbox.WithCommand("true"))
		r.Errorf("wrong answer")
	})
	has(t, said, "no result: ", "planned protection: seccomp")
}

func TestStartErrors(t *testing.T) {
	testutil.Unchanged(t)
	said := record(t, func(r *recorder) { New(r, sandbox.WithCommand("true"), sandbox.WithDir("relative")) })
	has(t, said, "fatal: sandbox: invalid spec: WithDir")
	said = record(t, func(r *recorder) { Start(r, sandbox.WithName("job"), sandbox.WithCommand("nowhere")) })
	has(t, said, "fatal: sandbox: start job: exec nowhere: not found", "log: sandbox job (closed)", "planned protection: ")
}

// TestUnsupportedIsSkipped: what the host cannot do skips the test, or fails it
// where it must run.
func TestUnsupportedIsSkipped(t *testing.T) {
	testutil.Unchanged(t)
	beyond := sandbox.WithLandlock(sandbox.Landlock{MinABI: 1 << 20})
	try := func() string {
		return record(t, func(r *recorder) {
			Output(r, sandbox.WithCommand("true"), beyond)
			t.Error("the test went on")
		})
	}
	t.Setenv(RequireEnv, "")
	said := try()
	if has(t, said, "skip: this host cannot run the test: ", "Landlock"); strings.Contains(said, "fatal") {
		t.Errorf("said %q", said)
	}
	t.Setenv(RequireEnv, "1")
	has(t, try(), "fatal: SANDKIT_REQUIRE is set, but this host cannot run the test: ", "Landlock")
}

func TestRunTellsEveryEnd(t *testing.T) {
	testutil.Unchanged(t)
	for script, want := range map[string]string{"exit 0": "exit status 0", "exit 9": "exit status 9", "kill -9 $$": "signal: killed"} {
		said := record(t, func(r *recorder) {
			if res := Run(r, sandbox.WithCommand("sh", "-c", script)); !strings.HasPrefix(res.String(), want) {
				t.Errorf("%s: %v", script, res)
			}
		})
		if said != "" {
			t.Errorf("%s: said %q", script, said)
		}
	}
	said := record(t, func(r *recorder) {
		Run(r, sandbox.WithStdout(broken{}), sandbox.WithCommand("echo", "x"))
	})
	has(t, said, "fatal: sandbox: ", "input/output error")
}

type broken struct{}

func (broken) Write([]byte) (int, error) { return 0, syscall.EIO }

func TestOutput(t *testing.T) {
	testutil.Unchanged(t)
	said := record(t, func(r *recorder) {
		if out := Output(r, sandbox.WithStdout(os.Stdout), sandbox.WithCommand("sh", "-c", "echo out; echo err >&2")); out != "out\n" {
			t.Errorf("Output = %q", out)
		}
	})
	if said != "" {
		t.Errorf("said %q", said)
	}
	said = record(t, func(r *recorder) {
		Output(r, sandbox.WithCommand("sh", "-c", "echo out; echo err >&2; exit 4"))
	})
	has(t, said, "fatal: sandbox: exit status 4\nlog: ", "\nout", "\nerr")
	said = record(t, func(r *recorder) { Output(r, sandbox.WithCommand("cat", "/dev/zero")) })
	has(t, said, "fatal: sandbox: output is over the limit of 16777216 bytes", "output, without the first ")
	if len(said) > maxTail+1<<14 {
		t.Errorf("%d bytes were logged", len(said))
	}
}

// TestEndlessSandbox: a test that is about to be ended by the testing package
// tells which sandbox still ran, and what it wrote.
func TestEndlessSandbox(t *testing.T) {
	testutil.Unchanged(t)
	said := record(t, func(r *recorder) {
		r.deadline = time.Now() // over, whatever the time is
		Run(r, sandbox.WithCommand("sleep", "1000"))
	})
	has(t, said, "fatal: the sandbox still runs", `["sleep" "1000"]`, "ended: killed")
}

// TestParallel: nothing is shared.
func TestParallel(t *testing.T) {
	testutil.Unchanged(t)
	t.Run("all", func(t *testing.T) {
		for _, word := range []string{"a", "b", "c", "d"} {
			t.Run(word, func(t *testing.T) {
				t.Parallel()
				if out := Output(t, sandbox.WithCommand("echo", word)); out != word+"\n" {
					t.Errorf("Output = %q", out)
				}
			})
		}
	})
}
