package sandbox_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/sandkit/sandkit/fs"
	"github.com/sandkit/sandkit/internal/testutil"
	"github.com/sandkit/sandkit/sandbox"
)

// contents lists a tree of the host with types, modes, owners and content.
func contents(t *testing.T, dir string) string {
	t.Helper()
	var b strings.Builder
	err := filepath.WalkDir(dir, func(p string, d os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		i, err := d.Info()
		if err != nil {
			return err
		}
		st := i.Sys().(*syscall.Stat_t)
		fmt.Fprintf(&b, "%s %v %d:%d", strings.TrimPrefix(p, dir), i.Mode(), st.Uid, st.Gid)
		if i.Mode().IsRegular() && i.Size() < 4096 {
			c, err := os.ReadFile(p)
			if err != nil {
				return err
			}
			fmt.Fprintf(&b, " %q", c)
		}
		b.WriteByte('\n')
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestRootfsIsNeverWritten(t *testing.T) {
	root := testutil.Root(t, "file etc/config old", "file data/keep x", "dir data/gone")
	before := contents(t, root)
	testutil.Unchanged(t)
	lanes(t, func(t *testing.T, lane sandbox.Option) {
		out := probe(t, options(lane, sandbox.WithRootfs(root)),
			"write|/etc/config|new", "create|/new|n", "mkdir|/data/dir", "remove|/data/gone", "mkdir|/data/gone",
			"rename|/data/keep|/data/moved", "read|/etc/config", "read|/new", "read|/data/moved", "stat|/data/keep")
		for i, o := range out[:6] {
			if i == 4 && !opaqueDirectories(t) {
				denied(t, o, "input/output error")
				continue
			}
			works(t, o)
		}
		gives(t, out[6], "new")
		gives(t, out[7], "n")
		gives(t, out[8], "x")
		denied(t, out[9], enoent)
		if after := contents(t, root); after != before {
			t.Errorf("the root changed:\n%s", after)
		}
	})
}

// opaqueDirectories tells whether a directory can be made where one of the lower
// layer was removed: until Linux 6.6 a tmpfs has no extended attributes that an
// ordinary user's overlay could note that with.
func opaqueDirectories(t *testing.T) bool {
	t.Helper()
	f, err := sandbox.Probe(testContext(t))
	if err != nil {
		t.Fatal(err)
	}
	return testutil.IsRoot() || f.Version.AtLeast(6, 6)
}

func TestRootfsWritable(t *testing.T) {
	testutil.Unchanged(t)
	lanes(t, func(t *testing.T, lane sandbox.Option) {
		root := testutil.Root(t, "file etc/config old")
		works(t, probe1(t, options(lane, sandbox.WithRootfsWritable(root)), "create|/inside|x"))
		st, err := os.Stat(filepath.Join(root, "inside"))
		if err != nil {
			t.Fatal(err)
		}
		// Root inside is, through the idmapped mount, who root is on the host.
		if uid := st.Sys().(*syscall.Stat_t).Uid; int(uid) != os.Geteuid() {
			t.Errorf("the file belongs to %d, not to %d", uid, os.Geteuid())
		}
	})
}

func TestReadOnlyRootfs(t *testing.T) {
	root := testutil.Root(t)
	before := contents(t, root)
	testutil.Unchanged(t)
	lanes(t, func(t *testing.T, lane sandbox.Option) {
		for name, o := range map[string]sandbox.Option{"tools": sandbox.Options(), "directory": sandbox.WithRootfs(root)} {
			out := probe(t, options(lane, o, sandbox.WithReadOnlyRootfs(), sandbox.WithMount(fs.Tmpfs("/tmp", 0))),
				"create|/x", "create|/etc/x", "create|/tmp/x|works", "create|/dev/shm/x", "write|/dev/null|x")
			denied(t, out[0], erofs)
			denied(t, out[1], erofs)
			for _, o := range out[2:] {
				if o.Errno != "" {
					t.Errorf("%s: %s: %s", name, o.Op, o.Errno)
				}
			}
		}
		if contents(t, root) != before {
			t.Error("the root changed")
		}
	})
}

func TestOwnersLookRight(t *testing.T) {
	testutil.NeedRoot(t)
	testutil.Unchanged(t)
	root := testutil.Root(t, "file home/user/f x", "file mine x")
	data := t.TempDir()
	testutil.Tree(t, data, "file theirs x")
	for path, id := range map[string]int{root + "/home/user/f": 1000, data + "/theirs": 1000} {
		if err := os.Chown(path, id, id); err != nil {
			t.Fatal(err)
		}
	}
	lanes(t, func(t *testing.T, lane sandbox.Option) {
		out := probe(t, options(lane, sandbox.WithRootfs(root), sandbox.WithMount(fs.Bind(data, "/data"))),
			"stat|/mine", "stat|/home/user/f", "stat|/data/theirs", "stat|/bin", "stat|/", "stat|/dev/shm")
		for i, want := range []string{"100644 0:0", "100644 1000:1000", "100644 1000:1000", "40755 0:0", "40755 0:0", "41777 0:0"} {
			if !strings.HasPrefix(out[i].Out, want+" ") {
				t.Errorf("%s: %s, want %s", out[i].Op, out[i].Out, want)
			}
		}
	})
	// What a user inside makes on the host belongs to the same number outside.
	works(t, probe1(t, options(sandbox.WithRootfs(root), sandbox.WithUser("1000:1000"),
		sandbox.WithMount(fs.Bind(data, "/data"))), "write|/data/theirs|changed"))
}

func TestHostOwners(t *testing.T) {
	testutil.NeedRoot(t)
	testutil.Unchanged(t)
	data := t.TempDir()
	testutil.Tree(t, data, "file f x")
	m := fs.Bind(data, "/data")
	m.HostOwners = true
	out := probe(t, options(sandbox.WithMount(m)), "stat|/data/f", "write|/data/f|y")
	if !strings.Contains(out[0].Out, " 65534:65534 ") {
		t.Errorf("owner %s, want nobody", out[0].Out)
	}
	denied(t, out[1], eacces)
}

func TestBindMounts(t *testing.T) {
	testutil.Unchanged(t)
	data := t.TempDir()
	testutil.Tree(t, data, "file f content", "file sub/g deep", "file prog x")
	noexec := fs.BindRO(data, "/noexec")
	noexec.NoExec = true
	lanes(t, func(t *testing.T, lane sandbox.Option) {
		out := probe(t, options(lane, sandbox.WithMount(fs.Bind(data, "/a/b/c")), sandbox.WithMount(fs.BindRO(data, "/ro")),
			sandbox.WithMount(fs.Bind(data+"/f", "/etc/one")), sandbox.WithMount(noexec)),
			"read|/a/b/c/sub/g", "write|/a/b/c/f|content", "read|/ro/f", "write|/ro/f|no", "create|/ro/new", "read|/etc/one", "write|/noexec/f")
		gives(t, out[0], "deep")
		works(t, out[1])
		gives(t, out[2], "content")
		denied(t, out[3], erofs)
		denied(t, out[4], erofs)
		gives(t, out[5], "content")
		denied(t, out[6], erofs)
	})
}

// TestStrangeNames: nothing in a path means anything but itself.
func TestStrangeNames(t *testing.T) {
	testutil.Unchanged(t)
	for _, name := range []string{"a:b", "a,b", `a\b`, "a b", "a\nb", "ünï", "lower=x", "'", `"`, "%s", "$HOME", "*", "-o"} {
		dir := filepath.Join(t.TempDir(), name)
		testutil.Tree(t, dir, "file f in "+fmt.Sprintf("%q", name))
		root := filepath.Join(filepath.Dir(dir), name+" root")
		testutil.Tree(t, root, "dir bin", "file here yes")
		testutil.CopyFile(t, testutil.Probe(t), root+"/bin/probe")
		out := probe(t, options(sandbox.WithRootfs(root), sandbox.WithMount(fs.Bind(dir, "/mnt/"+name)),
			sandbox.WithMount(fs.File("/etc/"+name, 0, []byte("file")))),
			"read|/mnt/"+name+"/f", "read|/here", "create|/new", "read|/etc/"+name)
		gives(t, out[0], "in "+fmt.Sprintf("%q", name))
		gives(t, out[1], "yes")
		works(t, out[2])
		gives(t, out[3], "file")
	}
}

func TestTmpfs(t *testing.T) {
	testutil.Unchanged(t)
	small := fs.Tmpfs("/small", 1<<20)
	private := fs.Tmpfs("/private", 0)
	private.Mode = 0o700
	lanes(t, func(t *testing.T, lane sandbox.Option) {
		out := probe(t, options(lane, sandbox.WithMount(small), sandbox.WithMount(private), sandbox.WithScratchSize(2<<20)),
			"fill|/small/f|4000000", "stat|/small", "stat|/private", "fill|/f|8000000", "fill|/dev/shm/f|128000000", "stat|/tmp")
		denied(t, out[0], enospc)
		if n := out[0].Out; n != "1048576" {
			t.Errorf("%s bytes fitted into 1 MiB", n)
		}
		for i, mode := range map[int]string{1: "41777 0:0", 2: "40700 0:0", 5: "41777 0:0"} {
			if !strings.HasPrefix(out[i].Out, mode) {
				t.Errorf("%s: %s, want mode %s", out[i].Op, out[i].Out, mode)
			}
		}
		denied(t, out[3], enospc)
		denied(t, out[4], enospc)
	})
}

func TestFiles(t *testing.T) {
	testutil.Unchanged(t)
	root := testutil.Root(t, "file etc/config old", "link etc/link ../../../etc/config", "fifo etc/fifo")
	writable := testutil.Root(t, "file etc/config old")
	data := t.TempDir()
	testutil.Tree(t, data, "file inside old")
	lanes(t, func(t *testing.T, lane sandbox.Option) {
		big := strings.Repeat("0123456789", 100000)
		ro := fs.File("/etc/fixed", 0o666, []byte("fixed"))
		ro.ReadOnly = true
		mounts := []sandbox.Option{
			lane,
			sandbox.WithMount(fs.File("/etc/config", 0, []byte("new"))),
			sandbox.WithMount(fs.File("/run/deep/er/file", 0o600, []byte("x"))),
			sandbox.WithMount(fs.File("/big", 0, []byte(big))),
			sandbox.WithMount(fs.File("/empty", 0, nil)),
			sandbox.WithMount(ro),
		}
		ops := []string{"read|/etc/config", "stat|/run/deep/er/file", "read|/big", "read|/empty", "read|/etc/fixed", "write|/etc/fixed", "remove|/etc/config"}
		check := func(opts ...sandbox.Option) {
			out := probe(t, append(opts, mounts...), ops...)
			gives(t, out[0], "new")
			if !strings.HasPrefix(out[1].Out, "100600 0:0") {
				t.Errorf("%s: %s %s", out[1].Op, out[1].Out, out[1].Errno)
			}
			gives(t, out[2], big)
			gives(t, out[3], "")
			gives(t, out[4], "fixed")
			denied(t, out[5], erofs)
		}
		check()
		check(sandbox.WithRootfs(root), sandbox.WithMount(fs.File("/etc/link", 0, []byte("x"))), sandbox.WithMount(fs.File("/etc/fifo", 0, []byte("x"))))
		before := contents(t, writable+"/etc")
		check(sandbox.WithRootfsWritable(writable))
		if after := contents(t, writable+"/etc"); !strings.HasPrefix(after, before[:strings.Index(before, "\n")]) || strings.Contains(after, "new") {
			t.Errorf("content was written to a directory of the host:\n%s", after)
		}
		// Below a bind mount the host's file stays as it is.
		out := probe(t, options(lane, sandbox.WithMount(fs.Bind(data, "/data")), sandbox.WithMount(fs.File("/data/inside", 0, []byte("new")))), "read|/data/inside")
		gives(t, out[0], "new")
		if b, err := os.ReadFile(data + "/inside"); err != nil || string(b) != "old" {
			t.Errorf("the host's file is %q now, %v", b, err)
		}
	})
}

// TestFileBehindALink: a link that leads into a bind mount does not let a file
// be written to the host.
func TestFileBehindALink(t *testing.T) {
	testutil.Unchanged(t)
	data := t.TempDir()
	root := testutil.Root(t, "link alias data")
	_, _, err := tryProbe(t, options(sandbox.WithRootfs(root), sandbox.WithMount(fs.Bind(data, "/data")),
		sandbox.WithMount(fs.File("/alias/new", 0, []byte("x")))), "cwd")
	if err == nil {
		t.Error("the file was written through a link")
	}
	if names, err := os.ReadDir(data); err != nil || len(names) != 0 {
		t.Errorf("on the host there is now %v, %v", names, err)
	}
}

func TestScratchTooSmall(t *testing.T) {
	testutil.Unchanged(t)
	_, _, err := tryProbe(t, options(sandbox.WithScratchSize(64<<10), sandbox.WithMount(fs.File("/big", 0, make([]byte, 1<<20)))), "cwd")
	if err == nil || !strings.Contains(err.Error(), "mount /big") || !strings.Contains(err.Error(), enospc) {
		t.Errorf("a file that does not fit: %v", err)
	}
}

func TestDev(t *testing.T) {
	testutil.Unchanged(t)
	lanes(t, func(t *testing.T, lane sandbox.Option) {
		out := probe(t, options(lane), "ls|/dev", "stat|/dev/null", "stat|/dev/tty", "write|/dev/null|x", "openpty", "create|/dev/shm/x",
			"readlink|/dev/fd", "readlink|/dev/ptmx", "ls|/dev/mqueue", "ls|/dev/pts", "opentty", "stat|/dev/mem", "stat|/dev/kmsg", "stat|/dev/console")
		gives(t, out[0], "fd\nfull\nmqueue\nnull\nptmx\npts\nrandom\nshm\nstderr\nstdin\nstdout\ntty\nurandom\nzero")
		if !strings.HasPrefix(out[1].Out, "20666 ") || !strings.Contains(out[1].Out, "rdev=1:3") {
			t.Errorf("/dev/null is %s", out[1].Out)
		}
		if !strings.Contains(out[2].Out, "rdev=5:0") {
			t.Errorf("/dev/tty is %s", out[2].Out)
		}
		works(t, out[3])
		gives(t, out[4], "/dev/pts/0")
		works(t, out[5])
		gives(t, out[6], "/proc/self/fd")
		gives(t, out[7], "pts/ptmx")
		gives(t, out[8], "")
		gives(t, out[9], "ptmx")
		denied(t, out[10], enxio)
		for _, o := range out[11:] {
			denied(t, o, enoent)
		}
	})
}

func TestProcPIDOnly(t *testing.T) {
	testutil.Unchanged(t)
	out := probe(t, options(sandbox.WithProc(fs.Proc{PIDOnly: true})), "stat|/proc/meminfo", "stat|/proc/sys", "read|/proc/self/comm", "ls|/proc")
	denied(t, out[0], enoent)
	denied(t, out[1], enoent)
	gives(t, out[2], "probe\n")
	gives(t, out[3], "1\n2\nself\nthread-self")
}

// TestMountOrder: what lies in another mount comes after it, however the
// options were given.
func TestMountOrder(t *testing.T) {
	testutil.Unchanged(t)
	data := t.TempDir()
	testutil.Tree(t, data, "file f data", "dir in")
	out := probe(t, options(sandbox.WithMount(fs.File("/top/in/file", 0, []byte("inner"))), sandbox.WithMount(fs.Tmpfs("/top/in", 0)),
		sandbox.WithMount(fs.BindRO(data, "/top"))), "read|/top/f", "read|/top/in/file", "create|/top/in/new")
	gives(t, out[0], "data")
	gives(t, out[1], "inner")
	works(t, out[2])
}

// TestHostMountTableIsNotInherited: of the host there is nothing in the mount
// table but what was asked for, neither below nor under or over the root.
func TestHostMountTableIsNotInherited(t *testing.T) {
	testutil.Unchanged(t)
	root := testutil.Root(t)
	lanes(t, func(t *testing.T, lane sandbox.Option) {
		for name, o := range map[string]sandbox.Option{
			"tools": sandbox.Options(), "overlay": sandbox.WithRootfs(root), "writable": sandbox.WithRootfsWritable(root),
			"files": sandbox.Options(sandbox.WithRootfsWritable(root), sandbox.WithMount(fs.File("/etc/f", 0, nil))),
		} {
			out := probe(t, options(lane, o), "read|/proc/self/mountinfo", "ls|/", "ls|/..", "ls|/../..")
			roots := 0
			for line := range strings.Lines(out[0].Out) {
				switch at := strings.Fields(line)[4]; {
				case at == "/":
					roots++
				case strings.HasPrefix(at, "/proc"), strings.HasPrefix(at, "/sys"), strings.HasPrefix(at, "/dev"),
					strings.HasPrefix(at, "/usr"), strings.HasPrefix(at, "/etc/"), at == probePath:
				default:
					t.Errorf("%s: unexpected mount: %s", name, line)
				}
			}
			if roots != 1 || strings.Contains(out[0].Out, "lowerdir=/") {
				t.Errorf("%s: %d mounts at the root, or paths of the host:\n%s", name, roots, out[0].Out)
			}
			for _, o := range out[2:] {
				gives(t, o, out[1].Out)
			}
		}
	})
}
