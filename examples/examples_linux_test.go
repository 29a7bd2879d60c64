// Package examples_test builds the examples and runs them.
package examples_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/sandkit/sandkit/internal/testutil"
)

// example is a program and what it must print.
type example struct {
	name  string
	stdin string
	want  []string
	not   []string
}

var examples = []example{
	{
		name: "tour",
		want: []string{
			"uid=0", "process:   1 sandkit-init\n   process:   2 sh\n   network:   lo\n   ->",
			"read the password hashes: refused", "change a program: refused",
			"timeout (signal: killed)", "user namespace: ", "seccomp: ", "capabilities: none",
		},
		not: []string{"DONE"},
	},
	{
		name: "judge",
		want: []string{
			"right    accepted", `wrong    wrong answer: "7"`, "crash    exit code 3: no idea",
			"killed   ended by signal: segmentation fault", "endless  time limit exceeded",
			"sleepers time limit exceeded", "large    exit code 153: File size limit exceeded", "writer   exit code 2",
		},
	},
	{
		name: "copyonwrite",
		want: []string{"inside:  changed, files: config fresh\n", "outside: original, files: config list\n"},
	},
	{
		name: "plan",
		want: []string{
			"== This host\nLinux ", "own user namespace               yes", `"name": "report"`,
			"protection: seccomp: ", "pivot_root(", `execve("/usr/bin/sort", ["sort", "data.csv"]`,
		},
	},
	{
		name: "untrusted",
		want: []string{
			"write to /work: yes", "write to /tmp: no", "run programs: yes", "read /usr: yes",
			"see the machine's memory: no", "become root: no", "exit status 0", "seccomp strict", "Landlock: ",
		},
	},
	{
		name:  "pipeline",
		stdin: "one two three\nthree two three",
		want:  []string{"      3 three\n      2 two\n      1 one\n"},
	},
}

// TestExamples runs each example as a user would.
func TestExamples(t *testing.T) {
	if testutil.InVM() {
		t.Skip("the virtual machine has no Go; the native lanes run this")
	}
	dir := build(t)
	for _, e := range examples {
		t.Run(e.name, func(t *testing.T) {
			t.Parallel()
			cmd := exec.CommandContext(t.Context(), filepath.Join(dir, e.name))
			cmd.Dir, cmd.Stdin = t.TempDir(), strings.NewReader(e.stdin)
			out, err := cmd.CombinedOutput()
			if err != nil {
				t.Errorf("%v", err)
			}
			for _, want := range e.want {
				if !strings.Contains(string(out), want) {
					t.Errorf("no %q", want)
				}
			}
			for _, not := range e.not {
				if strings.Contains(string(out), not) {
					t.Errorf("prints %q", not)
				}
			}
			if t.Failed() {
				t.Logf("output:\n%s", out)
			}
		})
	}
}

// TestEveryExampleIsRun: there is no example that TestExamples does not know.
func TestEveryExampleIsRun(t *testing.T) {
	if testutil.InVM() {
		t.Skip("the virtual machine has no sources; the native lanes run this")
	}
	found, err := filepath.Glob(filepath.Join(source(), "*", "main.go"))
	if err != nil || len(found) != len(examples) {
		t.Errorf("%d examples found, %v; %d are run", len(found), err, len(examples))
	}
	for _, e := range examples {
		if _, err := os.Stat(filepath.Join(source(), e.name, "main.go")); err != nil {
			t.Error(err)
		}
	}
}

// build builds all examples, or gives the directory named by
// SANDKIT_EXAMPLES, for a user who has no Go.
func build(t *testing.T) string {
	t.Helper()
	if dir := os.Getenv("SANDKIT_EXAMPLES"); dir != "" {
		return dir
	}
	dir := t.TempDir()
	cmd := exec.CommandContext(t.Context(), "go", "build", "-o", dir, "./...")
	cmd.Dir = source()
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return dir
}

// source is the directory of the examples.
func source() string {
	_, self, _, _ := runtime.Caller(0)
	return filepath.Dir(self)
}
