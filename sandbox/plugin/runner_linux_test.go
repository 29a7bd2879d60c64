package plugin

import (
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/sandkit/sandkit/fs"
	"github.com/sandkit/sandkit/internal/testutil"
	"github.com/sandkit/sandkit/sandbox"
)

// socketDir is what go-plugin makes.
func socketDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "d") //nolint:usetesting // the test's name would make paths of sockets too long
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.Remove(dir); err != nil { // not RemoveAll: it must be empty
			t.Error(err)
		}
	})
	return dir
}

func shell(script string) *exec.Cmd {
	return &exec.Cmd{Path: "/bin/sh", Args: []string{"sh", "-c", script}}
}

func start(t *testing.T, cmd *exec.Cmd, opts ...sandbox.Option) *Runner {
	t.Helper()
	testutil.Unchanged(t)
	r, err := New(cmd, socketDir(t), opts...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := r.Kill(context.Background()); err != nil {
			t.Error(err)
		}
	})
	if err := r.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	return r
}

// output reads what the plugin prints and waits, in go-plugin's order.
func output(t *testing.T, r *Runner) (stdout, stderr string) {
	t.Helper()
	out, err := io.ReadAll(r.Stdout())
	if err != nil {
		t.Fatal(err)
	}
	more, err := io.ReadAll(r.Stderr())
	if err != nil {
		t.Fatal(err)
	}
	return string(out), string(more)
}

// TestStreamsEndBeforeWait: both end with the plugin, though something that it
// started held them, and Wait says how it ended, as often as it is asked.
func TestStreamsEndBeforeWait(t *testing.T) {
	r := start(t, shell("sleep 1000 & echo out; echo err >&2; exit 7"))
	if out, more := output(t, r); out != "out\n" || more != "err\n" {
		t.Errorf("stdout %q, stderr %q", out, more)
	}
	for range 2 {
		err := r.Wait(t.Context())
		if exit, ok := errors.AsType[*sandbox.ExitError](err); !ok || exit.ExitCode != 7 {
			t.Errorf("Wait: %v", err)
		}
	}
	if n, err := r.Stdout().Read(make([]byte, 1)); n != 0 || err == nil {
		t.Errorf("read after the end: %d, %v", n, err)
	}
	if err := r.Start(t.Context()); !errors.Is(err, sandbox.ErrClosed) {
		t.Errorf("start again: %v", err)
	}
}

// TestWhatThePluginGets: environment, directory, arguments and sockets.
func TestWhatThePluginGets(t *testing.T) {
	t.Setenv("OF_THE_HOST", "1")
	cmd := shell(`env; pwd; echo "$0 $1"; touch "$PLUGIN_UNIX_SOCKET_DIR/mine" && rm "$PLUGIN_UNIX_SOCKET_DIR/mine" && echo own
touch /run/plugin/x 2>/dev/null || echo "not the host's"; ls /run/plugin; cat`)
	cmd.Args = append(cmd.Args, "zero", "one")
	cmd.Env = []string{"A=1", "", "B=x\ny", "PLUGIN_UNIX_SOCKET_DIR=/on/the/host", "A=2"}
	cmd.Dir = "/usr"
	cmd.Stdin = os.Stdin // as go-plugin has it
	r := start(t, cmd, sandbox.WithEnv("C=3", "PLUGIN_UNIX_SOCKET_DIR=/wrong"))
	out, more := output(t, r)
	if more != "" {
		t.Errorf("stderr: %s", more)
	}
	lines := strings.Split(out, "\n")
	for _, want := range []string{"A=2", "B=x", "y", "C=3", "PLUGIN_UNIX_SOCKET_DIR=/run/plugin/p", "/usr", "zero one", "own", "not the host's", "p"} {
		if !slices.Contains(lines, want) {
			t.Errorf("no line %q in:\n%s", want, out)
		}
	}
	if strings.Contains(out, "OF_THE_HOST") {
		t.Errorf("the host program's environment is inside:\n%s", out)
	}
	if err := r.Wait(t.Context()); err != nil {
		t.Error(err)
	}
}

// TestLeftovers: what the plugin makes is removed, whatever it forbids.
func TestLeftovers(t *testing.T) {
	r := start(t, shell(`cd "$PLUGIN_UNIX_SOCKET_DIR" && mkdir -p a/b/c && touch a/b/file && ln -s /etc/passwd a/link && chmod 0 a/b a`))
	if _, more := output(t, r); more != "" {
		t.Errorf("stderr: %s", more)
	}
	if err := r.Wait(t.Context()); err != nil {
		t.Error(err)
	}
}

// TestKillManyTimes: at once, and again.
func TestKillManyTimes(t *testing.T) {
	r := start(t, shell("echo ready; sleep 1000"))
	if err := r.Start(t.Context()); !errors.Is(err, sandbox.ErrRunning) {
		t.Errorf("start again: %v", err)
	}
	if _, err := r.Stdout().Read(make([]byte, 100)); err != nil {
		t.Fatal(err)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if err := r.Wait(ended); !errors.Is(err, context.Canceled) {
		t.Errorf("Wait with a context that has ended: %v", err)
	}
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			if err := r.Kill(t.Context()); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if out, more := output(t, r); out != "" || more != "" {
		t.Errorf("%q %q", out, more)
	}
	if exit, ok := errors.AsType[*sandbox.ExitError](r.Wait(t.Context())); !ok || exit.Reason != sandbox.ReasonKilled {
		t.Errorf("Wait: %v", exit)
	}
	if _, err := r.Reattach(); !errors.Is(err, sandbox.ErrNotRunning) {
		t.Errorf("Reattach: %v", err)
	}
}

// TestKillBeforeStart: it is not started any more, and nothing is left.
func TestKillBeforeStart(t *testing.T) {
	testutil.Unchanged(t)
	r, err := New(shell("true"), socketDir(t))
	if err != nil {
		t.Fatal(err)
	}
	if d := r.Diagnose(t.Context()); !strings.Contains(d, "was not started") {
		t.Errorf("Diagnose: %s", d)
	}
	for range 2 {
		if err := r.Kill(t.Context()); err != nil {
			t.Error(err)
		}
	}
	if err := r.Start(t.Context()); !errors.Is(err, sandbox.ErrClosed) {
		t.Errorf("Start: %v", err)
	}
	if err := r.Wait(t.Context()); !errors.Is(err, sandbox.ErrClosed) {
		t.Errorf("Wait: %v", err)
	}
}

// TestKillWhileStarting: whoever is first, nothing is left.
func TestKillWhileStarting(t *testing.T) {
	testutil.Unchanged(t)
	for range 20 {
		r, err := New(shell("sleep 1000"), socketDir(t))
		if err != nil {
			t.Fatal(err)
		}
		var wg sync.WaitGroup
		wg.Go(func() {
			if err := r.Start(t.Context()); err != nil && !errors.Is(err, sandbox.ErrClosed) && !errors.Is(err, sandbox.ErrRunning) {
				t.Errorf("Start: %v", err)
			}
		})
		wg.Go(func() {
			if err := r.Kill(t.Context()); err != nil {
				t.Errorf("Kill: %v", err)
			}
		})
		wg.Wait()
		if out, more := drained(r); out != "" || more != "" {
			t.Errorf("%q %q", out, more)
		}
		if err := r.Wait(t.Context()); err == nil {
			t.Error("Wait: no error")
		}
	}
}

// drained reads streams that may be closed already.
func drained(r *Runner) (stdout, stderr string) {
	out, _ := io.ReadAll(r.Stdout())
	more, _ := io.ReadAll(r.Stderr())
	return string(out), string(more)
}

// TestStartFails: it names the stage and leaves nothing, and so does Diagnose.
func TestStartFails(t *testing.T) {
	for _, x := range []struct {
		name   string
		opts   []sandbox.Option
		before func(t *testing.T, dir string)
		want   string
		is     error
	}{
		{name: "no such program", opts: []sandbox.Option{sandbox.WithCommand("/no/such")}, want: "exec /no/such", is: sandbox.ErrNotFound},
		{name: "no such mount", opts: []sandbox.Option{sandbox.WithMount(fs.Bind("/no/such", "/data"))}, want: "/no/such", is: os.ErrNotExist},
		{name: "directory in use", before: func(t *testing.T, dir string) {
			own := filepath.Join(dir, "p")
			if err := os.Mkdir(own, 0o700); err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() {
				if err := os.Remove(own); err != nil {
					t.Error(err)
				}
			})
		}, want: "make directory of sockets", is: os.ErrExist},
	} {
		t.Run(x.name, func(t *testing.T) {
			testutil.Unchanged(t)
			dir := socketDir(t)
			if x.before != nil {
				x.before(t, dir)
			}
			r, err := New(shell("true"), dir, x.opts...)
			if err != nil {
				t.Fatal(err)
			}
			err = r.Start(t.Context())
			if !errors.Is(err, x.is) || !strings.Contains(err.Error(), x.want) {
				t.Errorf("Start: %v, want %q", err, x.want)
			}
			if d := r.Diagnose(t.Context()); !strings.Contains(d, "did not start") || !strings.Contains(d, x.want) {
				t.Errorf("Diagnose: %s", d)
			}
			if err := r.Kill(t.Context()); err != nil {
				t.Errorf("Kill: %v", err)
			}
		})
	}
}

// TestRootDirectory: a program in the root is not mounted a second time, and one
// outside is.
func TestRootDirectory(t *testing.T) {
	root := t.TempDir()
	if err := os.Mkdir(filepath.Join(root, "bin"), 0o755); err != nil {
		t.Fatal(err)
	}
	outside := filepath.Join(t.TempDir(), "tool")
	for _, file := range []string{filepath.Join(root, "bin/tool"), outside} {
		if err := os.WriteFile(file, nil, 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(file, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	for _, x := range []struct {
		file, want string
		mounts     int
	}{{filepath.Join(root, "bin/tool"), "/bin/tool", 2}, {outside, outside, 3}} {
		r, err := New(exec.Command(x.file, "-x"), socketDir(t), sandbox.WithRootfs(root))
		if err != nil {
			t.Fatal(err)
		}
		spec := r.sandbox.Spec()
		if !slices.Equal(spec.Process.Command, []string{x.want, "-x"}) || len(spec.Mounts) != x.mounts || r.Name() != x.want {
			t.Errorf("%s: %s", r.Name(), spec)
		}
		if x.mounts == 3 && (!spec.Mounts[0].ReadOnly || spec.Mounts[0].HostOwners) {
			t.Errorf("mount %v", spec.Mounts[0])
		}
		if err := r.Kill(t.Context()); err != nil {
			t.Error(err)
		}
	}
}

// TestImage: an image's program runs unless the command names one, without
// capabilities.
func TestImage(t *testing.T) {
	for _, x := range []struct {
		cmd  exec.Cmd
		name string
		want []string
	}{{name: "kv:1"}, {exec.Cmd{Path: "/bin/true", Args: []string{"true", "-a"}}, "/bin/true", []string{"/bin/true", "-a"}}} {
		r, err := New(&x.cmd, socketDir(t), sandbox.WithImage("kv:1"))
		if err != nil {
			t.Fatal(err)
		}
		p := r.sandbox.Spec().Process
		if !slices.Equal(p.Command, x.want) || !slices.Equal(p.DropCapabilities, []string{"ALL"}) || r.Name() != x.name {
			t.Errorf("%s: %+v", r.Name(), p)
		}
		if replaced := slices.Equal(p.Entrypoint, []string{""}); replaced != (x.cmd.Path != "") {
			t.Errorf("entrypoint %q", p.Entrypoint)
		}
		if err := r.Kill(t.Context()); err != nil {
			t.Error(err)
		}
	}
}

func TestWrongCommands(t *testing.T) {
	testutil.Unchanged(t)
	program := &exec.Cmd{Path: "/bin/true"}
	for _, x := range []struct {
		name string
		cmd  *exec.Cmd
		dir  string
		opts []sandbox.Option
		want string
	}{
		{"no command", nil, "/tmp", nil, "there is no command"},
		{"no path", &exec.Cmd{}, "/tmp", nil, "WithCommand: no command given"},
		{"arguments only", exec.Command("", "-x"), "/tmp", nil, "arguments, but no path"},
		{"not found", exec.Command("no-such-program"), "/tmp", nil, "executable file not found"},
		{"not there", &exec.Cmd{Path: "/no/such"}, "/tmp", nil, "stat /no/such"},
		{"relative directory", program, "tmp", nil, `"tmp" is not absolute`},
		{"long directory", program, "/" + strings.Repeat("x", 90), nil, "would have 108 bytes, 107 are possible"},
		{"wrong variable", &exec.Cmd{Path: "/bin/true", Env: []string{"A"}}, "/tmp", nil, `WithEnv: "A" has no "="`},
		{"wrong option", program, "/tmp", []sandbox.Option{sandbox.WithPids(-5)}, "WithPids"},
		{"mount on the sockets", program, "/tmp", []sandbox.Option{sandbox.WithMount(fs.Tmpfs(Dir, 0))}, "/run/plugin"},
	} {
		t.Run(x.name, func(t *testing.T) {
			_, err := New(x.cmd, x.dir, x.opts...)
			if !errors.Is(err, sandbox.ErrInvalidSpec) || !strings.Contains(err.Error(), x.want) {
				t.Errorf("%v, want %q", err, x.want)
			}
		})
	}
}
