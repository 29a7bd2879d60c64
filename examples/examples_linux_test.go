// Package examples_test builds the examples and runs them.
package examples_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/sandkit/sandkit/internal/testutil"
	_ "github.com/sandkit/sandkit/sandbox" // so that the modules it needs are there
)

// example is a program and what it must print.
type example struct {
	name  string
	args  []string
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
		name: "images",
		want: []string{"tool:1 says:\n0\n/work\n", "committed tool:2 with 2 layers\ntool:2 says: hello\n2 images in an archive of ", "2 images removed\n"},
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
			"write to /job: yes", "write to /tmp: no", "run programs: yes", "read /usr: yes",
			"see the machine's memory: no", "become root: no", "exit status 0", "seccomp strict", "Landlock: ",
		},
	},
	{
		name: "pipeline",
		want: []string{"  30000 three\n  20000 two\n  10000 one\n"},
	},
	{
		name:  "pipeline",
		args:  []string{"-"},
		stdin: "one two three\nthree two three",
		want:  []string{"      3 three\n      2 two\n      1 one\n"},
	},
}

// nobody is the ordinary user as whom root runs the examples once more.
const nobody = 65534

// TestExamples runs each example as a user would, as root also as an ordinary
// user.
func TestExamples(t *testing.T) {
	if testutil.InVM() {
		t.Skip("the virtual machine has no Go; the native lanes run this")
	}
	dir := build(t)
	for _, e := range examples {
		name := strings.Join(append([]string{e.name}, e.args...), " ")
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e.run(t, dir, nil)
		})
		if !testutil.IsRoot() {
			continue
		}
		t.Run(name+" as ordinary user", func(t *testing.T) {
			t.Parallel()
			e.run(t, dir, &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}})
		})
	}
}

func (e *example) run(t *testing.T, dir string, attr *syscall.SysProcAttr) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), filepath.Join(dir, e.name), e.args...)
	cmd.Stdin, cmd.SysProcAttr = strings.NewReader(e.stdin), attr
	cmd.Dir, cmd.Env = dir, append(os.Environ(), "TMPDIR="+temp(t))
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
}

// temp is a directory for temporary files that every user can get to.
func temp(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "sandkit-examples") //nolint:usetesting // t.TempDir lies in a directory of mode 0700
	if err == nil {
		err = os.Chmod(dir, 0o777|os.ModeSticky)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	return dir
}

// TestEveryExampleIsRun: there is no example that TestExamples does not know.
func TestEveryExampleIsRun(t *testing.T) {
	if testutil.InVM() {
		t.Skip("the virtual machine has no sources; the native lanes run this")
	}
	found, err := filepath.Glob(filepath.Join(source(), "*", "main.go"))
	if err != nil || len(found) == 0 {
		t.Fatalf("%d examples, %v", len(found), err)
	}
	for _, path := range found {
		name := filepath.Base(filepath.Dir(path))
		if !slices.ContainsFunc(examples, func(e example) bool { return e.name == name }) {
			t.Errorf("%s is not run", name)
		}
	}
}

// build builds all examples. A user who has the test binary, but no sources or
// no modules, leaves that to root.
func build(t *testing.T) string {
	t.Helper()
	if _, err := goTool(t, "list", "-deps", "./..."); err != nil && !testutil.IsRoot() {
		t.Skipf("this user cannot build (go list: %v); root runs the examples as an ordinary user too", err)
	}
	dir := temp(t)
	if out, err := goTool(t, "build", "-o", dir, "./..."); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return dir
}

// goTool runs the go command on the examples, offline.
func goTool(t *testing.T, args ...string) ([]byte, error) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "go", args...)
	cmd.Dir = source()
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOPROXY=off")
	return cmd.CombinedOutput()
}

// source is the directory of the examples.
func source() string {
	_, self, _, _ := runtime.Caller(0)
	return filepath.Dir(self)
}
