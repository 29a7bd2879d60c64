package sandbox_test

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/sandkit/sandkit/internal/testutil"
	"github.com/sandkit/sandkit/sandbox"
)

// alive is a sandbox that does nothing until it is ended.
func alive(t *testing.T, opts ...sandbox.Option) *sandbox.Sandbox {
	t.Helper()
	return running(t, sandbox.WithCommand("sleep", "1000"), sandbox.Options(opts...))
}

// execOutput runs a command in the sandbox and gives what it wrote.
func execOutput(t *testing.T, s *sandbox.Sandbox, opts ...sandbox.ProcOption) (string, *sandbox.Result, error) {
	t.Helper()
	var out bytes.Buffer
	p, err := s.Exec(testContext(t), append([]sandbox.ProcOption{sandbox.WithStdout(&out), sandbox.WithStderr(&out)}, opts...)...)
	if err != nil {
		return "", nil, err
	}
	res, err := p.Wait(testContext(t))
	return out.String(), res, err
}

// execProbe runs probe operations in a further process.
func execProbe(t *testing.T, s *sandbox.Sandbox, opts []sandbox.ProcOption, ops ...string) []testutil.Outcome {
	t.Helper()
	out, _, err := execOutput(t, s, append([]sandbox.ProcOption{sandbox.WithCommand(probePath, ops...)}, opts...)...)
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return testutil.Outcomes(t, []byte(out))
}

// TestExec: a further process has its own command, environment, directory,
// streams and extra files, and tells exactly how it ended.
func TestExec(t *testing.T) {
	testutil.Unchanged(t)
	lanes(t, func(t *testing.T, lane sandbox.Option) {
		s := alive(t, lane, sandbox.WithEnv("A=1", "B=1"), sandbox.WithDir("/tmp"))
		out, res, err := execOutput(t, s, sandbox.WithCommand("sh", "-c", `echo $A $B $C $HOME; pwd; cat; exit 7`), sandbox.WithEnv("B=2", "C=3"),
			sandbox.WithStdin(strings.NewReader("from outside\n")))
		exit, ok := errors.AsType[*sandbox.ExitError](err)
		if !ok || exit.ExitCode != 7 || res.ExitCode != 7 || res.Reason != sandbox.ReasonExited || out != "1 2 3 /root\n/tmp\nfrom outside\n" {
			t.Errorf("%q, %+v, %v", out, res, err)
		}
		out, res, err = execOutput(t, s, sandbox.WithCommand("sh", "-c", "kill -9 $$"), sandbox.WithDir("/usr"))
		if res == nil || res.Signal != syscall.SIGKILL || res.ExitCode != -1 || res.Reason != sandbox.ReasonSignaled || err == nil {
			t.Errorf("%q, %+v, %v", out, res, err)
		}
		// Pipes block, as programs expect.
		out, _, err = execOutput(t, s, sandbox.WithCommand("sh", "-c", "sed -n s/^flags://p /proc/self/fdinfo/0 /proc/self/fdinfo/1"), sandbox.WithStdin(strings.NewReader("")))
		for flags := range strings.FieldsSeq(out) {
			if n, nerr := strconv.ParseInt(flags, 8, 64); nerr != nil || n&syscall.O_NONBLOCK != 0 {
				t.Errorf("%s, %v", flags, nerr)
			}
		}
		if err != nil || len(strings.Fields(out)) != 2 {
			t.Errorf("%q, %v", out, err)
		}
		file, err := os.CreateTemp(t.TempDir(), "")
		if err != nil {
			t.Fatal(err)
		}
		defer file.Close()
		if out, _, err = execOutput(t, s, sandbox.WithCommand("sh", "-c", "ls /proc/self/fd; echo x >&3"), sandbox.WithExtraFiles(file)); err != nil || out != "0\n1\n2\n3\n4\n" { // 4 is ls's
			t.Errorf("%q, %v", out, err)
		}
		if b, err := os.ReadFile(file.Name()); err != nil || string(b) != "x\n" {
			t.Errorf("%q, %v", b, err)
		}
	})
}

// TestExecIsInside: a further process is in every namespace of the main process
// and in its cgroup, and has no more rights.
func TestExecIsInside(t *testing.T) {
	testutil.Unchanged(t)
	operations := []string{
		"status|CapInh|CapPrm|CapEff|CapBnd|CapAmb|NoNewPrivs|Seccomp|Seccomp_filters", "ids", "rlimit|4", "umask",
		"read|/proc/self/cgroup", "read|/proc/self/uid_map", "cwd", "ns", "ignored",
	}
	for name, opts := range map[string][]sandbox.Option{
		"default":      nil,
		"capabilities": {sandbox.WithCapabilities("NET_BIND_SERVICE", "CHOWN")},
		"mounts":       {sandbox.WithCapabilities("SYS_ADMIN")},
		"user":         {sandbox.WithUser("1000:1000")},
		"ambient":      {sandbox.WithUser("1000:1000"), sandbox.WithAmbientCapabilities("NET_RAW")},
		"strict":       {sandbox.WithRlimit("nofile", 50, 60), sandbox.WithUmask(0o77), sandbox.WithDir("/var")},
	} {
		t.Run(name, func(t *testing.T) {
			lanes(t, func(t *testing.T, lane sandbox.Option) {
				r, w := io.Pipe()
				script := probePath + " '" + strings.Join(operations, "' '") + "' > /tmp/facts; echo ready; exec sleep 1000"
				s := running(t, lane, sandbox.Options(opts...), sandbox.WithStdout(w), sandbox.WithCommand("sh", "-c", script))
				if line, err := bufio.NewReader(r).ReadString('\n'); line != "ready\n" {
					t.Fatal(line, err)
				}
				facts, _, err := execOutput(t, s, sandbox.WithCommand("cat", "/tmp/facts"))
				if err != nil {
					t.Fatal(err)
				}
				got := execProbe(t, s, nil, operations...)
				for i, want := range testutil.Outcomes(t, []byte(facts)) {
					if got[i] != want {
						t.Errorf("%+v, the main process has %+v", got[i], want)
					}
				}
			})
		})
	}
}

// TestExecUsers: another user, and fewer rights, but never more.
func TestExecUsers(t *testing.T) {
	testutil.Unchanged(t)
	s := alive(t, sandbox.WithCapabilities("CHOWN", "NET_RAW"))
	if testutil.IsRoot() {
		got := execProbe(t, s, []sandbox.ProcOption{sandbox.WithUser("4:5"), sandbox.WithGroups(6)}, "ids", "status|CapPrm|CapEff")
		gives(t, got[0], "uid=4 euid=4 gid=5 egid=5 groups=[6]")
		gives(t, got[1], "CapPrm:"+noCaps+"\nCapEff:"+noCaps)
	}
	got := execProbe(t, s, []sandbox.ProcOption{sandbox.WithoutCapabilities("NET_RAW")}, "status|CapPrm|CapBnd")
	gives(t, got[0], "CapPrm:0000000000000001\nCapBnd:0000000000000001")
	for option, opt := range map[string]sandbox.ProcOption{
		"WithCapabilities":  sandbox.WithCapabilities("SYS_ADMIN"),
		"WithNewPrivileges": sandbox.WithNewPrivileges(),
		"WithDir":           sandbox.WithDir("relative"),
		"WithCommand":       sandbox.WithCommand(""),
	} {
		if _, err := s.Exec(testContext(t), sandbox.WithCommand("true"), opt); !errors.Is(err, sandbox.ErrInvalidSpec) || !strings.Contains(err.Error(), option) {
			t.Errorf("%s: %v", option, err)
		}
	}
	if _, err := s.Exec(testContext(t), sandbox.WithCommand("true"), sandbox.WithUser("nobody-knows")); !errors.Is(err, sandbox.ErrNotFound) {
		t.Errorf("%v", err)
	}
}

// TestExecErrors: what goes wrong is said as Start does.
func TestExecErrors(t *testing.T) {
	testutil.Unchanged(t)
	s := alive(t)
	for command, want := range map[string]error{"/no/such": sandbox.ErrNotFound, "no-such": sandbox.ErrNotFound, "/etc/passwd": syscall.EACCES} {
		_, err := s.Exec(testContext(t), sandbox.WithCommand(command))
		if e, ok := errors.AsType[*sandbox.Error](err); !ok || e.Stage != sandbox.StageExec || e.Op != "exec" || !errors.Is(err, want) {
			t.Errorf("%s: %v", command, err)
		}
	}
	if _, err := s.Exec(testContext(t), sandbox.WithCommand("true"), sandbox.WithDir("/no/such")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("%v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if p, err := s.Exec(ctx, sandbox.WithCommand("true")); err != nil && !errors.Is(err, context.Canceled) {
		t.Error(p, err)
	}
	p, err := s.Exec(testContext(t), sandbox.WithCommand("sleep", "1000"))
	if err != nil {
		t.Fatal(err)
	}
	if cmdline, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", p.PID())); err != nil || string(cmdline) != "sleep\x001000\x00" {
		t.Errorf("%q, %v", cmdline, err)
	}
	if err := s.Stop(testContext(t)); err != nil {
		t.Fatal(err)
	}
	if res, err := p.Wait(testContext(t)); res == nil || res.Reason != sandbox.ReasonKilled || res.Signal != syscall.SIGKILL || err == nil {
		t.Errorf("%+v, %v", res, err)
	}
	if _, err := s.Exec(testContext(t), sandbox.WithCommand("true")); !errors.Is(err, sandbox.ErrNotRunning) {
		t.Errorf("%v", err)
	}
	if err := p.Signal(syscall.SIGTERM); !errors.Is(err, sandbox.ErrNotRunning) || p.PID() != 0 {
		t.Errorf("%v, pid %d", err, p.PID())
	}
}

// TestExecSeesTheRoot: users are those of the root as it is now.
func TestExecSeesTheRoot(t *testing.T) {
	testutil.Unchanged(t)
	s := alive(t)
	if _, _, err := execOutput(t, s, sandbox.WithCommand("sh", "-c", "cat /etc/passwd > /tmp/p; echo new:x:0:0::/tmp/home:/bin/sh >> /tmp/p; cat /tmp/p > /etc/passwd || mv /tmp/p /etc/passwd")); err != nil {
		t.Skip("the made-up /etc cannot be changed: ", err)
	}
	out, _, err := execOutput(t, s, sandbox.WithCommand("sh", "-c", "echo $HOME"), sandbox.WithUser("new"))
	if err != nil || out != "/tmp/home\n" {
		t.Errorf("%q, %v", out, err)
	}
}

// TestExecPaused: nothing starts in a paused sandbox.
func TestExecPaused(t *testing.T) {
	testutil.Unchanged(t)
	needGroups(t)
	s := alive(t)
	if err := s.Pause(testContext(t)); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Exec(testContext(t), sandbox.WithCommand("true")); !errors.Is(err, sandbox.ErrPaused) {
		t.Errorf("%v", err)
	}
	if err := s.Resume(testContext(t)); err != nil {
		t.Fatal(err)
	}
	if _, _, err := execOutput(t, s, sandbox.WithCommand("true")); err != nil {
		t.Error(err)
	}
}

// TestExecWhileEnding: whatever the moment, Exec and Wait return, and nothing is
// left.
func TestExecWhileEnding(t *testing.T) {
	testutil.Unchanged(t)
	for range 20 {
		s := alive(t)
		var group sync.WaitGroup
		for range 4 {
			group.Go(func() {
				for {
					p, err := s.Exec(testContext(t), sandbox.WithCommand("/bin/true"))
					if errors.Is(err, sandbox.ErrNotRunning) {
						return
					}
					if err != nil {
						t.Error(err)
						return
					}
					if res, err := p.Wait(testContext(t)); res == nil || err != nil && res.Reason != sandbox.ReasonKilled {
						t.Errorf("%+v, %v", res, err)
					}
				}
			})
		}
		if _, _, err := execOutput(t, s, sandbox.WithCommand("true")); err != nil {
			t.Error(err)
		}
		if err := s.Kill(); err != nil {
			t.Error(err)
		}
		group.Wait()
	}
}

// TestExecIsClosed is CVE-2016-9962: a process that is joining the sandbox cannot
// be looked into before it executes, nor can process 1, which keeps rights for
// it. In the sandbox's own user namespace no capability changes that.
func TestExecIsClosed(t *testing.T) {
	testutil.Unchanged(t)
	lanes(t, func(t *testing.T, lane sandbox.Option) { execIsClosed(t, lane) })
	t.Run("capabilities", func(t *testing.T) {
		execIsClosed(t, sandbox.WithCapabilities("SYS_PTRACE", "DAC_OVERRIDE", "DAC_READ_SEARCH"))
	})
}

func execIsClosed(t *testing.T, opt sandbox.Option) {
	r, w := io.Pipe()
	s := running(t, opt, sandbox.WithStdout(w), sandbox.WithCommand(probePath, "lurk|sandkit-init"))
	defer context.AfterFunc(testContext(t), func() { _ = w.Close() })()
	out := bufio.NewReader(r)
	if line, err := out.ReadString('\n'); line != "lurking\n" {
		t.Fatal(line, err)
	}
	slow := make([]sandbox.ProcOption, 2000) // so that there is something to see
	for i := range slow {
		slow[i] = sandbox.WithRlimit("core", 0, 0)
	}
	for range 50 {
		if _, _, err := execOutput(t, s, append(slow, sandbox.WithCommand("/bin/true"))...); err != nil {
			t.Fatal(err)
		}
	}
	for _, o := range execProbe(t, s, nil, "readlink|/proc/1/root", "readlink|/proc/1/exe", "read|/proc/1/environ", "read|/proc/1/maps",
		"read|/proc/1/mem", "readlink|/proc/1/fd/0", "ptrace|1") {
		denied(t, o, eacces, eperm)
	}
	if err := s.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	line, err := out.ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	if o := testutil.Outcomes(t, []byte(line)); o[0].Out != "seen=true inside=0" {
		t.Errorf("%+v", o)
	}
}
