package sandbox_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"unsafe"

	"github.com/sandkit/sandkit/fs"
	"github.com/sandkit/sandkit/internal/testutil"
	"github.com/sandkit/sandkit/sandbox"
	"github.com/sandkit/sandkit/sandbox/seccomp"
)

// mounted mounts something on the host until the test ends: another directory
// of the same file system, as not every kernel has idmapped mounts of tmpfs.
func mounted(t *testing.T, dir string) {
	t.Helper()
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	other := t.TempDir()
	if err := errors.Join(os.Chmod(other, 0o777), syscall.Mount(other, dir, "", syscall.MS_BIND, "")); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, 0); err != nil {
			t.Error(err)
		}
	})
}

// TestReadOnlyIsRecursive: what is mounted below the source of a read-only bind
// mount is read-only as well, honours no set-user-ID bit and no device, and is
// left out of a flat one.
func TestReadOnlyIsRecursive(t *testing.T) {
	testutil.NeedRoot(t)
	testutil.Unchanged(t)
	data := t.TempDir()
	mounted(t, data+"/sub")
	mounted(t, data+"/sub/deep")
	for _, dir := range []string{"", "/sub", "/sub/deep"} {
		if err := errors.Join(os.WriteFile(data+dir+"/f", []byte("old"), 0o666), os.Chmod(data+dir+"/f", 0o666)); err != nil {
			t.Fatal(err)
		}
		if err := syscall.Mknod(data+dir+"/dev", syscall.S_IFCHR|0o666, 0x103); err != nil {
			t.Fatal(err)
		}
		testutil.CopyFile(t, testutil.Probe(t), data+dir+"/suid")
		if err := os.Chmod(data+dir+"/suid", 0o755|os.ModeSetuid); err != nil {
			t.Fatal(err)
		}
	}
	flat := fs.Bind(data, "/flat")
	flat.Flat = true
	opts := sandbox.Options(sandbox.WithMount(fs.BindRO(data, "/ro")), sandbox.WithMount(fs.Bind(data, "/rw")), sandbox.WithMount(flat),
		sandbox.WithUser("1000:1000"), sandbox.WithNewPrivileges(), sandbox.WithSeccomp(seccomp.Unconfined()))
	lanes(t, func(t *testing.T, lane sandbox.Option) {
		for _, dir := range []string{"", "/sub", "/sub/deep"} {
			out := probe(t, options(lane, opts), "read|/ro"+dir+"/f", "write|/ro"+dir+"/f|new", "create|/ro"+dir+"/new|x", "write|/rw"+dir+"/f|old",
				"write|/rw"+dir+"/dev|x", "read|/ro"+dir+"/dev", "run|/rw"+dir+"/suid|ids", "run|/ro"+dir+"/suid|ids")
			gives(t, out[0], "old")
			denied(t, out[1], erofs)
			denied(t, out[2], erofs, eacces)
			works(t, out[3])
			denied(t, out[4], eacces)
			denied(t, out[5], eacces)
			for _, o := range out[6:] {
				if !strings.Contains(o.Out, "uid=1000 euid=1000 ") {
					t.Errorf("%s: %s %s", o.Op, o.Out, o.Errno)
				}
			}
		}
		gives(t, probe1(t, options(lane, opts), "ls|/flat/sub"), "")
	})
}

// TestMountsDoNotSpread: what is mounted on the host while a sandbox runs does
// not turn up in it, and what is mounted inside not on the host.
func TestMountsDoNotSpread(t *testing.T) {
	testutil.NeedRoot(t)
	testutil.Unchanged(t)
	data := t.TempDir()
	mounted(t, data)
	if err := syscall.Mount("none", data, "", syscall.MS_SHARED, ""); err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(data+"/later", 0o777); err != nil {
		t.Fatal(err)
	}
	lanes(t, func(t *testing.T, lane sandbox.Option) {
		s, r := started(t, lane, sandbox.WithMount(fs.Bind(data, "/data")),
			sh("echo ready; while [ ! -e /data/go ]; do sleep 0.01; done; ls /data/later; grep -c ' /data' /proc/self/mountinfo"))
		awaitLine(t, r, "ready")
		if err := syscall.Mount("none", data+"/later", "tmpfs", 0, "size=8k"); err != nil {
			t.Fatal(err)
		}
		for _, name := range []string{"/later/visible", "/go"} {
			if err := os.WriteFile(data+name, nil, 0o644); err != nil {
				t.Error(err)
			}
		}
		awaitLine(t, r, "1")
		if err := errors.Join(syscall.Unmount(data+"/later", 0), os.Remove(data+"/go")); err != nil {
			t.Error(err)
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	all := sandbox.Options(everything(), sandbox.WithMount(fs.Bind(data, "/data")))
	works(t, probe1(t, options(all), "mount|none|/data/later|tmpfs|0"))
}

// TestSetUserID: programs of the root that would change who runs them do so
// only when asked for, and those of file capabilities as well.
func TestSetUserID(t *testing.T) {
	testutil.NeedRoot(t)
	testutil.Unchanged(t)
	root := testutil.Root(t)
	for _, name := range []string{"suid", "caps"} {
		testutil.CopyFile(t, testutil.Probe(t), root+"/bin/"+name)
	}
	if err := os.Chmod(root+"/bin/suid", 0o755|os.ModeSetuid); err != nil {
		t.Fatal(err)
	}
	// struct vfs_cap_data: version 2 and effective, permitted NET_RAW.
	netRaw := []byte{1, 0, 0, 2, 0, 0x20, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}
	if err := syscall.Setxattr(root+"/bin/caps", "security.capability", netRaw, 0); err != nil {
		t.Fatal(err)
	}
	user := sandbox.Options(sandbox.WithRootfs(root), sandbox.WithUser("1000:1000"), sandbox.WithCapabilities("NET_RAW"))
	allowed := sandbox.Options(user, sandbox.WithNewPrivileges(), sandbox.WithSeccomp(seccomp.Unconfined()))
	lanes(t, func(t *testing.T, lane sandbox.Option) {
		out := probe(t, options(lane, user), "run|/bin/suid|ids", "run|/bin/caps|rawsocket", "status|CapBnd")
		if !strings.Contains(out[0].Out, "uid=1000 euid=1000 ") {
			t.Errorf("a set-user-ID program runs as %s %s", out[0].Out, out[0].Errno)
		}
		if !strings.Contains(out[1].Out, eperm) {
			t.Errorf("a program with capabilities: %s %s", out[1].Out, out[1].Errno)
		}
		gives(t, out[2], "CapBnd:0000000000002000")
		for _, o := range []sandbox.Option{allowed, sandbox.Options(allowed, sandbox.WithRootfsWritable(root))} {
			out = probe(t, options(lane, o), "run|/bin/suid|ids", "run|/bin/caps|rawsocket")
			if !strings.Contains(out[0].Out, "uid=1000 euid=0 ") {
				t.Errorf("allowed, a set-user-ID program runs as %s %s", out[0].Out, out[0].Errno)
			}
			if !strings.Contains(out[1].Out, `"Errno":""`) {
				t.Errorf("allowed, a program with capabilities: %s %s", out[1].Out, out[1].Errno)
			}
		}
	})
}

// TestDevicesOfTheRoot: device nodes that lie in the root, or are smuggled into
// it, are not devices.
func TestDevicesOfTheRoot(t *testing.T) {
	testutil.NeedRoot(t)
	testutil.Unchanged(t)
	root := testutil.Root(t)
	if err := syscall.Mknod(root+"/null", syscall.S_IFCHR|0o666, 0x103); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(root+"/null", 0o666); err != nil {
		t.Fatal(err)
	}
	lanes(t, func(t *testing.T, lane sandbox.Option) {
		for name, o := range map[string]sandbox.Option{"copy": sandbox.WithRootfs(root), "writable": sandbox.WithRootfsWritable(root)} {
			out := probe(t, options(lane, o, sandbox.WithCapabilities("MKNOD", "DAC_OVERRIDE")), "write|/null|x", "mknod|/tmp/made|0020666|0x103", "write|/tmp/made|x")
			denied(t, out[0], eacces)
			if out[2].Errno == "" {
				t.Errorf("%s: a device that was made inside works", name)
			}
			if err := os.Remove(root + "/tmp/made"); err != nil && !errors.Is(err, os.ErrNotExist) {
				t.Error(err)
			}
		}
	})
}

// TestHostileRoot: links in a root that lead out of it lead into it, and
// nothing of the host is made, changed or shown by them.
func TestHostileRoot(t *testing.T) {
	testutil.Unchanged(t)
	host := t.TempDir()
	testutil.Tree(t, host, "file secret of the host", "file hidden of the host", "dir empty")
	before := contents(t, host)
	up := strings.Repeat("../", 20)
	lines := []string{
		"dir " + host[1:] + "/empty", "dir " + host[1:] + "/made", // inside, by the same names
		"link data " + host, "link updata " + up + host, "link dangling " + host + "/made", "link a/b/c " + up + host + "/empty",
		"link nowhere " + up + host + "/new", "link dev/null /proc/sys/kernel/core_pattern", "link dev/pts " + host, "link dev/shm " + host, "link etc/hosts " + host + "/hidden",
	}
	lanes(t, func(t *testing.T, lane sandbox.Option) {
		for name, dir := range map[string]func(string) sandbox.Option{"copy": sandbox.WithRootfs, "writable": sandbox.WithRootfsWritable} {
			root := testutil.Root(t, lines...)
			out := probe(t, options(lane, dir(root), sandbox.WithMount(fs.Tmpfs("/data/x", 0)), sandbox.WithMount(fs.File("/updata/secret", 0, []byte("fake"))),
				sandbox.WithMount(fs.File("/dangling/f", 0, []byte("new"))), sandbox.WithMount(fs.Tmpfs("/a/b/c/d", 0)), sandbox.WithMaskedPaths("/etc/hosts")),
				"read|/data/secret", "read|"+host+"/secret", "read|/dangling/f", "create|/a/b/c/d/x|x", "stat|/dev/null", "create|/dev/shm/x|x", "read|/etc/hosts",
				"read|"+host+"/secret/../../secret", "ls|/dev/pts")
			for _, o := range out[:2] {
				gives(t, o, "fake")
			}
			gives(t, out[2], "new")
			works(t, out[3])
			if !strings.Contains(out[4].Out, "rdev=1:3") {
				t.Errorf("%s: /dev/null is %s", name, out[4].Out)
			}
			works(t, out[5])
			if strings.Contains(out[6].Out, "of the host") {
				t.Errorf("%s: a link shows %q", name, out[6].Out)
			}
			if out[7].Errno == "" {
				t.Errorf("%s: %s worked", name, out[7].Op)
			}
			gives(t, out[8], "ptmx")
			_, _, err := tryProbe(t, options(lane, dir(root), sandbox.WithMount(fs.Tmpfs("/nowhere/x", 0))), "cwd")
			if err != nil && !errors.Is(err, os.ErrNotExist) {
				t.Errorf("%s: a target below a link to nothing: %v", name, err)
			}
			if after := contents(t, host); after != before {
				t.Fatalf("%s: the host's directory changed:\n%s", name, after)
			}
		}
	})
}

// exchange swaps two names at once.
func exchange(a, b string) error {
	const sysRenameat2, atFdcwd, renameExchange = 316, -100, 2
	pa, err := syscall.BytePtrFromString(a)
	if err != nil {
		return err
	}
	pb, err := syscall.BytePtrFromString(b)
	if err != nil {
		return err
	}
	at := atFdcwd
	if _, _, errno := syscall.Syscall6(sysRenameat2, uintptr(at), uintptr(unsafe.Pointer(pa)), uintptr(at), uintptr(unsafe.Pointer(pb)), renameExchange, 0); errno != 0 {
		return errno
	}
	return nil
}

// TestRacingTargets is CVE-2021-30465: while sandboxes start in a shared root,
// somebody exchanges the directory of a mount's target for a link that leads
// out. Each mount is in the root, or the start fails; the host never sees one,
// and nothing is made outside.
func TestRacingTargets(t *testing.T) {
	testutil.Unchanged(t)
	host, root := t.TempDir(), testutil.Root(t, "dir vol/dir")
	testutil.Tree(t, host, "dir target", "file marker of the host")
	before := contents(t, host)
	if err := os.Symlink(strings.Repeat("../", 20)+host, filepath.Join(root, "vol/link")); err != nil {
		t.Fatal(err)
	}
	stop := make(chan struct{})
	var wg sync.WaitGroup
	swaps := 0
	wg.Go(func() {
		for ; ; swaps++ {
			select {
			case <-stop:
				return
			default:
			}
			if err := exchange(root+"/vol/dir", root+"/vol/link"); err != nil {
				t.Error(err)
				return
			}
		}
	})
	n := 300
	if testing.Short() {
		n = 40
	}
	worked := 0
	for i := range n {
		dir := sandbox.WithRootfs
		if i%2 == 0 {
			dir = sandbox.WithRootfsWritable
		}
		out, _, err := tryProbe(t, options(dir(root), sandbox.WithMount(fs.Tmpfs("/vol/dir/target", 0)), sandbox.WithMount(fs.File("/vol/dir/target/f", 0, []byte("x"))),
			sandbox.WithMount(fs.Bind(root+"/home", "/vol/dir/made"))), "read|/vol/dir/marker", "read|/vol/link/marker")
		if err != nil {
			if e, ok := errors.AsType[*sandbox.Error](err); !ok || e.Stage != sandbox.StageMount && e.Stage != sandbox.StageRoot {
				t.Fatal(err)
			}
			continue
		}
		worked++
		for _, o := range testutil.Outcomes(t, out) {
			if strings.Contains(o.Out, "of the host") {
				t.Fatalf("%s: %s", o.Op, o.Out)
			}
		}
	}
	close(stop)
	wg.Wait()
	if swaps < n || worked == 0 {
		t.Errorf("%d swaps, %d of %d starts worked, so little was tested", swaps, worked, n)
	}
	if after := contents(t, host); after != before {
		t.Errorf("the host's directory changed:\n%s", after)
	}
}
