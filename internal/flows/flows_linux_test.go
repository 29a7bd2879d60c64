package flows

import (
	"bytes"
	"io"
	"strconv"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/sandkit/sandkit/internal/testutil"
	"github.com/sandkit/sandkit/sandbox"
)

// An engine obeys docker's commands and gives the exit code.
type engine interface {
	docker(call call, args []string) int
	close() error
}

// call is where one command runs.
type call struct {
	dir            string
	stdin          io.Reader
	stdout, stderr io.Writer
}

// last is what a script remembers of its last command.
type last struct {
	engine engine
	code   int
}

type key struct{}

// TestOwn runs the scripts with this SDK.
func TestOwn(t *testing.T) {
	// What a program's first sandbox makes for all others stays.
	if _, err := sandbox.Run(t.Context(), sandbox.WithCommand("true")); err != nil {
		t.Fatal(err)
	}
	sandbox.Trim()
	testutil.Unchanged(t)
	t.Cleanup(sandbox.Trim)
	tar := imageTar(t)
	t.Run("scripts", func(t *testing.T) {
		run(t, "sandkit", func(env *testscript.Env) (engine, error) { return newOwn(env, tar) })
	})
}

// TestDocker runs them with dockerd, so that it is docker's behaviour that they
// describe.
func TestDocker(t *testing.T) {
	d := startDocker(t)
	t.Run("scripts", func(t *testing.T) {
		run(t, "docker", func(*testscript.Env) (engine, error) { return d, nil })
	})
}

// run runs every script. The conditions [sandkit] and [docker] tell which of the
// two it is, [root] whether root runs them.
func run(t *testing.T, name string, open func(*testscript.Env) (engine, error)) {
	testscript.Run(t, testscript.Params{
		Dir: "testdata/script",
		Setup: func(env *testscript.Env) error {
			e, err := open(env)
			if err != nil {
				return err
			}
			env.Values[key{}] = &last{engine: e}
			env.Defer(func() {
				if err := e.close(); err != nil {
					t.Error(err)
				}
			})
			return nil
		},
		Condition: func(cond string) (bool, error) { return cond == name || cond == "root" && testutil.IsRoot(), nil },
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"docker": docker,
			"code":   code,
			"await":  await,
		},
	})
}

// docker runs a command. It must succeed, or with ! fail.
func docker(ts *testscript.TestScript, neg bool, args []string) {
	l := ts.Value(key{}).(*last)
	c := call{dir: ts.Getenv("WORK"), stdout: ts.Stdout(), stderr: ts.Stderr()}
	l.code = l.engine.docker(c, args)
	if (l.code != 0) != neg {
		ts.Fatalf("docker %q: exit code %d", args, l.code)
	}
}

// code compares the exit code of the last docker command.
func code(ts *testscript.TestScript, _ bool, args []string) {
	l := ts.Value(key{}).(*last)
	if want, err := strconv.Atoi(args[0]); err != nil || l.code != want {
		ts.Fatalf("exit code %d, want %s", l.code, args[0])
	}
}

// await repeats a docker command until it prints the first argument, and no more:
// what happens in the background has no other end.
func await(ts *testscript.TestScript, _ bool, args []string) {
	l := ts.Value(key{}).(*last)
	for range 10000 {
		var out bytes.Buffer
		l.code = l.engine.docker(call{dir: ts.Getenv("WORK"), stdout: &out, stderr: &out}, args[1:])
		if out.String() == args[0]+"\n" {
			return
		}
		time.Sleep(5 * time.Millisecond)
	}
	ts.Fatalf("docker %q never prints %q", args[1:], args[0])
}
