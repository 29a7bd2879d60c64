package sandbox_test

import (
	"errors"
	"os"
	"strings"
	"syscall"
	"testing"

	"github.com/sandkit/sandkit/fs"
	"github.com/sandkit/sandkit/internal/testutil"
	"github.com/sandkit/sandkit/sandbox"
)

// TestEveryExitStatus: all that a program can end with arrives as it is.
func TestEveryExitStatus(t *testing.T) {
	testutil.Unchanged(t)
	every := 1
	if testing.Short() {
		every = 17
	}
	for code := 0; code < 256; code += every {
		res, err := sandbox.Run(testContext(t), sh("exit "+itoa(code)))
		exit, failed := errors.AsType[*sandbox.ExitError](err)
		if res == nil || res.ExitCode != code || res.Signal != 0 || res.Reason != sandbox.ReasonExited || failed != (code != 0) || failed && exit.ExitCode != code {
			t.Errorf("exit %d: %v, %v", code, res, err)
		}
	}
}

// TestEverySignal: whatever signal ends a program, it is told, and no core
// file is written.
func TestEverySignal(t *testing.T) {
	testutil.Unchanged(t)
	dir := t.TempDir()
	if err := os.Chmod(dir, 0o777); err != nil {
		t.Fatal(err)
	}
	m := fs.Bind(dir, "/work")
	m.HostOwners = true
	allowCores(t)
	for n := syscall.Signal(1); n <= 64; n++ {
		switch n {
		case syscall.SIGCHLD, syscall.SIGCONT, syscall.SIGSTOP, syscall.SIGTSTP, syscall.SIGTTIN, syscall.SIGTTOU, syscall.SIGURG, syscall.SIGWINCH:
			continue // do not end anything
		case 32, 33:
			continue // the C library's own
		}
		if testing.Short() && n%8 != 3 {
			continue
		}
		s, err := sandbox.New(sandbox.WithMount(m), sandbox.WithDir("/work"), sandbox.WithCommand("sleep", "1000"))
		if err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(s.Start(testContext(t)), s.Signal(n)); err != nil {
			t.Errorf("signal %d: %v", n, err)
		}
		res, err := s.Wait(testContext(t))
		if _, ok := errors.AsType[*sandbox.ExitError](err); !ok || res.Signal != n || res.ExitCode != -1 || res.Reason != sandbox.ReasonSignaled || res.CoreDumped {
			t.Errorf("signal %d: %v, %v", n, res, err)
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) != 0 {
		t.Errorf("in the working directory there is %v, %v", left, err)
	}
}

// allowCores has the host program itself leave core files.
func allowCores(t *testing.T) {
	t.Helper()
	var before syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_CORE, &before); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Setrlimit(syscall.RLIMIT_CORE, &syscall.Rlimit{Cur: before.Max, Max: before.Max}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := syscall.Setrlimit(syscall.RLIMIT_CORE, &before); err != nil {
			t.Error(err)
		}
	})
}

// TestEndIsTheEnd: once Wait has returned, no process that the program started
// exists any more, whatever it did to live on. The host looks for them by a
// mark in their arguments.
func TestEndIsTheEnd(t *testing.T) {
	testutil.Unchanged(t)
	const mark = "7654321.5"
	lanes(t, func(t *testing.T, lane sandbox.Option) {
		for name, script := range map[string]string{
			"background": "sleep " + mark + " &",
			"sessions":   "for i in 1 2 3; do (setsid sh -c 'trap \"\" HUP TERM INT; sleep " + mark + "' >/dev/null 2>&1 &); done",
			"stopped":    "sleep " + mark + " & kill -STOP $!",
			"deep":       "(((((sleep " + mark + " &) &) &) &) &)",
			"fork storm": "for i in 1 2 3 4 5 6 7 8 9 10 11 12; do for j in 1 2 3 4 5; do sleep " + mark + " & done; done",
		} {
			if _, err := sandbox.Run(testContext(t), lane, sh(script)); err != nil {
				t.Errorf("%s: %v", name, err)
			}
			if alive := withArgument(t, mark); len(alive) > 0 {
				t.Errorf("%s: still alive: %v", name, alive)
			}
		}
	})
}

// withArgument lists the processes that have an argument with this text.
func withArgument(t *testing.T, text string) (pids []string) {
	t.Helper()
	all, err := os.ReadDir("/proc")
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range all {
		if b, err := os.ReadFile("/proc/" + d.Name() + "/cmdline"); err == nil && strings.Contains(string(b), text) {
			pids = append(pids, d.Name())
		}
	}
	return pids
}

// TestErrnosSurvive: what the kernel said is found through all layers, and by
// the standard library's names.
func TestErrnosSurvive(t *testing.T) {
	testutil.Unchanged(t)
	root := testutil.Root(t, "file bin/plain x")
	for name, c := range map[string]struct {
		opts []sandbox.Option
		want []error
	}{
		"ENOENT":  {options(sandbox.WithCommand("/nowhere")), []error{syscall.ENOENT, os.ErrNotExist, sandbox.ErrNotFound}},
		"EACCES":  {options(sandbox.WithCommand("/bin/plain")), []error{syscall.EACCES, os.ErrPermission}},
		"ENOTDIR": {options(sandbox.WithCommand("/bin/probe"), sandbox.WithDir("/bin/probe")), []error{syscall.ENOTDIR}},
		"ENOSPC": {
			options(sandbox.WithCommand("/bin/probe"), sandbox.WithScratchSize(64<<10), sandbox.WithMount(fs.File("/big", 0, make([]byte, 1<<20)))),
			[]error{syscall.ENOSPC},
		},
	} {
		_, err := sandbox.Run(testContext(t), append(options(sandbox.WithRootfs(root)), c.opts...)...)
		for _, want := range c.want {
			if !errors.Is(err, want) {
				t.Errorf("%s: %v does not match %v", name, err, want)
			}
		}
		if _, isExit := errors.AsType[*sandbox.ExitError](err); isExit {
			t.Errorf("%s: an exit status was made up: %v", name, err)
		}
	}
}

// TestGroupsOfTheHostProgram: the program has the groups of its user, and none
// that the host program happens to have.
func TestGroupsOfTheHostProgram(t *testing.T) {
	testutil.NeedRoot(t)
	testutil.Unchanged(t)
	before, err := syscall.Getgroups()
	if err != nil {
		t.Fatal(err)
	}
	if err := syscall.Setgroups([]int{4, 27, 60001}); err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := syscall.Setgroups(before); err != nil {
			t.Error(err)
		}
	}()
	lanes(t, func(t *testing.T, lane sandbox.Option) {
		for user, want := range map[string]string{"0": "[]", "65534:65534": "[]", "5:27": "[]"} {
			out := probe1(t, options(lane, sandbox.WithRootfs(testutil.Root(t)), sandbox.WithUser(user)), "ids").Out
			if !strings.HasSuffix(out, "groups="+want) {
				t.Errorf("user %s: %s", user, out)
			}
		}
	})
}

// TestHostProgramsSecrets: neither its memory nor its environment is in the
// launcher, from which the program and process 1 come.
func TestHostProgramsSecrets(t *testing.T) {
	t.Setenv("SANDKIT_CANARY", "canary-of-the-host-program")
	testutil.Unchanged(t)
	_, r := started(t, sh("echo ready; exec sleep 1000"))
	awaitLine(t, r, "ready")
	for init := range strings.FieldsSeq(childrenOf("self")) {
		for _, file := range []string{"environ", "cmdline"} {
			b, err := os.ReadFile("/proc/" + init + "/" + file)
			if err != nil && !errors.Is(err, os.ErrPermission) || strings.Contains(string(b), "canary") {
				t.Errorf("%s of process 1: %q, %v", file, b, err)
			}
		}
		// A few pages of its own, and nothing of the host program's.
		b, err := os.ReadFile("/proc/" + init + "/statm")
		if pages := strings.Fields(string(b)); err != nil || len(pages) == 0 || len(pages[0]) > 4 {
			t.Errorf("process 1 is as large as %s, %v", b, err)
		}
	}
}
