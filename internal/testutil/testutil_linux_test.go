package testutil

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
)

// The main goroutine keeps the main thread, which does not end when a goroutine
// that has spoilt it does.
func init() { runtime.LockOSThread() }

// TestMain gives the tests a directory for temporary files of their own, so
// that nobody else's come and go in it.
func TestMain(m *testing.M) {
	tmp, err := os.MkdirTemp("", "sandkit-testutil")
	if err == nil {
		err = os.Setenv("TMPDIR", tmp)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	code := m.Run()
	if err := os.RemoveAll(tmp); err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

// recorder is a test that only notes what is said about it.
type recorder struct {
	testing.TB
	said     []string
	cleanups []func()
}

func (r *recorder) Helper()          {}
func (r *recorder) Cleanup(f func()) { r.cleanups = append(r.cleanups, f) }
func (r *recorder) Errorf(format string, args ...any) {
	r.said = append(r.said, "error: "+fmt.Sprintf(format, args...))
}

func (r *recorder) Fatalf(format string, args ...any) {
	r.said = append(r.said, "fatal: "+fmt.Sprintf(format, args...))
	runtime.Goexit()
}

func (r *recorder) Skip(args ...any) {
	r.said = append(r.said, "skip: "+fmt.Sprint(args...))
	runtime.Goexit()
}

// record calls f as a test would be.
func record(tb testing.TB, f func(tb testing.TB)) string {
	tb.Helper()
	r := &recorder{TB: tb}
	done := make(chan struct{})
	go func() { // Fatalf and Skip end the goroutine
		defer close(done)
		defer func() {
			for _, c := range r.cleanups {
				c()
			}
		}()
		f(r)
	}()
	<-done
	return strings.Join(r.said, "\n")
}

// mess is something that a test must not leave, and how to clean it up.
type mess struct {
	what string // what the check says about it
	root bool
	make func(t *testing.T) (undo func() error, err error)
}

var messes = map[string]mess{
	"descriptor": {"descriptors: new: ", false, func(*testing.T) (func() error, error) {
		f, err := os.Open("/etc/passwd")
		return f.Close, err
	}},
	"goroutine": {"goroutines: new: ", false, func(*testing.T) (func() error, error) {
		stop := make(chan struct{})
		go func() { <-stop }()
		return func() error { close(stop); return nil }, nil
	}},
	"child": {`children: new: `, false, func(*testing.T) (func() error, error) {
		cmd := exec.Command("sleep", "1000")
		err := cmd.Start()
		return func() error {
			err := cmd.Process.Kill()
			_ = cmd.Wait() // it was killed
			return err
		}, err
	}},
	"zombie": {`children: new: `, false, func(*testing.T) (func() error, error) {
		cmd := exec.Command("true")
		err := cmd.Start()
		return cmd.Wait, err
	}},
	"temporary file": {"temporary: new: ", false, func(*testing.T) (func() error, error) {
		path := filepath.Join(os.TempDir(), "sandkit-mess")
		err := os.WriteFile(path, nil, 0o600)
		return func() error { return os.Remove(path) }, err
	}},
	"shared memory": {"temporary: new: /dev/shm/", false, func(*testing.T) (func() error, error) {
		path := fmt.Sprintf("/dev/shm/sandkit-mess-%d", os.Getpid())
		err := os.WriteFile(path, nil, 0o600)
		return func() error { return os.Remove(path) }, err
	}},
	"mount": {"mounts: new: ", true, func(t *testing.T) (func() error, error) {
		dir := filepath.Join(filepath.Dir(t.TempDir()), "001")
		err := syscall.Mount("none", dir, "tmpfs", 0, "size=4k")
		return func() error { return syscall.Unmount(dir, 0) }, err
	}},
	"cgroup": {"cgroups: new: ", true, func(*testing.T) (func() error, error) {
		top := "/sys/fs/cgroup"
		if _, err := os.Stat(top + "/cgroup.procs"); err != nil {
			top += "/pids" // cgroup v1
		}
		dir := top + "/sandkit/mess"
		err := os.MkdirAll(dir, 0o755)
		return func() error {
			_ = os.Remove(dir)
			_ = os.Remove(filepath.Dir(dir)) // unless somebody else is in there
			return nil
		}, err
	}},
	"thread in other namespaces": {"namespaces: new: uts:", true, func(*testing.T) (func() error, error) {
		stop, ready := make(chan struct{}), make(chan error)
		go func() {
			runtime.LockOSThread() // and never unlocked: the thread ends with the goroutine
			ready <- syscall.Unshare(syscall.CLONE_NEWUTS)
			<-stop
		}()
		return func() error { close(stop); return nil }, <-ready
	}},
}

// TestUnchangedNotices: each kind of mess is seen, and named.
func TestUnchangedNotices(t *testing.T) {
	for name, m := range messes {
		if m.root && !IsRoot() {
			continue
		}
		t.Run(name, func(t *testing.T) {
			t.TempDir() // is there before it counts
			before := settled(t)
			undo, err := m.make(t)
			if err != nil {
				t.Fatal(err)
			}
			if diff := before.compare(takeInventory(t)); !strings.Contains(diff, m.what) {
				t.Errorf("left behind: %q; want it to have %q", diff, m.what)
			}
			during := takeInventory(t)
			if err := undo(); err != nil {
				t.Fatal(err)
			}
			before.await(t)
			if name == "goroutine" {
				return // one of another test may have gone as well
			}
			if diff := during.compare(takeInventory(t)); !strings.Contains(diff, strings.ReplaceAll(m.what, "new", "gone")) {
				t.Errorf("taken away: %q", diff)
			}
		})
	}
}

// TestUnchangedFailsTheTest: the check is carried out when the test ends, and
// once what it found is gone, it finds nothing.
func TestUnchangedFailsTheTest(t *testing.T) {
	var undo func() error
	said := record(t, func(tb testing.TB) {
		Unchanged(tb)
		var err error
		if undo, err = messes["temporary file"].make(t); err != nil {
			t.Error(err)
		}
	})
	if !strings.HasPrefix(said, "error: ") || !strings.Contains(said, "sandkit-mess") {
		t.Errorf("the test was told %q", said)
	}
	if err := undo(); err != nil {
		t.Fatal(err)
	}
	if said := record(t, Unchanged); said != "" {
		t.Errorf("a test that did nothing was told %q", said)
	}
}

func TestSkipFailsInCI(t *testing.T) {
	skip := func(tb testing.TB) { Skip(tb, "no tools") }
	t.Setenv("CI", "")
	if said := record(t, skip); said != "skip: no tools" {
		t.Errorf("outside CI: %q", said)
	}
	t.Setenv("CI", "1")
	if said := record(t, skip); !strings.HasPrefix(said, "fatal: ") || !strings.Contains(said, "no tools") {
		t.Errorf("in CI: %q", said)
	}
}

func TestGolden(t *testing.T) {
	t.Chdir(t.TempDir())
	t.Setenv("SANDKIT_UPDATE", "1")
	Golden(t, "x", "one\ntwo\n")
	t.Setenv("SANDKIT_UPDATE", "")
	Golden(t, "x", "one\ntwo\n")
	if said := record(t, func(tb testing.TB) { Golden(tb, "x", "one\nthree\n") }); !strings.Contains(said, "two") || !strings.Contains(said, "three") {
		t.Errorf("another text: %q", said)
	}
}

func TestTree(t *testing.T) {
	dir := t.TempDir()
	Tree(t, dir, "dir a/b 1750", "file a/c some words", "link l a/c", "fifo f")
	for name, want := range map[string]string{"a/b": "dtrwxr-x---", "a/c": "-rw-r--r--", "l": "Lrwxrwxrwx", "f": "prw-r--r--"} {
		i, err := os.Lstat(filepath.Join(dir, name))
		if err != nil || i.Mode().String() != want {
			t.Errorf("%s: %v, %v; want %s", name, i, err, want)
		}
	}
	if b, err := os.ReadFile(filepath.Join(dir, "l")); err != nil || string(b) != "some words" {
		t.Errorf("%q, %v", b, err)
	}
}

func TestOutcomes(t *testing.T) {
	o := Outcomes(t, []byte("noise [{ before\n"+`[{"Op":"a","Out":"x","Errno":""}]`+"\n"))
	if len(o) != 1 || o[0] != (Outcome{Op: "a", Out: "x"}) {
		t.Errorf("%+v", o)
	}
	if said := record(t, func(tb testing.TB) { Outcomes(tb, []byte("panic: probe")) }); !strings.Contains(said, "panic: probe") {
		t.Errorf("no answer: %q", said)
	}
}
