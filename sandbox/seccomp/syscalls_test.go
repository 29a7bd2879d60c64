package seccomp

import (
	"slices"
	"testing"

	"github.com/elastic/go-seccomp-bpf/arch"
)

// TestNumbers checks numbers against the kernel's tables by hand, mostly those
// in which an architecture is special.
func TestNumbers(t *testing.T) {
	t.Parallel()
	const none = -1
	tests := []struct {
		name         string
		amd64, arm64 int
	}{
		{"read", 0, 63},
		{"open", 2, none},
		{"newfstatat", 262, 79},
		{"arch_prctl", 158, none},
		{"clone", 56, 220},
		{"clone3", 435, 435},
		{"ptrace", 101, 117},
		{"ioctl", 16, 29},
		{"socket", 41, 198},
		{"seccomp", 317, 277},
		{"personality", 135, 92},
		{"unshare", 272, 97},
		{"keyctl", 250, 219},
		{"io_uring_setup", 425, 425},
		{"uretprobe", 335, none},
		{"uprobe", 336, none},
		{"clock_gettime64", none, none},
		{"futex_time64", none, none},
		{"chown32", none, none},
		{"cachestat", 451, 451},
		{"fchmodat2", 452, 452},
		{"map_shadow_stack", 453, 453},
		{"futex_wake", 454, 454},
		{"statmount", 457, 457},
		{"listmount", 458, 458},
		{"lsm_get_self_attr", 459, 459},
		{"mseal", 462, 462},
		{"setxattrat", 463, 463},
		{"open_tree_attr", 467, 467},
		{"file_getattr", 468, 468},
		{"file_setattr", 469, 469},
		{"listns", 470, 470},
		{"rseq_slice_yield", 471, 471},
		{"no_such_call", none, none},
	}
	for _, tt := range tests {
		for goarch, want := range map[string]int{"amd64": tt.amd64, "arm64": tt.arm64} {
			a, err := architectureOf(goarch)
			if err != nil {
				t.Fatal(err)
			}
			got := none
			if n, ok := a.number(tt.name); ok {
				got = int(n)
			}
			if got != want {
				t.Errorf("%s on %s: %d, want %d", tt.name, goarch, got, want)
			}
		}
	}
}

// TestNewCallsAreNew fails when the library has caught up, so that the
// supplement can go.
func TestNewCallsAreNew(t *testing.T) {
	t.Parallel()
	for _, c := range newCalls {
		if _, ok := arch.X86_64.SyscallNames[c.name]; ok {
			t.Errorf("go-seccomp-bpf has %s now; remove it from newCalls", c.name)
		}
	}
}

func TestArchitectures(t *testing.T) {
	t.Parallel()
	for goarch, audit := range map[string]uint32{"amd64": auditAMD64, "arm64": auditARM64} {
		a, err := architectureOf(goarch)
		if err != nil || a.audit != audit || a.x32 != (goarch == "amd64") {
			t.Errorf("%s: %#x, x32 %v, %v", goarch, a.audit, a.x32, err)
		}
	}
}

func TestUnknown(t *testing.T) {
	t.Parallel()
	p := profileOf(t, `{"names": ["read", "chown32", "reed", "fork", "s390_sthyi"], "action": "SCMP_ACT_ALLOW"}`)
	for goarch, want := range map[string][]string{
		"":      {"reed"},
		"amd64": {"chown32", "reed", "s390_sthyi"},
		"arm64": {"chown32", "fork", "reed", "s390_sthyi"},
	} {
		got, err := p.Unknown(goarch)
		if err != nil || !slices.Equal(got, want) {
			t.Errorf("%q: %v, %v, want %v", goarch, got, err, want)
		}
	}
	if _, err := p.Unknown("mips"); err == nil {
		t.Error("mips: no error")
	}
}
