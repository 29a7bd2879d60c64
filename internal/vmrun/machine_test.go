//go:build linux

package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func TestMachine(t *testing.T) {
	l := newLane(t)
	for _, k := range kernelNames(t) {
		t.Run(k, func(t *testing.T) {
			needKernel(t, k)
			t.Run("root", func(t *testing.T) { testRoot(t, l, k) })
			t.Run("user", func(t *testing.T) { testUser1000(t, l, k) })
			t.Run("signal", func(t *testing.T) { testSignal(t, l, k) })
			t.Run("timeout", func(t *testing.T) { testTimeout(t, l, k) })
			t.Run("leftovers", func(t *testing.T) { testLeftovers(t, l, k) })
			t.Run("crash", func(t *testing.T) { testCrash(t, l, k) })
			t.Run("no boot", func(t *testing.T) { testNoBoot(t, l, k) })
		})
	}
}

// probeFacts is what the probe tells.
type probeFacts struct {
	UID, GID      int
	Dir, Hostname string
	Env           []string
	Cgroup        string
	Mounts, Files map[string]string
}

// parseFacts takes standard error, which must hold nothing else.
func parseFacts(t *testing.T, r result) probeFacts {
	t.Helper()
	var f probeFacts
	if err := json.Unmarshal([]byte(r.stderr), &f); err != nil {
		t.Fatalf("%v in stderr: %s", err, r.stderr)
	}
	return f
}

// files checks what the probe has read.
func (f probeFacts) files(t *testing.T, want map[string]string) {
	t.Helper()
	for name, text := range want {
		if got := f.Files[name]; !strings.Contains(got, text) || text == "" && got != "" {
			t.Errorf("%s holds %q, want %q", name, got, text)
		}
	}
}

// workDir makes a folder with testdata and some files beside it.
func workDir(t *testing.T) (dir, shared string) {
	t.Helper()
	dir, shared = t.TempDir(), t.TempDir()
	for name, text := range map[string]string{
		filepath.Join(dir, "testdata", "sub", "here"): "testdata of cwd",
		filepath.Join(dir, "not-copied"):              "",
		filepath.Join(shared, "tree", "leaf"):         "of a tree",
	} {
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir, shared
}

// testRoot runs with all modules and checks what the program finds, and that
// both outputs arrive byte for byte.
func testRoot(t *testing.T, l lane, k string) {
	dir, shared := workDir(t)
	r := l.run(
		t, dir, "-k", k, "-bin", "busybox", "-disk", "16", "-hostname", "guest",
		"-file", "testdata/sub:/copied", "-file", shared, "-dir", shared+":/image",
		"-sysctl", "net.core.somaxconn=777", "-env", "EXTRA=a b",
		l.probe, "facts=testdata/sub/here,not-copied,/copied/here,/image/tree/leaf,"+shared+"/tree/leaf,"+
			"/sys/fs/cgroup/cgroup.controllers,/sys/fs/cgroup/vmrun/cgroup.subtree_control,/proc/sys/kernel/osrelease,"+
			"/proc/sys/net/core/somaxconn,/etc/subuid,/etc/nsswitch.conf,/etc/hosts,/proc/modules,/dev/stdin",
		"stream", "listen=127.0.0.1:0", "listen=[::1]:0", "run=test -w /disk && touch /disk/x /tmp/x", "exit=0",
	)
	r.want(t, 0)
	if want := allBytes(8192); r.stdout != want {
		t.Errorf("stdout has %d bytes, want %d, or they differ", len(r.stdout), len(want))
	}
	f := parseFacts(t, r)
	const controllers = "cpuset cpu io memory"
	f.files(t, map[string]string{
		"testdata/sub/here": "testdata of cwd", "not-copied": "no such file",
		"/copied/here": "testdata of cwd", "/image/tree/leaf": "of a tree", shared + "/tree/leaf": "of a tree",
		"/sys/fs/cgroup/cgroup.controllers": controllers, "/sys/fs/cgroup/vmrun/cgroup.subtree_control": controllers,
		"/proc/sys/kernel/osrelease": k + ".", "/proc/sys/net/core/somaxconn": "777",
		"/etc/subuid": "tester:100000:65536", "/etc/nsswitch.conf": "files", "/etc/hosts": "localhost",
		"/proc/modules": "overlay", "/dev/stdin": "",
	})
	if f.UID != 0 || f.Dir != dir || f.Hostname != "guest" || f.Cgroup != "0::/vmrun/init\n" {
		t.Errorf("got %+v", f)
	}
	for _, kv := range []string{"SANDKIT_VM=" + k, "EXTRA=a b", "HOME=/root"} {
		if !slices.Contains(f.Env, kv) {
			t.Errorf("no %s in %q", kv, f.Env)
		}
	}
	for dir, typ := range map[string]string{
		"/proc": "proc", "/sys": "sysfs", "/dev": "devtmpfs", "/dev/pts": "devpts", "/dev/shm": "tmpfs", "/dev/mqueue": "mqueue",
		"/sys/fs/cgroup": "cgroup2", "/disk": "ext4", "/image": "ext4", tempDir: "tmpfs",
	} {
		if f.Mounts[dir] != typ {
			t.Errorf("%s is %q, want %q", dir, f.Mounts[dir], typ)
		}
	}
}

func allBytes(times int) string {
	all := make([]byte, 256)
	for i := range all {
		all[i] = byte(i)
	}
	return strings.Repeat(string(all), times)
}

// testUser1000 runs as an ordinary user who owns its cgroup.
func testUser1000(t *testing.T, l lane, k string) {
	dir, _ := workDir(t)
	r := l.run(
		t, dir, "-k", k, "-uid", "1000", "-modules", fewModules, "-cgroup", "/deep/er",
		l.probe, "facts=/sys/fs/cgroup/deep/cgroup.procs", "cgroup", "write=here", "write=testdata/sub/new", "write=/tmp/x",
		"write="+tempDir+"/x", "write=/run/user/1000/x", "write=/home/tester/x", "write=/dev/stdout", "exit=3",
	)
	r.want(t, 3)
	f := parseFacts(t, r)
	if f.UID != 1000 || f.GID != 1000 || f.Cgroup != "0::/deep/er/init\n" {
		t.Errorf("got %+v", f)
	}
	for _, kv := range []string{"HOME=/home/tester", "USER=tester", "XDG_RUNTIME_DIR=/run/user/1000"} {
		if !slices.Contains(f.Env, kv) {
			t.Errorf("no %s in %q", kv, f.Env)
		}
	}
	if r.stdout != "x" {
		t.Errorf("stdout is %q", r.stdout)
	}
}

func testSignal(t *testing.T, l lane, k string) {
	r := l.run(t, "/", "-k", k, "-modules", fewModules, "-v", l.probe, "kill")
	r.want(t, 128+9, "QEMU used")
}

func testTimeout(t *testing.T, l lane, k string) {
	r := l.run(t, "/", "-k", k, "-modules", fewModules, "-timeout", "8s", l.probe, "sleep")
	r.want(t, 124, "timed out")
	// On a busy machine the time is over before the program can sleep.
	if r.stdout != "" && !strings.Contains(r.stderr, "goroutine 1") {
		t.Errorf("SIGQUIT made no dump: %s", r.stderr)
	}
}

func testLeftovers(t *testing.T, l lane, k string) {
	r := l.run(t, "/", "-k", k, "-modules", fewModules+" veth", "-bin", "busybox", l.probe, "leave", "exit=0")
	r.want(t, 126, "(sleep 1234)", "cgroup /vmrun/stays", "mount /mnt (tmpfs", "network link stays0", "holds its output")
}

func testCrash(t *testing.T, l lane, k string) {
	r := l.run(t, "/", "-k", k, "-modules", fewModules, l.probe, "crash")
	r.want(t, 125, "Kernel panic", "sysrq triggered crash")
}

// testNoBoot: a machine that dies before its program starts gets more chances.
func testNoBoot(t *testing.T, l lane, k string) {
	r := l.run(t, "/", "-k", k, "-append", "rdinit=/none root=/dev/none", l.probe, "exit=0")
	r.want(t, 125, "Kernel panic", "before the program's start")
	if n := strings.Count(r.stderr, "it is started again"); n != boots-1 {
		t.Errorf("started again %d times: %s", n, r.stderr)
	}
}
