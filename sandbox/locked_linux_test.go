package sandbox_test

import (
	"net"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/sandkit/sandkit/fs"
	"github.com/sandkit/sandkit/internal/testutil"
	"github.com/sandkit/sandkit/ns"
	"github.com/sandkit/sandkit/sandbox"
)

// TestMountsAreLocked: root inside with every capability and no filter can
// neither make writable what is read-only, nor take off what hides something.
func TestMountsAreLocked(t *testing.T) {
	testutil.Unchanged(t)
	data := t.TempDir()
	testutil.Tree(t, data, "file f old")
	const (
		remount = "4128"  // MS_REMOUNT and MS_BIND, without MS_RDONLY, MS_NOSUID, MS_NODEV
		exec    = "4134"  // the same with MS_NOSUID and MS_NODEV
		move    = "8192"  // MS_MOVE
		bind    = "4096"  // MS_BIND, which shows a mount without what covers it
		rbind   = "20480" // with all below it
	)
	opts := sandbox.Options(everything(), sandbox.WithMount(fs.BindRO(data, "/ro")), sandbox.WithMount(fs.Bind(data, "/rw")),
		sandbox.WithMaskedPaths("/etc/passwd", "/proc/keys", "/sys/firmware"), sandbox.WithReadOnlyPaths("/proc/sys"))
	var ops []string
	for _, at := range []string{"/ro", "/usr", "/proc/sys", "/etc/passwd", "/proc/keys", "/sys"} {
		ops = append(ops, "mount||"+at+"||"+remount+"|", "umount|"+at+"|2", "umount|"+at+"|0", "mount|"+at+"|/mnt||"+move+"|")
	}
	ops = append(ops, "mount||/rw||"+remount+"|", "mount||/||"+remount+"|", "mount||/sys||"+exec+"|", "mount|/proc|/mnt||"+bind+"|", "mount|/sys|/mnt||"+bind+"|",
		"mount|/|/mnt||"+bind+"|", "mount|proc|/mnt|proc|0|", "mount|sysfs|/mnt|sysfs|0|")
	for _, o := range probe(t, options(opts), ops...) {
		denied(t, o, eperm, einval, enoent, "device or resource busy")
	}
	out := probe(t, options(opts), "mount|/ro|/mnt||"+rbind+"|", "write|/mnt/f|new", "write|/ro/f|new", "write|/proc/sys/kernel/core_pattern|x")
	for _, o := range out[1:] {
		denied(t, o, erofs, enoent, eacces)
	}
	if b, err := os.ReadFile(data + "/f"); err != nil || string(b) != "old" {
		t.Errorf("the host's file is %q, %v", b, err)
	}
}

// TestNothingOfTheKernelIsWritable sweeps the kernel's file systems with every
// capability that a user namespace has.
func TestNothingOfTheKernelIsWritable(t *testing.T) {
	testutil.Unchanged(t)
	out := probe(t, options(everything()), "sweep|/proc|/proc/1|/proc/2|/proc/self|/proc/thread-self", "sweep|/sys")
	for path := range strings.FieldsSeq(out[0].Out + "\n" + out[1].Out) {
		if d := probe1(t, nil, "stat|"+path); !strings.Contains(d.Out, "rdev=1:3") {
			t.Errorf("%s can be written to", path)
		}
	}
}

// TestLandlockScope: in the host's network namespace, Landlock keeps the
// program from the host's abstract sockets.
func TestLandlockScope(t *testing.T) {
	testutil.Unchanged(t)
	f, err := sandbox.Probe(testContext(t))
	if err != nil {
		t.Fatal(err)
	}
	const scopes = 6 // the ABI that has them
	if f.Landlock < scopes {
		t.Skip("this kernel's Landlock has no scopes")
	}
	l, err := net.Listen("unix", "@sandkit-scope-"+itoa(os.Getpid()))
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	dial := "dial|unix|" + l.Addr().String()
	lanes(t, func(t *testing.T, lane sandbox.Option) {
		hostNet := sandbox.Options(lane, sandbox.WithNamespaces(ns.Set{Net: ns.OfHost()}))
		works(t, probe1(t, options(hostNet), dial))
		denied(t, probe1(t, options(hostNet, sandbox.WithLandlock(sandbox.Landlock{ReadOnly: []string{"/"}})), dial), eperm)
	})
}

// TestClockOffsets: the clocks differ from the host's by exactly what was asked
// for, also by less than a second and backwards.
func TestClockOffsets(t *testing.T) {
	testutil.Unchanged(t)
	for clocks, want := range map[ns.Clocks]string{
		{Boottime: 90 * time.Second}:                              "monotonic 0 0 boottime 90 0",
		{Monotonic: 1500 * time.Millisecond, Boottime: time.Hour}: "monotonic 1 500000000 boottime 3600 0",
		{Monotonic: -time.Nanosecond, Boottime: -time.Second / 4}: "monotonic -1 999999999 boottime -1 750000000",
	} {
		o := probe1(t, options(sandbox.WithNamespaces(ns.Set{Clocks: &clocks})), "read|/proc/self/timens_offsets")
		if got := strings.Join(strings.Fields(o.Out), " "); got != want {
			t.Errorf("%+v: %s %s, want %s", clocks, got, o.Errno, want)
		}
	}
}
