package sandbox_test

import (
	"fmt"
	"runtime"
	"strings"
	"testing"

	"github.com/elastic/go-seccomp-bpf/arch"

	"github.com/sandkit/sandkit/internal/testutil"
	"github.com/sandkit/sandkit/sandbox"
	"github.com/sandkit/sandkit/sandbox/seccomp"
)

// call is an operation of the probe that makes a system call by name.
func call(t testing.TB, name string, args ...uint64) string {
	t.Helper()
	info, err := arch.GetInfo(runtime.GOARCH)
	if err != nil {
		t.Fatal(err)
	}
	n, ok := info.SyscallNames[name]
	if !ok {
		t.Fatalf("no system call %s", name)
	}
	op := fmt.Sprintf("syscall|%d", n)
	for _, a := range args {
		op += fmt.Sprintf("|%#x", a)
	}
	return op
}

// TestCallsAreRefused: what a program that only computes never calls, and what
// has been the way in for many. The arguments are such that the kernel itself
// would give another errno than the filter does.
func TestCallsAreRefused(t *testing.T) {
	testutil.Unchanged(t)
	const (
		bad      = 1<<64 - 1 // a descriptor or an address that is none
		sigchld  = 17
		newUser  = 0x10000000 | sigchld
		newMount = 0x00020000 | sigchld
	)
	calls := []struct {
		name string
		args []uint64
		want string
	}{
		// Namespaces and mounts, old interface and new.
		{"clone", []uint64{newUser}, eperm},
		{"clone", []uint64{newMount}, eperm},
		{"clone", []uint64{1<<32 | newUser}, eperm},
		{"clone3", []uint64{bad, 88}, enosys},
		{"unshare", []uint64{0x10000000}, eperm},
		{"setns", []uint64{bad, 0}, eperm},
		{"mount", []uint64{bad, bad, bad}, eperm},
		{"umount2", []uint64{bad}, eperm},
		{"pivot_root", []uint64{bad, bad}, eperm},
		{"chroot", []uint64{bad}, eperm},
		{"open_tree", []uint64{bad, bad, 1}, eperm},
		{"move_mount", []uint64{bad, bad, bad, bad}, eperm},
		{"fsopen", []uint64{bad}, eperm},
		{"fsconfig", []uint64{bad}, eperm},
		{"fsmount", []uint64{bad}, eperm},
		{"fspick", []uint64{bad, bad}, eperm},
		{"mount_setattr", []uint64{bad, bad}, eperm},
		// Other processes.
		{"ptrace", []uint64{0}, eperm},
		{"process_vm_readv", []uint64{1, 0, 0, 0, 0}, eperm},
		{"process_vm_writev", []uint64{1, 0, 0, 0, 0}, eperm},
		{"kcmp", []uint64{1, 1, 99}, eperm},
		{"pidfd_getfd", []uint64{bad, 0}, eperm},
		{"process_madvise", []uint64{bad}, eperm},
		// The kernel and its subsystems.
		{"bpf", []uint64{0, bad, 8}, eperm},
		{"perf_event_open", []uint64{bad, 0, bad, bad}, eperm},
		{"userfaultfd", []uint64{1 << 30}, eperm},
		{"io_uring_setup", []uint64{1, bad}, eperm},
		{"io_uring_enter", []uint64{bad}, eperm},
		{"io_uring_register", []uint64{bad}, eperm},
		{"add_key", []uint64{bad}, eperm},
		{"request_key", []uint64{bad}, eperm},
		{"keyctl", []uint64{99}, eperm},
		{"kexec_load", []uint64{0, 0, 0, bad}, eperm},
		{"init_module", []uint64{bad}, eperm},
		{"finit_module", []uint64{bad}, eperm},
		{"delete_module", []uint64{bad}, eperm},
		{"swapon", []uint64{bad}, eperm},
		{"swapoff", []uint64{bad}, eperm},
		{"acct", []uint64{bad}, eperm},
		{"reboot", []uint64{0}, eperm},
		{"quotactl", []uint64{bad}, eperm},
		{"syslog", []uint64{99}, eperm},
		{"fanotify_init", []uint64{1 << 31}, eperm},
		{"open_by_handle_at", []uint64{bad, bad}, eperm},
		{"settimeofday", []uint64{bad}, eperm},
		{"clock_settime", []uint64{99}, eperm},
		{"sethostname", []uint64{bad, 1}, eperm},
		{"setdomainname", []uint64{bad, 1}, eperm},
		{"vhangup", nil, eperm},
		{"move_pages", []uint64{0, 0}, eperm},
		{"mbind", []uint64{1, 0, 99}, eperm},
		{"set_mempolicy", []uint64{99}, eperm},
		{"personality", []uint64{0x0040000}, eperm},
		{"personality", []uint64{0x0400000}, eperm},
	}
	if runtime.GOARCH == "amd64" {
		calls = append(calls, []struct {
			name string
			args []uint64
			want string
		}{{"iopl", []uint64{99}, eperm}, {"ioperm", []uint64{bad, bad, 1}, eperm}, {"modify_ldt", []uint64{99}, enosys}, {"uselib", []uint64{bad}, enosys}}...)
	}
	var ops []string
	for _, c := range calls {
		ops = append(ops, call(t, c.name, c.args...))
	}
	lanes(t, func(t *testing.T, lane sandbox.Option) {
		for name, profile := range map[string]seccomp.Profile{"default": seccomp.Default(), "strict": seccomp.Strict()} {
			for i, o := range probe(t, options(lane, sandbox.WithSeccomp(profile)), ops...) {
				// Strict may say of more calls that there is no such thing.
				if o.Errno != calls[i].want && (o.Errno != enosys || name != "strict") {
					t.Errorf("%s: %s: %q, errno %q; want %q", name, calls[i].name, o.Out, o.Errno, calls[i].want)
				}
			}
		}
	})
	// Without a filter many of them get further, or nothing was tested. The
	// first three would make a second probe.
	further := 0
	for i, o := range probe(t, options(sandbox.WithSeccomp(seccomp.Unconfined())), ops[3:]...) {
		if o.Errno != calls[3+i].want {
			further++
		}
	}
	if further < len(calls)/3 {
		t.Errorf("without a filter only %d of %d calls get further than with it", further, len(calls))
	}
}

// TestFilterIsInherited: programs that the program executes have it as well,
// and nobody can take it off.
func TestFilterIsInherited(t *testing.T) {
	testutil.Unchanged(t)
	lanes(t, func(t *testing.T, lane sandbox.Option) {
		out := probe(t, options(lane), "run|/bin/sh|-c|grep -c 'Seccomp:.2' /proc/self/status; grep -c 'NoNewPrivs:.1' /proc/self/status",
			call(t, "prctl", 22, 0), call(t, "prctl", 38, 0, 0, 0, 0))
		if got := strings.Fields(out[0].Out); len(got) != 2 || got[0] != "1" || got[1] != "1" {
			t.Errorf("a shell below: %q, %s", out[0].Out, out[0].Errno)
		}
		for _, o := range out[1:] {
			denied(t, o, einval, eperm)
		}
	})
}

// TestForeignABI: numbers of 32-bit and x32 programs do not pass by the filter.
func TestForeignABI(t *testing.T) {
	if runtime.GOARCH != "amd64" {
		t.Skip("there is no such ABI on this architecture")
	}
	testutil.Unchanged(t)
	const x32 = 0x40000000
	lanes(t, func(t *testing.T, lane sandbox.Option) {
		for _, n := range []int{39, 56, 101, 165, 272, 520} { // getpid, clone, ptrace, mount, unshare, x32 execve
			denied(t, probe1(t, options(lane), fmt.Sprintf("syscall|%d", x32|n)), enosys, eperm)
		}
	})
}

// TestHandlesLeadNowhere: the inode of the host's root directory cannot be
// opened by its number, not even with all capabilities.
func TestHandlesLeadNowhere(t *testing.T) {
	testutil.Unchanged(t)
	n, _, _ := strings.Cut(strings.TrimPrefix(call(t, "open_by_handle_at"), "syscall|"), "|")
	all := options(sandbox.WithCapabilities("ALL"), sandbox.WithSeccomp(seccomp.Unconfined()))
	for _, opts := range [][]sandbox.Option{nil, all} {
		denied(t, probe1(t, opts, "handle|/usr|"+n), eperm)
	}
}
