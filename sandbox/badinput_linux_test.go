package sandbox_test

import (
	"errors"
	iofs "io/fs"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/sandkit/sandkit/fs"
	"github.com/sandkit/sandkit/internal/testutil"
	"github.com/sandkit/sandkit/ns"
	"github.com/sandkit/sandkit/sandbox"
)

// TestInvalidOptions: what makes no sense is refused by New, with the name of
// the option, the value, and where it helps what to write instead.
func TestInvalidOptions(t *testing.T) {
	testutil.Unchanged(t)
	long := strings.Repeat("x", 5000)
	huge := strings.Repeat("x", 128<<10)
	sticky := fs.Tmpfs("/x", 0)
	sticky.Mode = iofs.ModeSetuid | 0o755
	source := fs.File("/x", 0, nil)
	source.Source = "/etc"
	cases := map[string]struct {
		option sandbox.Option
		want   []string
	}{
		"no command":        {sandbox.WithCommand(""), []string{"WithCommand", "no command"}},
		"command NUL":       {sandbox.WithCommand("a\x00b"), []string{"WithCommand", "NUL"}},
		"command long":      {sandbox.WithCommand("/" + long), []string{"WithCommand", "longer than 4095"}},
		"argument long":     {sandbox.WithCommand("true", huge), []string{"WithCommand", "argument 1", "file"}},
		"env without =":     {sandbox.WithEnv("HOME"), []string{"WithEnv", `"HOME"`, "KEY=VALUE"}},
		"env without name":  {sandbox.WithEnv("=x"), []string{"WithEnv", "no name"}},
		"env NUL":           {sandbox.WithEnv("A=x\x00"), []string{"WithEnv", "NUL"}},
		"env long":          {sandbox.WithEnv("A=" + huge), []string{"WithEnv", "longer than"}},
		"env too much":      {sandbox.WithEnv(manyVariables(7 << 20)...), []string{"WithEnv", "over 6291456"}},
		"dir empty":         {sandbox.WithDir(""), []string{"WithDir", "empty"}},
		"dir relative":      {sandbox.WithDir("a/b"), []string{"WithDir", `"a/b"`, "not absolute"}},
		"dir up":            {sandbox.WithDir("/a/../b"), []string{"WithDir", `".."`}},
		"dir NUL":           {sandbox.WithDir("/a\x00"), []string{"WithDir", "NUL"}},
		"dir long":          {sandbox.WithDir("/" + strings.Repeat("a/", 3000)), []string{"WithDir", "longer than 4095"}},
		"dir proc":          {sandbox.WithDir("/proc/self/fd/7"), []string{"WithDir", "/proc"}},
		"user empty":        {sandbox.WithUser(""), []string{"WithUser", "empty"}},
		"user negative":     {sandbox.WithUser("-1"), []string{"WithUser", `"-1"`}},
		"user overflow":     {sandbox.WithUser("4294967296"), []string{"WithUser", `"4294967296"`}},
		"user none":         {sandbox.WithUser("4294967295"), []string{"WithUser", "4294967294"}},
		"user colon":        {sandbox.WithUser("a:"), []string{"WithUser", "uid:gid"}},
		"user three":        {sandbox.WithUser("a:b:c"), []string{"WithUser", "uid:gid"}},
		"user space":        {sandbox.WithUser("a b"), []string{"WithUser", "uid:gid"}},
		"capability":        {sandbox.WithCapabilities("FLY"), []string{"WithCapabilities", `"FLY"`}},
		"rlimit":            {sandbox.WithRlimit("wings", 1, 1), []string{"WithRlimit", `"wings"`, "nofile"}},
		"rlimit order":      {sandbox.WithRlimit("nofile", 2, 1), []string{"WithRlimit", "above the hard limit"}},
		"umask":             {sandbox.WithUmask(0o1777), []string{"WithUmask", "permission bits"}},
		"extra nil":         {sandbox.WithExtraFiles(nil), []string{"WithExtraFiles", "nil"}},
		"extra many":        {sandbox.WithExtraFiles(make([]*os.File, 2000)...), []string{"WithExtraFiles", "2000"}},
		"rootfs empty":      {sandbox.WithRootfs(""), []string{"WithRootfs", "empty"}},
		"rootfs relative":   {sandbox.WithRootfs("root"), []string{"WithRootfs", `"root"`, "not absolute"}},
		"rootfs NUL":        {sandbox.WithRootfs("/a\x00"), []string{"WithRootfs", "NUL"}},
		"rootfs both":       {sandbox.Options(sandbox.WithRootfsWritable("/a"), sandbox.WithReadOnlyRootfs()), []string{"both writable and read-only"}},
		"scratch":           {sandbox.WithScratchSize(-1), []string{"WithScratchSize", "-1"}},
		"mount target":      {sandbox.WithMount(fs.Tmpfs("", 0)), []string{"WithMount", "target", "empty"}},
		"mount relative":    {sandbox.WithMount(fs.Tmpfs("x", 0)), []string{"WithMount", `"x"`, "not absolute"}},
		"mount up":          {sandbox.WithMount(fs.Tmpfs("/a/../../b", 0)), []string{"WithMount", `".."`}},
		"mount root":        {sandbox.WithMount(fs.Bind("/tmp", "//")), []string{"WithMount", "is the root"}},
		"mount NUL":         {sandbox.WithMount(fs.Tmpfs("/a\x00", 0)), []string{"WithMount", "NUL"}},
		"mount long":        {sandbox.WithMount(fs.Tmpfs("/"+long, 0)), []string{"WithMount", "longer"}},
		"mount proc":        {sandbox.WithMount(fs.Tmpfs("/proc/sys", 0)), []string{"WithMount", "/proc/sys"}},
		"mount sys":         {sandbox.WithMount(fs.Bind("/tmp", "/sys")), []string{"WithMount", `"/sys"`}},
		"mount source":      {sandbox.WithMount(fs.Bind("", "/x")), []string{"WithMount", "source is empty"}},
		"mount source rel":  {sandbox.WithMount(fs.Bind("x", "/x")), []string{"WithMount", "source", "not absolute"}},
		"mount twice":       {sandbox.Options(sandbox.WithMount(fs.Tmpfs("/a", 0)), sandbox.WithMount(fs.Tmpfs("/b/.././a", 0)), sandbox.WithMount(fs.Tmpfs("//a/", 0))), []string{"WithMount", `duplicate target "/a"`, `".."`}},
		"mount type":        {sandbox.WithMount(fs.Mount{Type: "floppy", Target: "/x"}), []string{"WithMount", `"floppy"`}},
		"mount size":        {sandbox.WithMount(fs.Tmpfs("/x", -1)), []string{"WithMount", "-1"}},
		"mount mode":        {sandbox.WithMount(sticky), []string{"WithMount", "mode"}},
		"file source":       {sandbox.WithMount(source), []string{"WithMount", "source"}},
		"file large":        {sandbox.WithMount(fs.File("/x", 0, make([]byte, fs.MaxFileSize+1))), []string{"WithMount", "bind mount"}},
		"masked relative":   {sandbox.WithMaskedPaths("x"), []string{"WithMaskedPaths", "not absolute"}},
		"read-only root":    {sandbox.WithReadOnlyPaths("/"), []string{"WithReadOnlyPaths", "WithReadOnlyRootfs"}},
		"hostname empty":    {sandbox.WithHostname(""), []string{"WithHostname", "empty"}},
		"hostname long":     {sandbox.WithHostname(strings.Repeat("a", 65)), []string{"WithHostname", "longer than 64"}},
		"hostname chars":    {sandbox.WithHostname("a b"), []string{"WithHostname", `"a b"`}},
		"name empty":        {sandbox.WithName(""), []string{"WithName", "empty"}},
		"name chars":        {sandbox.WithName("../x"), []string{"WithName", `"../x"`}},
		"timeout":           {sandbox.WithTimeout(0), []string{"WithTimeout", "more than 0"}},
		"timeout negative":  {sandbox.WithTimeout(-time.Second), []string{"WithTimeout", "-1s"}},
		"stop signal":       {sandbox.WithStop(nil, time.Second), []string{"WithStop", "syscall.Signal"}},
		"stop signal range": {sandbox.WithStop(syscall.Signal(65), time.Second), []string{"WithStop", "65"}},
		"stop grace":        {sandbox.WithStop(syscall.SIGTERM, 0), []string{"WithStop", "grace"}},
		"landlock":          {sandbox.WithLandlock(sandbox.Landlock{ReadOnly: []string{"x"}, MinABI: -1}), []string{"WithLandlock", "not absolute", "negative"}},
		"namespace mode":    {sandbox.WithNamespaces(ns.Set{Net: ns.Namespace{Mode: "odd"}}), []string{"WithNamespaces", `"odd"`}},
		"namespace join":    {sandbox.WithNamespaces(ns.Set{IPC: ns.Namespace{Mode: ns.Join}}), []string{"WithNamespaces", "ipc", "one of"}},
		"namespace name":    {sandbox.WithNamespaces(ns.Set{UTS: ns.OfName("x")}), []string{"WithNamespaces", "uts", "only network"}},
		"namespace path":    {sandbox.WithNamespaces(ns.Set{Net: ns.OfPath("x")}), []string{"WithNamespaces", "not absolute"}},
		"namespace escape":  {sandbox.WithNamespaces(ns.Set{Net: ns.OfName("../x")}), []string{"WithNamespaces", "../x"}},
	}
	for name, c := range cases {
		s, err := sandbox.New(sandbox.WithCommand("true"), c.option)
		if s != nil || !errors.Is(err, sandbox.ErrInvalidSpec) {
			t.Errorf("%s: New = %v, %v; want ErrInvalidSpec", name, s, err)
			continue
		}
		for _, want := range c.want {
			if !strings.Contains(err.Error(), want) {
				t.Errorf("%s: error %q does not have %q", name, err, want)
			}
		}
		if len(err.Error()) > 500 {
			t.Errorf("%s: error of %d bytes", name, len(err.Error()))
		}
	}
}

func manyVariables(total int) []string {
	const size = 64 << 10
	var env []string
	for i := range total / size {
		env = append(env, "V"+itoa(i)+"="+strings.Repeat("x", size))
	}
	return env
}

func TestAllProblemsAtOnce(t *testing.T) {
	_, err := sandbox.New(sandbox.WithDir("x"), sandbox.WithUser("a:b:c"), sandbox.WithHostname("?"), sandbox.WithTimeout(-1), sandbox.WithStop(nil, -1))
	for _, want := range []string{"WithCommand", "WithDir", "WithUser", "WithHostname", "WithTimeout", "syscall.Signal", "grace"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v does not mention %s", err, want)
		}
	}
}

// TestStartErrors: what only the host can tell is an error of Start that names
// stage and path, and nothing is left.
func TestStartErrors(t *testing.T) {
	root := testutil.Root(t, "link procdir etc", "file notdir x")
	link := testutil.Root(t)
	for _, dir := range []string{"proc", "dev", "sys"} {
		if err := os.Remove(link + "/" + dir); err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink("/etc", link+"/"+dir); err != nil {
			t.Fatal(err)
		}
	}
	testutil.Unchanged(t)
	cases := map[string]struct {
		opts  []sandbox.Option
		stage sandbox.Stage
		path  string
		want  error
	}{
		"rootfs missing":   {options(sandbox.WithRootfs("/nowhere")), sandbox.StageRoot, "/nowhere", iofs.ErrNotExist},
		"rootfs a file":    {options(sandbox.WithRootfs("/etc/passwd")), sandbox.StageRoot, "/etc/passwd", syscall.ENOTDIR},
		"source missing":   {options(sandbox.WithMount(fs.Bind("/nowhere", "/x"))), sandbox.StageMount, "/x", iofs.ErrNotExist},
		"target in a file": {options(sandbox.WithRootfs(root), sandbox.WithMount(fs.Tmpfs("/notdir/x", 0))), sandbox.StageMount, "/notdir/x", syscall.ENOTDIR},
		"file over a dir":  {options(sandbox.WithRootfs(root), sandbox.WithMount(fs.File("/etc", 0, nil))), sandbox.StageMount, "/etc", syscall.EISDIR},
		"proc is a link":   {options(sandbox.WithRootfs(link)), sandbox.StageRoot, "/proc", syscall.ELOOP},
		"unknown user":     {options(sandbox.WithUser("nosuchuser")), sandbox.StagePrepare, "", sandbox.ErrNotFound},
		"unknown group":    {options(sandbox.WithUser("root:nosuchgroup")), sandbox.StagePrepare, "", sandbox.ErrNotFound},
		"namespace gone":   {options(sandbox.WithNamespaces(ns.Set{Net: ns.OfPath("/nowhere")})), sandbox.StagePrepare, "", iofs.ErrNotExist},
		"namespace name":   {options(sandbox.WithNamespaces(ns.Set{Net: ns.OfName("nosuchname")})), sandbox.StagePrepare, "", iofs.ErrNotExist},
		"two MiB of env":   {options(sandbox.WithEnv(manyVariables(5 << 20)...)), sandbox.StageExec, "/bin/true", syscall.E2BIG},
	}
	if !testutil.IsRoot() {
		cases["host users"] = struct {
			opts  []sandbox.Option
			stage sandbox.Stage
			path  string
			want  error
		}{options(sandbox.WithHostUsers()), sandbox.StagePrepare, "", sandbox.ErrNotSupported}
	}
	for name, c := range cases {
		_, err := sandbox.Run(testContext(t), append(c.opts, sandbox.WithCommand("/bin/true"))...)
		e, ok := errors.AsType[*sandbox.Error](err)
		if !ok || e.Stage != c.stage || e.Path != c.path || !errors.Is(err, c.want) {
			t.Errorf("%s: %v; want stage %s, path %s, %v", name, err, c.stage, c.path, c.want)
		}
	}
}

// TestHostilePasswd: the root's /etc/passwd is not trusted.
func TestHostilePasswd(t *testing.T) {
	testutil.Unchanged(t)
	for name, lines := range map[string][]string{
		"fifo":    {"fifo etc/passwd"},
		"dir":     {"dir etc/passwd"},
		"outside": {"link etc/passwd ../../../../../../etc/passwd"},
	} {
		dir := t.TempDir()
		testutil.Tree(t, dir, append(lines, "dir bin", "dir proc")...)
		testutil.CopyFile(t, testutil.Probe(t), dir+"/bin/probe")
		_, _, err := tryProbe(t, options(sandbox.WithRootfs(dir), sandbox.WithUser("daemon")), "ids")
		if err == nil {
			t.Errorf("%s: a user of the host was found", name)
		}
	}
	sparse := t.TempDir()
	testutil.Tree(t, sparse, "dir bin", "dir etc", "file etc/passwd x")
	if err := os.Truncate(sparse+"/etc/passwd", 10<<30); err != nil {
		t.Fatal(err)
	}
	if _, _, err := tryProbe(t, options(sandbox.WithRootfs(sparse)), "ids"); err == nil || !strings.Contains(err.Error(), "larger than") {
		t.Errorf("ten GiB of users: %v", err)
	}
}

// TestNewPrivilegesNeedFilterRights: a user other than root has no capability
// left with which to load the filter.
func TestNewPrivilegesNeedFilterRights(t *testing.T) {
	testutil.Unchanged(t)
	_, err := sandbox.Run(testContext(t), sandbox.WithCommand("true"), sandbox.WithNewPrivileges(),
		sandbox.WithCapabilities("SYS_ADMIN"), sandbox.WithUser("1000"))
	if testutil.IsRoot() && !errors.Is(err, sandbox.ErrInvalidSpec) {
		t.Errorf("Run = %v", err)
	}
}
