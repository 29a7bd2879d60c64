package sandbox_test

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"unsafe"

	"github.com/sandkit/sandkit/fs"
	"github.com/sandkit/sandkit/internal/testutil"
	"github.com/sandkit/sandkit/sandbox"
	"github.com/sandkit/sandkit/sandbox/seccomp"
)

// everything is all that can be asked for inside a user namespace.
func everything() sandbox.Option {
	return sandbox.Options(sandbox.WithCapabilities("ALL"), sandbox.WithSeccomp(seccomp.Unconfined()))
}

// TestChroot: the old way out of a changed root leads to the sandbox's own.
func TestChroot(t *testing.T) {
	testutil.Unchanged(t)
	root := testutil.Root(t, "file only-here x")
	for name, o := range map[string]sandbox.Option{"copy": sandbox.WithRootfs(root), "writable": sandbox.WithRootfsWritable(root)} {
		out := probe(t, options(o, everything()), "ls|/", "chroot")
		works(t, out[1])
		if out[1].Out != out[0].Out || !strings.Contains(out[1].Out, "only-here") {
			t.Errorf("%s: outside is\n%s", name, out[1].Out)
		}
	}
	denied(t, probe1(t, nil, "chroot"), eperm)
}

// TestNestedNamespaces: where they are allowed, what is hidden stays hidden in
// them, and what is read-only stays so.
func TestNestedNamespaces(t *testing.T) {
	testutil.Unchanged(t)
	data := t.TempDir()
	// Mapping root of the namespace above would take CAP_SETFCAP.
	nested := sandbox.Options(sandbox.WithUser("7:7"), sandbox.WithSeccomp(seccomp.Unconfined()), sandbox.WithMount(fs.BindRO(data, "/data")))
	lanes(t, func(t *testing.T, lane sandbox.Option) {
		if o := probe1(t, options(lane, nested), "nested|ids"); !strings.Contains(o.Out, "uid=0") {
			t.Fatalf("no nested user namespace, so nothing is tested: %q, %s", o.Out, o.Errno)
		}
		works(t, probe1(t, options(lane, nested), "nested|mount|none|/tmp|tmpfs|0|"))
		for op, errnos := range map[string][]string{
			"umount|/proc/keys|2":               {einval, eperm},
			"umount|/data|2":                    {einval, eperm},
			"umount|/|2":                        {einval, eperm},
			"mount||/data||36|":                 {eperm},
			"mount|/proc/keys|/tmp||8192|":      {einval, eperm}, // MS_MOVE
			"write|/proc/sys/kernel/hostname|x": {erofs, eacces, enoent},
			"mount|proc|/tmp|proc|0|":           {eperm}, // a new one would show what is hidden
			"mount|sysfs|/tmp|sysfs|0|":         {eperm},
		} {
			denied(t, probe1(t, options(lane, nested), "nested|"+op), errnos...)
		}
	})
}

// TestHostnameStaysInside: a sandbox that may change it changes only its own.
func TestHostnameStaysInside(t *testing.T) {
	testutil.Unchanged(t)
	before, err := os.Hostname()
	if err != nil {
		t.Fatal(err)
	}
	out := probe(t, options(sandbox.WithCapabilities("SYS_ADMIN")), "sethostname|captured", "hostname")
	works(t, out[0])
	gives(t, out[1], "captured")
	if after, err := os.Hostname(); err != nil || after != before {
		t.Errorf("the host is called %q now, %v", after, err)
	}
}

// TestSignalsStayInside: whatever is signalled inside, no process of the host
// gets it.
func TestSignalsStayInside(t *testing.T) {
	testutil.Unchanged(t)
	bystander := exec.Command("sleep", "1000")
	if err := bystander.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := bystander.Process.Kill(); err != nil {
			t.Error(err)
		}
		if err := bystander.Wait(); err == nil || !strings.Contains(err.Error(), "killed") {
			t.Errorf("the bystander ended before: %v", err)
		}
	}()
	pid := itoa(bystander.Process.Pid)
	lanes(t, func(t *testing.T, lane sandbox.Option) {
		for _, more := range []sandbox.Option{sandbox.Options(), sandbox.WithCapabilities("KILL")} {
			out := probe(t, options(lane, more), "kill|"+pid+"|9", "setown|"+pid, "setown|-"+pid, "kill|-"+pid+"|9", "killall")
			denied(t, out[0], esrch)
			denied(t, out[1], esrch)
			denied(t, out[2], esrch)
			denied(t, out[3], esrch)
			if !isOneOf(out[4].Errno, "", esrch, eperm) {
				t.Errorf("%s: %s", out[4].Op, out[4].Errno)
			}
		}
	})
	if err := bystander.Process.Signal(syscall.Signal(0)); err != nil {
		t.Errorf("the bystander is gone: %v", err)
	}
	if b, err := os.ReadFile("/proc/" + pid + "/stat"); err != nil || !bytes.Contains(b, []byte(") S ")) {
		t.Errorf("the bystander does not sleep: %s, %v", b, err)
	}
}

// TestSessionKeyring: each sandbox has one of its own, were keys to be reached
// at all.
func TestSessionKeyring(t *testing.T) {
	testutil.Unchanged(t)
	const getID = 0
	op := call(t, "keyctl", getID, 1<<64-3, 0)
	denied(t, probe1(t, nil, op), eperm)
	seen := map[string]bool{}
	if id, _, errno := syscall.Syscall(uintptr(number(t, op)), getID, ^uintptr(2), 0); errno == 0 {
		seen[itoa(int(id))] = true
	}
	lanes(t, func(t *testing.T, lane sandbox.Option) {
		for range 2 {
			o := probe1(t, options(lane, sandbox.WithSeccomp(seccomp.Unconfined())), op)
			if o.Errno == enosys || !testutil.IsRoot() && o.Errno != "" {
				t.Skip("no keys, or none left for an ordinary user")
			}
			works(t, o)
			if seen[o.Out] {
				t.Errorf("keyring %s is somebody else's", o.Out)
			}
			seen[o.Out] = true
		}
	})
}

// number is that of a call's operation.
func number(t testing.TB, op string) (n int) {
	t.Helper()
	if _, err := fmt.Sscanf(op, "syscall|%d", &n); err != nil {
		t.Fatal(err)
	}
	return n
}

// TestTerminalIsNotTypedInto is CVE-2017-5226: the terminal that is the
// program's standard input is that of a shell outside, which would execute what
// is typed.
func TestTerminalIsNotTypedInto(t *testing.T) {
	testutil.Unchanged(t)
	typed := func(opts ...sandbox.Option) (testutil.Outcome, int) {
		ptmx, tty := openTerminal(t)
		defer ptmx.Close()
		defer tty.Close()
		o := probe1(t, append(opts, sandbox.WithStdin(tty)), "steal|0")
		var waiting int32
		if _, _, errno := syscall.Syscall(syscall.SYS_IOCTL, tty.Fd(), syscall.TIOCINQ, uintptr(unsafe.Pointer(&waiting))); errno != 0 {
			t.Fatal(errno)
		}
		return o, int(waiting)
	}
	lanes(t, func(t *testing.T, lane sandbox.Option) {
		o, n := typed(lane)
		denied(t, o, eperm)
		if n != 0 {
			t.Errorf("%d characters wait in the terminal", n)
		}
	})
	if o, n := typed(sandbox.WithSeccomp(seccomp.Unconfined())); (n == 0) != (o.Errno != "") || o.Errno != "" && o.Errno != eperm && o.Errno != "input/output error" {
		t.Errorf("without a filter: %q, %d characters", o.Errno, n)
	}
}

// openTerminal gives both ends of a new pseudo-terminal.
func openTerminal(t *testing.T) (ptmx, tty *os.File) {
	t.Helper()
	ptmx, err := os.OpenFile("/dev/ptmx", os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	var n, unlock uint32
	for req, p := range map[uintptr]*uint32{syscall.TIOCGPTN: &n, syscall.TIOCSPTLCK: &unlock} {
		if _, _, errno := syscall.Syscall(syscall.SYS_IOCTL, ptmx.Fd(), req, uintptr(unsafe.Pointer(p))); errno != 0 {
			t.Fatal(errno)
		}
	}
	tty, err = os.OpenFile(filepath.Join("/dev/pts", fmt.Sprint(n)), os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	return ptmx, tty
}
