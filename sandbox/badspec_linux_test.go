package sandbox_test

import (
	"errors"
	"math"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/sandkit/sandkit/fs"
	"github.com/sandkit/sandkit/internal/testutil"
	"github.com/sandkit/sandkit/ns"
	"github.com/sandkit/sandkit/sandbox"
	"github.com/sandkit/sandkit/sandbox/seccomp"
)

// TestInvalidSpecs: a Spec from elsewhere is checked as options are. Each
// problem names the option that sets the field.
func TestInvalidSpecs(t *testing.T) {
	umask := os.ModeSetgid
	cases := map[string]struct {
		spoil func(s *sandbox.Spec)
		want  []string
	}{
		"command":        {func(s *sandbox.Spec) { s.Process.Command = nil }, []string{"WithCommand", "no command"}},
		"path NUL":       {func(s *sandbox.Spec) { s.Process.Path = "a\x00" }, []string{"WithCommand", "path", "NUL"}},
		"path long":      {func(s *sandbox.Spec) { s.Process.Path = strings.Repeat("/x", 2500) }, []string{"WithCommand", "longer than 4095"}},
		"argument NUL":   {func(s *sandbox.Spec) { s.Process.Command = []string{"x", "a\x00"} }, []string{"WithCommand", "argument 1", "NUL"}},
		"env":            {func(s *sandbox.Spec) { s.Process.Env = []string{""} }, []string{"WithEnv", "KEY=VALUE"}},
		"dir":            {func(s *sandbox.Spec) { s.Process.Dir = "." }, []string{"WithDir", "not absolute"}},
		"dir /proc":      {func(s *sandbox.Spec) { s.Process.Dir = "//proc/./self/cwd" }, []string{"WithDir", "/proc"}},
		"user":           {func(s *sandbox.Spec) { s.Process.User = "a\x00" }, []string{"WithUser"}},
		"user newline":   {func(s *sandbox.Spec) { s.Process.User = "a\nroot:x:0" }, []string{"WithUser", "uid:gid"}},
		"user group":     {func(s *sandbox.Spec) { s.Process.User = "0:-5" }, []string{"WithUser", `"-5"`}},
		"ambient":        {func(s *sandbox.Spec) { s.Process.AmbientCapabilities = []string{"CAP_"} }, []string{"WithAmbientCapabilities", `"CAP_"`}},
		"capability":     {func(s *sandbox.Spec) { s.Process.Capabilities = []string{""} }, []string{"WithCapabilities", `""`, "NET_BIND_SERVICE"}},
		"rlimit":         {func(s *sandbox.Spec) { s.Process.Rlimits = []sandbox.Rlimit{{}} }, []string{"WithRlimit", `""`, "nofile"}},
		"umask":          {func(s *sandbox.Spec) { s.Process.Umask = &umask }, []string{"WithUmask"}},
		"writable root":  {func(s *sandbox.Spec) { s.Root = fs.Root{Dir: "x", Writable: true} }, []string{"WithRootfs", `"x"`, "not absolute"}},
		"writable tools": {func(s *sandbox.Spec) { s.Root = fs.Root{Writable: true} }, []string{"WithRootfs", "give a directory"}},
		"scratch":        {func(s *sandbox.Spec) { s.Root.ScratchSize = math.MinInt64 }, []string{"scratch size"}},
		"root long":      {func(s *sandbox.Spec) { s.Root.Dir = strings.Repeat("/x", 2500) }, []string{"WithRootfs", "longer than 4095"}},
		"mount":          {func(s *sandbox.Spec) { s.Mounts = []fs.Mount{{}} }, []string{"WithMount", "mount 0", "target", "type"}},
		"source NUL":     {func(s *sandbox.Spec) { s.Mounts = []fs.Mount{fs.Bind("/\x00", "/x")} }, []string{"WithMount", "NUL"}},
		"source long":    {func(s *sandbox.Spec) { s.Mounts = []fs.Mount{fs.Bind(strings.Repeat("/x", 2500), "/x")} }, []string{"WithMount", "longer than 4095"}},
		"mount in sys":   {func(s *sandbox.Spec) { s.Mounts = []fs.Mount{fs.Tmpfs("/x/../sys/y", 0)} }, []string{"WithMount", ".."}},
		"masked":         {func(s *sandbox.Spec) { s.MaskedPaths = []string{"/ok", ""} }, []string{"WithMaskedPaths", "empty"}},
		"masked up":      {func(s *sandbox.Spec) { s.MaskedPaths = []string{"/a/.."} }, []string{"WithMaskedPaths", ".."}},
		"masked root":    {func(s *sandbox.Spec) { s.MaskedPaths = []string{"/"} }, []string{"WithMaskedPaths"}},
		"read-only NUL":  {func(s *sandbox.Spec) { s.ReadOnlyPaths = []string{"/a\x00"} }, []string{"WithReadOnlyPaths", "NUL"}},
		"hostname":       {func(s *sandbox.Spec) { s.Hostname = "a\x00" }, []string{"WithHostname"}},
		"name":           {func(s *sandbox.Spec) { s.Name = "a\n" }, []string{"WithName"}},
		"namespace pid":  {func(s *sandbox.Spec) { s.Namespaces.UTS = ns.Namespace{Mode: ns.Join, PID: -1} }, []string{"WithNamespaces", "uts", "-1"}},
		"namespace two":  {func(s *sandbox.Spec) { s.Namespaces.Net = ns.Namespace{Mode: ns.Join, PID: 1, Path: "/x"} }, []string{"WithNamespaces", "net", "one of"}},
		"namespace host": {func(s *sandbox.Spec) { s.Namespaces.Net = ns.Namespace{Mode: ns.Host, PID: 1} }, []string{"WithNamespaces", "net", "join"}},
		"namespace NUL":  {func(s *sandbox.Spec) { s.Namespaces.IPC = ns.OfPath("/\x00") }, []string{"WithNamespaces", "ipc"}},
		"landlock":       {func(s *sandbox.Spec) { s.Landlock = &sandbox.Landlock{ReadWrite: []string{"/a/../b"}} }, []string{"WithLandlock", ".."}},
		"timeout":        {func(s *sandbox.Spec) { s.Timeout = -1 }, []string{"WithTimeout", "negative"}},
		"stop":           {func(s *sandbox.Spec) { s.Stop = sandbox.StopPolicy{Signal: 65, Grace: -time.Second} }, []string{"WithStop", "65", "-1s"}},
		"best effort":    {func(s *sandbox.Spec) { s.BestEffort = []sandbox.Droppable{"the root"} }, []string{"BestEffort", `"the root"`, "seccomp"}},
	}
	for name, c := range cases {
		spec := sandbox.Spec{Process: sandbox.ProcessSpec{Command: []string{"true"}}}
		c.spoil(&spec)
		s, err := sandbox.NewFromSpec(spec)
		if s != nil || !errors.Is(err, sandbox.ErrInvalidSpec) {
			t.Errorf("%s: NewFromSpec = %v, %v; want ErrInvalidSpec", name, s, err)
			continue
		}
		for _, want := range c.want {
			if !strings.Contains(err.Error(), want) {
				t.Errorf("%s: error %q does not have %q", name, err, want)
			}
		}
		if again := spec.Validate(); again == nil || again.Error() != err.Error() {
			t.Errorf("%s: Validate says %v, NewFromSpec %v", name, again, err)
		}
	}
}

// TestEverythingWrongAtOnce: no problem hides another.
func TestEverythingWrongAtOnce(t *testing.T) {
	_, err := sandbox.New(
		sandbox.WithCommand("\x00"), sandbox.WithEnv("A"), sandbox.WithDir("x"), sandbox.WithUser(":"), sandbox.WithCapabilities("A"),
		sandbox.WithAmbientCapabilities("B"), sandbox.WithRlimit("x", 2, 1), sandbox.WithUmask(0o7777), sandbox.WithExtraFiles(nil),
		sandbox.WithRootfsWritable("x"), sandbox.WithReadOnlyRootfs(), sandbox.WithScratchSize(0), sandbox.WithMount(fs.Mount{}), sandbox.WithMaskedPaths("x"),
		sandbox.WithReadOnlyPaths("x"), sandbox.WithHostname(""), sandbox.WithName(""), sandbox.WithTimeout(0), sandbox.WithStop(nil, 0),
		sandbox.WithNamespaces(ns.Set{Net: ns.Namespace{Mode: "x"}, UTS: ns.Namespace{Mode: "y"}}), sandbox.WithLandlock(sandbox.Landlock{MinABI: -1}),
	)
	for _, option := range []string{
		"WithCommand", "WithEnv", "WithDir", "WithUser", "WithCapabilities", "WithAmbientCapabilities", "WithRlimit", "soft limit 2", "WithUmask",
		"WithExtraFiles", "WithRootfs: ", "both writable", "WithScratchSize", "WithMount", "WithMaskedPaths", "WithReadOnlyPaths", "WithHostname", "WithName: ",
		"WithTimeout", "WithStop", "net namespace", "uts namespace", "WithLandlock",
	} {
		if err == nil || !strings.Contains(err.Error(), option) {
			t.Errorf("nothing about %s in: %v", option, err)
		}
	}
}

// TestMoreStartErrors: what a sandbox cannot be given is told by Start, with
// the stage, the value and the remedy.
func TestMoreStartErrors(t *testing.T) {
	root := testutil.Root(t)
	for name, content := range map[string]string{
		"arm": "\x7fELF\x02\x01\x01" + strings.Repeat("\x00", 9) + "\x02\x00\x28\x00\x01\x00\x00\x00" + strings.Repeat("\x00", 40),
		"cut": "\x7fELF\x02\x01\x01", "empty": "", "gone": "#!\n",
	} {
		if err := os.WriteFile(root+"/bin/"+name, []byte(content), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	testutil.Unchanged(t)
	const file = "/etc/passwd"
	cases := map[string]struct {
		opts  []sandbox.Option
		stage sandbox.Stage
		want  error
		text  string
	}{
		"another architecture": {options(sandbox.WithCommand("/bin/arm")), sandbox.StageExec, syscall.ENOEXEC, "a program for ARM, not for"},
		"half a header":        {options(sandbox.WithCommand("/bin/cut")), sandbox.StageExec, syscall.ENOEXEC, "neither a program nor a script"},
		"no interpreter":       {options(sandbox.WithCommand("/bin/gone")), sandbox.StageExec, syscall.ENOEXEC, ""},
		"through a descriptor": {options(sandbox.WithCommand("/proc/self/fd/1")), sandbox.StageExec, os.ErrPermission, "exec /proc/self/fd/1"},
		"through process 1":    {options(sandbox.WithCommand("/proc/1/root/bin/probe")), sandbox.StageExec, os.ErrPermission, ""},
		"two MiB of env":       {options(sandbox.WithCommand("/bin/probe"), sandbox.WithEnv(manyVariables(2<<20)...)), sandbox.StageExec, syscall.E2BIG, "pass them in a file"},
		"relative command":     {options(sandbox.WithCommand("bin/../nowhere")), sandbox.StageExec, sandbox.ErrNotFound, "exec bin/../nowhere"},
		"PATH":                 {options(sandbox.WithCommand("probe"), sandbox.WithEnv("PATH=:.:bin")), sandbox.StageExec, sandbox.ErrNotFound, "exec probe: not found"},
		"dir missing":          {options(sandbox.WithCommand("/bin/probe"), sandbox.WithDir("/nowhere")), sandbox.StageDir, os.ErrNotExist, "dir /nowhere"},
		"dir a file":           {options(sandbox.WithCommand("/bin/probe"), sandbox.WithDir(file)), sandbox.StageDir, syscall.ENOTDIR, "dir " + file},
		"user":                 {options(sandbox.WithCommand("/bin/probe"), sandbox.WithUser("ghost:root")), sandbox.StagePrepare, sandbox.ErrNotFound, "WithUser"},
		"filter":               {options(sandbox.WithCommand("/bin/probe"), sandbox.WithNewPrivileges(), sandbox.WithSeccomp(seccomp.Strict())), sandbox.StagePrepare, sandbox.ErrInvalidSpec, "seccomp.Unconfined()"},
	}
	for name, c := range cases {
		res, err := sandbox.Run(testContext(t), append(options(sandbox.WithRootfs(root)), c.opts...)...)
		e, ok := errors.AsType[*sandbox.Error](err)
		if res != nil || !ok || e.Op != "start" || e.Stage != c.stage || !errors.Is(err, c.want) || !strings.Contains(err.Error(), c.text) {
			t.Errorf("%s: %v, %v; want stage %s, %v and %q", name, res, err, c.stage, c.want, c.text)
		}
	}
	// An empty file that may be executed is what execve(2) refuses, too.
	want := exec.Command(root + "/bin/empty").Run()
	_, err := sandbox.Run(testContext(t), sandbox.WithRootfs(root), sandbox.WithCommand("/bin/empty"))
	if !errors.Is(want, syscall.ENOEXEC) || !errors.Is(err, syscall.ENOEXEC) {
		t.Errorf("an empty file: %v; on the host: %v", err, want)
	}
}
