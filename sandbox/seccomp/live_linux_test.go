package seccomp

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
)

// probe is a raw system call and what the default profile answers.
type probe struct {
	call string
	args [maxArgs]uint64
	want syscall.Errno
}

// probes returns what is tried under the filter; null is an open /dev/null.
func probes(null uint64) []probe {
	return []probe{
		{"getpid", [maxArgs]uint64{}, 0},
		{"ptrace", [maxArgs]uint64{}, syscall.EPERM}, // PTRACE_TRACEME
		{"process_vm_readv", [maxArgs]uint64{1}, syscall.EPERM},
		{"keyctl", [maxArgs]uint64{0, ^uint64(2)}, syscall.EPERM},
		{"add_key", [maxArgs]uint64{}, syscall.EPERM},
		{"io_uring_setup", [maxArgs]uint64{1}, syscall.EPERM},
		{"userfaultfd", [maxArgs]uint64{}, syscall.EPERM},
		{"bpf", [maxArgs]uint64{}, syscall.EPERM},
		{"perf_event_open", [maxArgs]uint64{}, syscall.EPERM},
		{"unshare", [maxArgs]uint64{syscall.CLONE_NEWUSER}, syscall.EPERM},
		{"unshare", [maxArgs]uint64{}, syscall.EPERM},
		{"setns", [maxArgs]uint64{null}, syscall.EPERM},
		{"clone", [maxArgs]uint64{syscall.CLONE_NEWUSER | 17}, syscall.EPERM},
		{"clone3", [maxArgs]uint64{}, syscall.ENOSYS},
		{"mount", [maxArgs]uint64{}, syscall.EPERM},
		{"open_by_handle_at", [maxArgs]uint64{}, syscall.EPERM},
		{"ioctl", [maxArgs]uint64{null, 0x5412}, syscall.EPERM},
		{"ioctl", [maxArgs]uint64{null, high | 0x5412}, syscall.EPERM},
		{"ioctl", [maxArgs]uint64{null, high<<31 | 0x541c}, syscall.EPERM},
		{"ioctl", [maxArgs]uint64{null, 0x5423}, syscall.EPERM},
		{"ioctl", [maxArgs]uint64{null, 0x5401}, syscall.ENOTTY}, // TCGETS goes through
		{"socket", [maxArgs]uint64{38, 5}, syscall.EAFNOSUPPORT},
		{"socket", [maxArgs]uint64{high | 38, 5}, syscall.EAFNOSUPPORT},
		{"socket", [maxArgs]uint64{40, 1}, syscall.EAFNOSUPPORT},
		{"socket", [maxArgs]uint64{17, 3}, syscall.EAFNOSUPPORT},
		{"socket", [maxArgs]uint64{16, 3, 9}, syscall.EPROTONOSUPPORT},
		{"socket", [maxArgs]uint64{16, 3, 0}, 0},
		{"socket", [maxArgs]uint64{2, 1}, 0},
		{"personality", [maxArgs]uint64{0x40000}, syscall.EPERM},
		{"personality", [maxArgs]uint64{0xffffffff}, 0},
		{"900", [maxArgs]uint64{}, syscall.ENOSYS},
	}
}

// helperProbe loads the filter into its thread, makes the calls and prints the
// error numbers.
func helperProbe(f Filter, _ []string) error {
	arch, err := architectureOf(runtime.GOARCH)
	if err != nil {
		return err
	}
	null, err := os.Open(os.DevNull)
	if err != nil {
		return err
	}
	defer null.Close()
	list := probes(uint64(null.Fd()))
	got := make([]syscall.Errno, len(list))
	numbers := make([]uint32, len(list))
	for i, p := range list {
		number, ok := arch.number(p.call)
		if _, err := fmt.Sscan(p.call, &number); err != nil && !ok {
			return fmt.Errorf("no system call %s", p.call)
		}
		numbers[i] = number
	}
	runtime.LockOSThread()
	if err := load(f, 0); err != nil {
		return err
	}
	for i, p := range list {
		a := p.args
		_, _, got[i] = syscall.RawSyscall6(uintptr(numbers[i]), uintptr(a[0]), uintptr(a[1]),
			uintptr(a[2]), uintptr(a[3]), uintptr(a[4]), uintptr(a[5]))
	}
	return json.NewEncoder(os.Stdout).Encode(got)
}

func TestLiveProbes(t *testing.T) {
	t.Parallel()
	for _, p := range []Profile{Default(), Strict()} {
		out, err := helperCommand(t, "probe", p).Output()
		if err != nil {
			t.Fatal(err)
		}
		var got []syscall.Errno
		if err := json.Unmarshal(out, &got); err != nil {
			t.Fatal(err)
		}
		for i, want := range probes(3) {
			if got[i] != want.want {
				t.Errorf("%v: %s%#x: errno %d, want %d (%v)", p, want.call, want.args, got[i], want.want, want.want)
			}
		}
	}
}

// TestLivePrograms runs ordinary programs under the filters.
func TestLivePrograms(t *testing.T) {
	t.Parallel()
	scripts := map[string]string{
		"sh":      `ls / >/dev/null && id >/dev/null && echo $(uname -m) | grep -q . && (sleep 0.01 & wait)`,
		"python3": `python3 -c 'import subprocess, threading, socket, tempfile; threading.Thread(target=print).start(); subprocess.run(["true"], check=True); socket.create_server(("127.0.0.1", 0)); tempfile.TemporaryFile()'`,
		"git":     `git init -q . && echo x > f && git add f && git -c user.name=a -c user.email=b@c commit -qm m`,
		"gcc":     `echo 'int main(void){return 0;}' > m.c && gcc m.c -o m && ./m`,
		"tar":     `tar -cf - /etc/passwd | gzip | gunzip | tar -tf - >/dev/null`,
	}
	for name, script := range scripts {
		for _, p := range []Profile{Default(), Strict()} {
			t.Run(name+"/"+p.base.String(), func(t *testing.T) {
				if _, err := exec.LookPath(name); err != nil {
					t.Skip(err)
				}
				cmd := helperCommand(t, "exec", p, "/bin/sh", "-ec", script)
				cmd.Dir, cmd.Stderr = t.TempDir(), nil
				out, err := cmd.CombinedOutput()
				if got := exitOf(t, err); got != "exit 0" {
					t.Errorf("%s: %s", got, out)
				}
			})
		}
	}
}

// helperGo does what Go programs do, with the filter on all threads.
func helperGo(f Filter, _ []string) error {
	if err := load(f, flagTSync); err != nil {
		return err
	}
	var wg sync.WaitGroup
	errs := make([]error, 8)
	for i := range errs {
		wg.Go(func() { errs[i] = errors.Join(talkToSelf(), exec.Command("/bin/true").Run()) })
	}
	wg.Wait()
	return errors.Join(errs...)
}

// talkToSelf sends a byte through a TCP connection.
func talkToSelf() error {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	defer l.Close()
	go func() {
		c, err := net.Dial("tcp", l.Addr().String())
		if err == nil {
			_, _ = c.Write([]byte{1})
			_ = c.Close()
		}
	}()
	c, err := l.Accept()
	if err != nil {
		return err
	}
	defer c.Close()
	_, err = io.ReadAll(c)
	return err
}

func TestLiveGo(t *testing.T) {
	t.Parallel()
	for _, p := range []Profile{Default(), Strict()} {
		if out, err := helperCommand(t, "go", p).Output(); err != nil {
			t.Errorf("%v: %v %s", p, err, out)
		}
	}
}

// TestLiveRefusesByProfile checks one call that only Strict refuses and one
// that only Allow lets through.
func TestLiveRefusesByProfile(t *testing.T) {
	t.Parallel()
	const lock = `import fcntl; fcntl.flock(open("/dev/null"), fcntl.LOCK_SH)`
	if _, err := exec.LookPath("python3"); err != nil {
		t.Skip(err)
	}
	unlocked, err := Default().Deny("flock")
	if err != nil {
		t.Fatal(err)
	}
	for want, p := range map[string]Profile{"": Default(), "Errno 37": Strict(), "Errno 1]": unlocked} {
		cmd := helperCommand(t, "exec", p, "/bin/sh", "-c", `python3 -c '`+lock+`' 2>&1`)
		out, _ := cmd.Output()
		if !strings.Contains(string(out), want) || want == "" && len(out) > 0 {
			t.Errorf("%v: %s, want %q", p, out, want)
		}
	}
}
