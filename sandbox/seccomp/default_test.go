package seccomp

import (
	"slices"
	"testing"
)

const (
	eperm  = actErrno | errnoPERM
	enosys = actErrno | errnoNOSYS
	enolck = actErrno | errnoNOLCK

	noFamily   = actErrno | errnoAFNOSUPPORT
	noProtocol = actErrno | errnoPROTONOSUPPORT
)

// high is a bit in the half of an int argument that the kernel does not read.
const high = 1 << 32

// defaultTests are the promises of the default profile, by name.
var defaultTests = []struct {
	name string
	args []uint64
	caps string
	want action
}{
	{"read", nil, "", actAllow},
	{"ptrace", nil, "", eperm},
	{"ptrace", nil, "SYS_PTRACE", actAllow},
	{"process_vm_readv", nil, "", eperm},
	{"io_uring_setup", nil, "SYS_ADMIN", eperm},
	{"userfaultfd", nil, "SYS_PTRACE", eperm},
	{"keyctl", nil, "SYS_ADMIN", eperm},
	{"clone3", nil, "", enosys},
	{"clone3", nil, "SYS_ADMIN", actAllow},
	{"clone", []uint64{0x3d0f00}, "", actAllow},
	{"clone", []uint64{0x10000011}, "", eperm},
	{"clone", []uint64{high | 0x20000}, "", eperm},
	{"clone", []uint64{0x10000011}, "SYS_ADMIN", actAllow},
	{"unshare", []uint64{0x10000000}, "", eperm},
	{"setns", nil, "", eperm},
	{"mount", nil, "", eperm},
	{"mount", nil, "SYS_ADMIN", actAllow},
	{"pivot_root", nil, "SYS_ADMIN", eperm},
	{"chroot", nil, "", eperm},
	{"chroot", nil, "SYS_CHROOT", actAllow},
	{"bpf", nil, "", eperm},
	{"bpf", nil, "BPF", actAllow},
	{"open_by_handle_at", nil, "", eperm},
	{"personality", []uint64{0}, "", actAllow},
	{"personality", []uint64{0xffffffff}, "", actAllow},
	{"personality", []uint64{0x40000}, "SYS_ADMIN", eperm},
	{"personality", []uint64{0x400000}, "", eperm},
	{"ioctl", []uint64{0, 0x5401}, "", actAllow},
	{"ioctl", []uint64{0, 0x5412}, "SYS_ADMIN", eperm},
	{"ioctl", []uint64{0, high | 0x5412}, "", eperm},
	{"ioctl", []uint64{0, high<<20 | 0x541c}, "", eperm},
	{"ioctl", []uint64{0, high | 0x5423}, "", eperm},
	{"ioctl", []uint64{0, 0x5423}, "NET_ADMIN", actAllow},
	{"socket", []uint64{1}, "", actAllow},
	{"socket", []uint64{10}, "", actAllow},
	{"socket", []uint64{38}, "SYS_ADMIN", noFamily},
	{"socket", []uint64{high | 38}, "NET_RAW", noFamily},
	{"socket", []uint64{40}, "NET_RAW", noFamily},
	{"socket", []uint64{17}, "", noFamily},
	{"socket", []uint64{17}, "NET_RAW", actAllow},
	{"socket", []uint64{high | 17}, "NET_RAW", noFamily},
	{"socket", []uint64{44}, "NET_RAW", noFamily},
	{"socketpair", []uint64{30}, "", noFamily},
	{"socket", []uint64{16, 3, 0}, "", actAllow},
	{"socket", []uint64{16, 3, 12}, "", noProtocol},
	{"socket", []uint64{16, 3, high}, "", noProtocol},
	{"socket", []uint64{16, 3, 12}, "NET_ADMIN", actAllow},
	{"socket", []uint64{2, 3, 12}, "", actAllow},
	{"mknodat", []uint64{0, 0, 0o10644}, "", actAllow},
	{"mknodat", []uint64{0, 0, 0o20644}, "", eperm},
	{"mknodat", []uint64{0, 0, 0o60644}, "", eperm},
	{"mknodat", []uint64{0, 0, 0o60644}, "MKNOD", actAllow},
	{"file_getattr", nil, "", enosys},
	{"clock_settime", nil, "", eperm},
	{"reboot", nil, "", eperm},
}

func TestDefaultVerdicts(t *testing.T) {
	t.Parallel()
	for _, goarch := range []string{"amd64", "arm64"} {
		for _, tt := range defaultTests {
			f := mustCompile(t, Default(), Target{Arch: goarch, Caps: []string{tt.caps}})
			c := call{number: numberOf(t, goarch, tt.name), arch: auditOf(goarch)}
			copy(c.args[:], tt.args)
			if got, _ := interpret(t, f.Instructions, c); got != tt.want {
				t.Errorf("%s %s%#x with %q: %v, want %v", goarch, tt.name, tt.args, tt.caps, got, tt.want)
			}
		}
	}
}

func TestStrictVerdicts(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name string
		args []uint64
		want action
	}{
		{"read", nil, actAllow},
		{"flock", nil, enolck},
		{"fcntl", []uint64{3, 3}, actAllow},    // F_GETFL
		{"fcntl", []uint64{3, 1030}, actAllow}, // F_DUPFD_CLOEXEC
		{"fcntl", []uint64{3, 6}, enolck},
		{"fcntl", []uint64{3, 1<<32 | 38}, enolck},
		{"fcntl", []uint64{3, 1024}, eperm},
		{"inotify_init1", nil, enosys},
		{"mincore", nil, enosys},
		{"ptrace", nil, eperm},
		{"perf_event_open", nil, eperm},
		{"seccomp", []uint64{1, 0}, actAllow},
		{"seccomp", []uint64{1, 9}, eperm},
		{"mount", nil, actAllow},
	}
	caps := []string{"CAP_SYS_ADMIN", "CAP_SYS_PTRACE", "CAP_PERFMON"}
	for _, goarch := range []string{"amd64", "arm64"} {
		f := mustCompile(t, Strict(), Target{Arch: goarch, Caps: caps})
		for _, tt := range tests {
			c := call{number: numberOf(t, goarch, tt.name), arch: auditOf(goarch)}
			copy(c.args[:], tt.args)
			if got, _ := interpret(t, f.Instructions, c); got != tt.want {
				t.Errorf("%s %s%#x: %v, want %v", goarch, tt.name, tt.args, got, tt.want)
			}
		}
	}
}

// TestStrictWithinDefault checks that Strict allows nothing that Default does
// not.
func TestStrictWithinDefault(t *testing.T) {
	t.Parallel()
	target := Target{Arch: "amd64", Caps: dockerCaps}
	def, strict := mustCompile(t, Default(), target), mustCompile(t, Strict(), target)
	for number := range uint32(500) {
		for _, v := range interesting() {
			for i := range 3 {
				c := call{number: number, arch: auditAMD64}
				c.args[i] = v
				a, _ := interpret(t, strict.Instructions, c)
				b, _ := interpret(t, def.Instructions, c)
				if b.stricter(a) {
					t.Errorf("call %d %#x: strict %v, default %v", number, c.args, a, b)
				}
			}
		}
	}
}

// TestDefaultDecidesOnEveryCall checks that no known call was forgotten: each
// is in one of the tables.
func TestDefaultDecidesOnEveryCall(t *testing.T) {
	t.Parallel()
	decided := make(map[string]bool)
	for _, r := range Default().rules() {
		for _, name := range r.names {
			decided[name] = true
		}
	}
	for _, goarch := range []string{"amd64", "arm64"} {
		for number, name := range namesByNumber(t, goarch) {
			if !decided[name] && name != "arch_specific_syscall" {
				t.Errorf("%s: nothing said about %s (%d)", goarch, name, number)
			}
		}
	}
	unknown, err := Strict().Unknown("")
	if err != nil || len(unknown) > 0 {
		t.Errorf("unknown calls in the tables: %v, %v", unknown, err)
	}
}

// TestDefaultTables checks that each list is sorted and that no call is listed
// twice as always allowed or as always refused.
func TestDefaultTables(t *testing.T) {
	t.Parallel()
	for _, table := range [][]rule{allowRules, denyRules} {
		seen := make(map[string]bool)
		for _, r := range table {
			if !slices.IsSorted(r.names) {
				t.Errorf("not sorted: %v", r.names)
			}
			for _, name := range r.names {
				if seen[name] {
					t.Errorf("%s is listed twice", name)
				}
				seen[name] = true
			}
		}
	}
}

// TestDefaultStaysInCache checks that the kernel's action cache (Linux 5.11)
// takes every call that the default profile always allows, so that the filter
// is not run for it, and that no call needs a long search.
func TestDefaultStaysInCache(t *testing.T) {
	t.Parallel()
	for _, goarch := range []string{"amd64", "arm64"} {
		f := mustCompile(t, Default(), Target{Arch: goarch})
		for number, name := range namesByNumber(t, goarch) {
			c := call{number: number, arch: auditOf(goarch)}
			act, steps := interpret(t, f.Instructions, c)
			byArgs := slices.Contains([]string{"clone", "personality", "ioctl", "socket", "socketpair", "mknod", "mknodat"}, name)
			if cached := constantAllow(f.Instructions, number, c.arch); cached != (act == actAllow && !byArgs) {
				t.Errorf("%s %s: %v, cached %v", goarch, name, act, cached)
			}
			if steps > 16 && !byArgs {
				t.Errorf("%s %s: %d instructions", goarch, name, steps)
			}
		}
	}
}

func BenchmarkCompile(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Default().Compile(Target{Arch: "amd64"}); err != nil {
			b.Fatal(err)
		}
	}
}
