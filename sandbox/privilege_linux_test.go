package sandbox_test

import (
	"fmt"
	"net"
	"os"
	"strings"
	"testing"

	"github.com/sandkit/sandkit/fs"
	"github.com/sandkit/sandkit/internal/testutil"
	"github.com/sandkit/sandkit/sandbox"
	"github.com/sandkit/sandkit/sandbox/seccomp"
)

const noCaps = "0000000000000000"

func TestNoPrivilegesByDefault(t *testing.T) {
	testutil.Unchanged(t)
	lanes(t, func(t *testing.T, lane sandbox.Option) {
		out := probe(t, options(lane), "status|CapInh|CapPrm|CapEff|CapBnd|CapAmb|NoNewPrivs|Seccomp|Seccomp_filters", "ids", "rlimit|4", "umask")
		gives(t, out[0], "CapInh:"+noCaps+"\nCapPrm:"+noCaps+"\nCapEff:"+noCaps+"\nCapBnd:"+noCaps+"\nCapAmb:"+noCaps+
			"\nNoNewPrivs:1\nSeccomp:2\nSeccomp_filters:1")
		if !strings.HasPrefix(out[1].Out, "uid=0 euid=0 gid=0 egid=0 ") {
			t.Errorf("ids: %s", out[1].Out)
		}
		gives(t, out[2], "0:0")
		gives(t, out[3], "22")
	})
}

func TestUsers(t *testing.T) {
	testutil.Unchanged(t)
	root := testutil.Root(t)
	cases := map[string]string{
		"user":        "uid=1000 euid=1000 gid=1000 egid=1000 groups=[44]",
		"1000":        "uid=1000 euid=1000 gid=1000 egid=1000 groups=[44]",
		"user:root":   "uid=1000 euid=1000 gid=0 egid=0 groups=[]",
		"4000:5000":   "uid=4000 euid=4000 gid=5000 egid=5000 groups=[]",
		"65534:65534": "uid=65534 euid=65534 gid=65534 egid=65534 groups=[]",
	}
	for user, want := range cases {
		if !testutil.IsRoot() && strings.Contains(want, "44") {
			continue // TestGroupsOfAnOrdinaryUser
		}
		lanes(t, func(t *testing.T, lane sandbox.Option) {
			out := probe(t, options(lane, sandbox.WithRootfs(root), sandbox.WithUser(user)), "ids", "status|CapEff|CapPrm|CapBnd", "env", "create|/tmp/mine|x", "create|/etc/no|x")
			if got := out[0].Out; testutil.IsRoot() && got != want || !strings.HasPrefix(got, want[:strings.Index(want, " groups")]) {
				t.Errorf("%s: %s, want %s", user, got, want)
			}
			gives(t, out[1], "CapPrm:"+noCaps+"\nCapEff:"+noCaps+"\nCapBnd:"+noCaps)
			if user == "user" && !strings.Contains(out[2].Out, "HOME=/home/user") {
				t.Errorf("environment:\n%s", out[2].Out)
			}
			works(t, out[3])
			if testutil.IsRoot() { // an ordinary user has only one id, which owns everything
				denied(t, out[4], eacces)
			}
		})
	}
	if testutil.IsRoot() {
		gives(t, probe1(t, options(sandbox.WithUser("5:6"), sandbox.WithGroups(7, 8)), "ids"), "uid=5 euid=5 gid=6 egid=6 groups=[7 8]")
	}
}

func TestGroupsOfAnOrdinaryUser(t *testing.T) {
	if testutil.IsRoot() {
		t.Skip("for the lane that runs as an ordinary user")
	}
	testutil.Unchanged(t)
	_, _, err := tryProbe(t, options(sandbox.WithGroups(7)), "ids")
	if err == nil || !strings.Contains(err.Error(), "supplementary groups") || !strings.Contains(err.Error(), "/etc/subuid") {
		t.Errorf("groups without ranges: %v", err)
	}
	res, err := sandbox.Run(testContext(t), sandbox.BestEffort(sandbox.WithGroups(7)), sandbox.WithCommand("true"))
	if err != nil {
		t.Errorf("groups as best effort: %v, %v", res, err)
	}
}

func TestCapabilities(t *testing.T) {
	testutil.Unchanged(t)
	caps := sandbox.WithCapabilities("CHOWN", "CAP_NET_BIND_SERVICE", "net_raw")
	out := probe(t, options(caps), "status|CapInh|CapPrm|CapEff|CapBnd|CapAmb", "listen|tcp|127.0.0.1:80", "socket|2|3|1")
	const set = "0000000000002401"
	gives(t, out[0], "CapInh:"+noCaps+"\nCapPrm:"+set+"\nCapEff:"+set+"\nCapBnd:"+set+"\nCapAmb:"+noCaps)
	works(t, out[1])
	works(t, out[2])
	// Another user has them in the bounding set only, unless they are ambient.
	user := sandbox.WithUser("7:7")
	out = probe(t, options(caps, user), "status|CapInh|CapPrm|CapEff|CapBnd|CapAmb", "listen|tcp|127.0.0.1:80")
	gives(t, out[0], "CapInh:"+noCaps+"\nCapPrm:"+noCaps+"\nCapEff:"+noCaps+"\nCapBnd:"+set+"\nCapAmb:"+noCaps)
	denied(t, out[1], eacces)
	out = probe(t, options(user, sandbox.WithAmbientCapabilities("NET_BIND_SERVICE")), "status|CapInh|CapPrm|CapEff|CapBnd|CapAmb", "listen|tcp|127.0.0.1:80")
	const one = "0000000000000400"
	gives(t, out[0], "CapInh:"+one+"\nCapPrm:"+one+"\nCapEff:"+one+"\nCapBnd:"+one+"\nCapAmb:"+one)
	works(t, out[1])
}

// TestAllCapabilitiesStayInside: whatever root inside may do, it does it to
// nothing of the host.
func TestAllCapabilitiesStayInside(t *testing.T) {
	testutil.Unchanged(t)
	all := options(sandbox.WithCapabilities("ALL"), sandbox.WithSeccomp(seccomp.Unconfined()))
	if err := os.WriteFile(t.TempDir()+"/x", nil, 0o600); err != nil {
		t.Fatal(err)
	}
	const settime, reboot = 227, 169 // amd64; other architectures only try something else
	out := probe(t, all,
		"write|/proc/sys/kernel/core_pattern|x", "write|/proc/sysrq-trigger|h", "write|/sys/power/state|mem", "read|/proc/kcore",
		"mknod|/dev/sda|0060660|0x800", fmt.Sprintf("syscall|%d|0|0", settime), fmt.Sprintf("syscall|%d|0xfee1dead|672274793|0", reboot),
		"mount|none|/proc/sys|tmpfs|0", "umount|/proc/keys|2", "mount||/usr||36|", "umount|/usr|2", "mount|none|/mnt|tmpfs|0")
	for _, o := range out[:7] {
		denied(t, o, eacces, eperm, erofs, enoent, einval, "bad address")
	}
	// Mounting works in a mount namespace of its own, but nothing that the
	// sandbox was given can be taken off or made writable.
	denied(t, out[8], einval, eperm)
	denied(t, out[9], eperm, eacces)
	denied(t, out[10], einval, eperm)
	works(t, out[11])
}

func TestSysctlsAndSysfsAreNotWritable(t *testing.T) {
	testutil.Unchanged(t)
	lanes(t, func(t *testing.T, lane sandbox.Option) {
		out := probe(t, options(lane), "sweep|/proc|/proc/1|/proc/2|/proc/self|/proc/thread-self", "sweep|/sys")
		for path := range strings.FieldsSeq(out[0].Out + "\n" + out[1].Out) {
			// A hidden file is the null device, which takes everything.
			if d := probe1(t, options(lane), "stat|"+path); !strings.Contains(d.Out, "rdev=1:3") {
				t.Errorf("%s can be written to", path)
			}
		}
	})
}

func TestMaskedPaths(t *testing.T) {
	testutil.Unchanged(t)
	lanes(t, func(t *testing.T, lane sandbox.Option) {
		var ops []string
		for _, p := range fs.DefaultMasked() {
			ops = append(ops, "read|"+p, "ls|"+p)
		}
		for _, o := range probe(t, options(lane), ops...) {
			if o.Errno == "" && o.Out != "" {
				t.Errorf("%s shows %.60q", o.Op, o.Out)
			}
		}
		out := probe(t, options(lane, sandbox.WithMaskedPaths("/etc/passwd", "/usr/bin", "/proc/memin*", "/nowhere"), sandbox.WithReadOnlyPaths("/tmp")),
			"read|/etc/passwd", "ls|/usr/bin", "read|/proc/meminfo", "create|/tmp/x|x")
		for _, o := range out[:3] {
			gives(t, o, "")
		}
		denied(t, out[3], erofs)
	})
}

func TestKernelInterfacesAreClosed(t *testing.T) {
	testutil.Unchanged(t)
	const (
		mnt, user         = 0x20000, 0x10000000
		afAlg, afVsock    = 38, 40
		packet, netlink   = 17, 16
		raw, dgram        = 3, 2
		tiocsti, tioclinx = 0x5412, 0x541c
	)
	lanes(t, func(t *testing.T, lane sandbox.Option) {
		out := probe(t, options(lane),
			fmt.Sprintf("unshare|%d", user), fmt.Sprintf("unshare|%d", mnt), "mount|none|/tmp|tmpfs|0", "umount|/proc|2",
			fmt.Sprintf("socket|%d|5|0", afAlg), fmt.Sprintf("socket|%d|1|0", afVsock), fmt.Sprintf("socket|%d|%d|0", packet, raw),
			fmt.Sprintf("socket|2|%d|1", raw), "mknod|/tmp/null|0020666|0x103", "ptrace|1", "setuid|7")
		for _, o := range out {
			denied(t, o, eperm, enosys, eafnos, einval, "protocol not supported")
		}
		for _, req := range []string{"0x5412", "0x541c", "0x100005412", "0xffffffff00005412"} {
			denied(t, probe1(t, options(lane), "tiocsti|0|"+req), eperm)
		}
	})
}

func TestSeccompProfiles(t *testing.T) {
	testutil.Unchanged(t)
	custom, err := seccomp.ParseDocker([]byte(`{"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [
		{"names": ["mkdir", "mkdirat"], "action": "SCMP_ACT_ERRNO", "errnoRet": 28}]}`))
	if err != nil {
		t.Fatal(err)
	}
	out := probe(t, options(sandbox.WithSeccomp(custom)), "mkdir|/tmp/x", "status|Seccomp")
	denied(t, out[0], enospc)
	gives(t, out[1], "Seccomp:2")
	gives(t, probe1(t, options(sandbox.WithSeccomp(seccomp.Unconfined())), "status|Seccomp"), "Seccomp:0")
	gives(t, probe1(t, options(sandbox.WithSeccomp(seccomp.Strict())), "status|Seccomp"), "Seccomp:2")
}

func TestLandlock(t *testing.T) {
	testutil.Unchanged(t)
	f, err := sandbox.Probe(testContext(t))
	if err != nil {
		t.Fatal(err)
	}
	if f.Landlock == 0 {
		t.Skip("this kernel has no Landlock")
	}
	abstract, err := net.Listen("unix", "@sandkit-landlock-"+itoa(os.Getpid()))
	if err != nil {
		t.Fatal(err)
	}
	defer abstract.Close()
	rules := sandbox.Landlock{ReadOnly: []string{"/", "/etc/passwd"}, ReadWrite: []string{"/tmp", "/dev/null"}}
	lanes(t, func(t *testing.T, lane sandbox.Option) {
		res, err := sandbox.Run(testContext(t), lane, sandbox.WithLandlock(rules), sandbox.WithCommand("true"))
		if err != nil || !res.Protections.Has("Landlock") {
			t.Errorf("%v\n%v", err, res)
		}
		out := probe(t, options(lane, sandbox.WithLandlock(rules)), "create|/tmp/x|x", "write|/dev/null|x", "read|/etc/passwd", "create|/run/x|x", "mkdir|/home/x")
		for _, o := range out[:3] {
			works(t, o)
		}
		denied(t, out[3], eacces)
		denied(t, out[4], eacces)
	})
	_, _, err = tryProbe(t, options(sandbox.WithLandlock(sandbox.Landlock{ReadOnly: []string{"/nowhere"}})), "cwd")
	if err == nil || !strings.Contains(err.Error(), "landlock /nowhere") {
		t.Errorf("a rule for a path that does not exist: %v", err)
	}
	high := sandbox.WithLandlock(sandbox.Landlock{ReadOnly: []string{"/"}, MinABI: 99})
	if _, _, err := tryProbe(t, options(high), "cwd"); err == nil || !strings.Contains(err.Error(), "Landlock ABI 99") {
		t.Errorf("an ABI of the future: %v", err)
	}
	res, err := sandbox.Run(testContext(t), sandbox.BestEffort(high), sandbox.WithCommand("true"))
	if err != nil || res.Protections.Has("Landlock") {
		t.Errorf("an ABI of the future as best effort: %v, %v", res, err)
	}
}

func TestRlimits(t *testing.T) {
	testutil.Unchanged(t)
	const fsize, nofile, core = 1, 7, 4
	out := probe(t, options(sandbox.WithRlimit("RLIMIT_FSIZE", 4096, 8192), sandbox.WithRlimit("nofile", 64, 64), sandbox.WithRlimit("core", 0, 10)),
		fmt.Sprintf("rlimit|%d", fsize), fmt.Sprintf("rlimit|%d", nofile), fmt.Sprintf("rlimit|%d", core))
	gives(t, out[0], "4096:8192")
	// The Go runtime raises the soft limit on files to the hard one.
	gives(t, out[1], "64:64")
	gives(t, out[2], "0:10")
	raised := sandbox.WithRlimit("nofile", 1<<30, 1<<30)
	if _, _, err := tryProbe(t, options(raised), "cwd"); err == nil || !strings.Contains(err.Error(), "rlimit nofile") {
		t.Errorf("a limit above everything: %v", err)
	}
	if _, err := sandbox.Run(testContext(t), sandbox.BestEffort(raised), sandbox.WithCommand("true")); err != nil {
		t.Errorf("a limit above everything as best effort: %v", err)
	}
}

func TestUmaskAndDir(t *testing.T) {
	testutil.Unchanged(t)
	root := testutil.Root(t, "link out /proc/self/fd/0", "link cwd /proc/self/cwd", "link fine ../tmp", "dir secret 0700")
	out := probe(t, options(sandbox.WithRootfs(root), sandbox.WithUmask(0o077), sandbox.WithDir("/fine")), "umask", "cwd")
	gives(t, out[0], "77")
	gives(t, out[1], "/tmp")
	for _, dir := range []string{"/out", "/cwd", "/nowhere", "/etc/passwd", "/out/etc"} {
		_, _, err := tryProbe(t, options(sandbox.WithRootfs(root), sandbox.WithDir(dir)), "cwd")
		if err == nil || !strings.Contains(err.Error(), "dir "+dir) {
			t.Errorf("WithDir(%q): %v", dir, err)
		}
	}
}
