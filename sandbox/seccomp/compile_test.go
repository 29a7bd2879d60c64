package seccomp

import (
	"errors"
	"fmt"
	"strings"
	"testing"
)

// profileOf parses a Docker profile that refuses by default and has the rules.
func profileOf(tb testing.TB, rules string) Profile {
	tb.Helper()
	p, err := ParseDocker([]byte(`{"defaultAction": "SCMP_ACT_ERRNO", "syscalls": [` + rules + `]}`))
	if err != nil {
		tb.Fatal(err)
	}
	return p
}

func TestCompileOperators(t *testing.T) {
	t.Parallel()
	const big, edge = 1<<32 | 7, 1<<32 - 1
	values := []uint64{0, 1, 6, 7, 8, edge, 1 << 32, big - 1, big, big + 1, 2<<32 | 7, 1<<63 | 7, ^uint64(0)}
	for _, op := range operatorNames {
		for _, value := range values {
			for _, two := range []uint64{0, 7, big} {
				p := profileOf(t, fmt.Sprintf(
					`{"names": ["read"], "action": "SCMP_ACT_ALLOW", "args": [{"index": 3, "value": %d, "valueTwo": %d, "op": %q}]}`,
					value, two, op,
				))
				f := mustCompile(t, p, Target{Arch: "amd64"})
				for _, arg := range values {
					c := call{arch: auditAMD64, args: [maxArgs]uint64{3: arg}}
					got, _ := interpret(t, f.Instructions, c)
					if want := judgement(p, Target{Arch: "amd64"}, c); got != want {
						t.Errorf("%#x %s %#x (%#x): %v, want %v", arg, op, value, two, got, want)
					}
				}
			}
		}
	}
}

func TestCompileActions(t *testing.T) {
	t.Parallel()
	tests := []struct {
		action, data string
		want         action
	}{
		{"SCMP_ACT_KILL", "", 0},
		{"SCMP_ACT_KILL_THREAD", "", 0},
		{"SCMP_ACT_KILL_PROCESS", "", 0x80000000},
		{"SCMP_ACT_TRAP", "", 0x00030000},
		{"SCMP_ACT_ERRNO", "", 0x00050001},
		{"SCMP_ACT_ERRNO", "0", 0x00050000},
		{"SCMP_ACT_ERRNO", "4095", 0x00050fff},
		{"SCMP_ACT_TRACE", "", 0x7ff00001},
		{"SCMP_ACT_TRACE", "65535", 0x7ff0ffff},
		{"SCMP_ACT_LOG", "", 0x7ffc0000},
		{"SCMP_ACT_ALLOW", "", 0x7fff0000},
	}
	for _, tt := range tests {
		errnoRet := ""
		if tt.data != "" {
			errnoRet = `, "errnoRet": ` + tt.data
		}
		p := profileOf(t, fmt.Sprintf(`{"names": ["write"], "action": %q%s}`, tt.action, errnoRet))
		f := mustCompile(t, p, Target{Arch: "arm64"})
		c := call{number: numberOf(t, "arm64", "write"), arch: auditARM64}
		if got, _ := interpret(t, f.Instructions, c); got != tt.want {
			t.Errorf("%s %s: %#x, want %#x", tt.action, tt.data, uint32(got), uint32(tt.want))
		}
	}
}

// combineTests are about kill with these rules and arguments.
var combineTests = []struct {
	name, rules string
	args        [maxArgs]uint64
	want        action
}{
	{
		"or, first", `{"names":["kill"],"action":"SCMP_ACT_ALLOW","args":[{"index":0,"value":1,"op":"SCMP_CMP_EQ"}]},
		{"names":["kill"],"action":"SCMP_ACT_ALLOW","args":[{"index":0,"value":2,"op":"SCMP_CMP_EQ"}]}`,
		[maxArgs]uint64{1},
		actAllow,
	},
	{
		"or, second", `{"names":["kill"],"action":"SCMP_ACT_ALLOW","args":[{"index":0,"value":1,"op":"SCMP_CMP_EQ"}]},
		{"names":["kill"],"action":"SCMP_ACT_ALLOW","args":[{"index":0,"value":2,"op":"SCMP_CMP_EQ"}]}`,
		[maxArgs]uint64{2},
		actAllow,
	},
	{
		"or, none", `{"names":["kill"],"action":"SCMP_ACT_ALLOW","args":[{"index":0,"value":1,"op":"SCMP_CMP_EQ"}]},
		{"names":["kill"],"action":"SCMP_ACT_ALLOW","args":[{"index":0,"value":2,"op":"SCMP_CMP_EQ"}]}`,
		[maxArgs]uint64{3},
		eperm,
	},
	{
		"and, both", `{"names":["kill"],"action":"SCMP_ACT_ALLOW","args":[
		{"index":0,"value":1,"op":"SCMP_CMP_EQ"},{"index":1,"value":2,"op":"SCMP_CMP_EQ"}]}`,
		[maxArgs]uint64{1, 2},
		actAllow,
	},
	{
		"and, one", `{"names":["kill"],"action":"SCMP_ACT_ALLOW","args":[
		{"index":0,"value":1,"op":"SCMP_CMP_EQ"},{"index":1,"value":2,"op":"SCMP_CMP_EQ"}]}`,
		[maxArgs]uint64{1, 3},
		eperm,
	},
	{
		"same argument twice is or, as with runc", `{"names":["kill"],"action":"SCMP_ACT_ALLOW","args":[
		{"index":0,"value":1,"op":"SCMP_CMP_EQ"},{"index":0,"value":2,"op":"SCMP_CMP_EQ"}]}`,
		[maxArgs]uint64{2},
		actAllow,
	},
	{
		"strictest wins, listed last", `{"names":["kill"],"action":"SCMP_ACT_ALLOW"},
		{"names":["kill"],"action":"SCMP_ACT_ERRNO","errnoRet":5,"args":[{"index":1,"value":9,"op":"SCMP_CMP_EQ"}]}`,
		[maxArgs]uint64{1, 9},
		actErrno | 5,
	},
	{
		"strictest wins, listed first",
		`{"names":["kill"],"action":"SCMP_ACT_ERRNO","errnoRet":5,"args":[{"index":1,"value":9,"op":"SCMP_CMP_EQ"}]},
		{"names":["kill"],"action":"SCMP_ACT_ALLOW"}`,
		[maxArgs]uint64{1, 9},
		actErrno | 5,
	},
	{
		"strict rule does not match", `{"names":["kill"],"action":"SCMP_ACT_ALLOW"},
		{"names":["kill"],"action":"SCMP_ACT_KILL","args":[{"index":1,"value":9,"op":"SCMP_CMP_EQ"}]}`,
		[maxArgs]uint64{1, 8},
		actAllow,
	},
	{
		"first errno of two", `{"names":["kill"],"action":"SCMP_ACT_ERRNO","errnoRet":5},
		{"names":["kill"],"action":"SCMP_ACT_ERRNO","errnoRet":6}`,
		[maxArgs]uint64{},
		actErrno | 5,
	},
	{
		"mask without bits matches always", `{"names":["kill"],"action":"SCMP_ACT_ALLOW","args":[
		{"index":0,"value":0,"valueTwo":0,"op":"SCMP_CMP_MASKED_EQ"}]}`,
		[maxArgs]uint64{77},
		actAllow,
	},
	{
		"value outside its mask never matches", `{"names":["kill"],"action":"SCMP_ACT_ALLOW","args":[
		{"index":0,"value":1,"valueTwo":2,"op":"SCMP_CMP_MASKED_EQ"}]}`,
		[maxArgs]uint64{3},
		eperm,
	},
}

func TestCompileCombines(t *testing.T) {
	t.Parallel()
	for _, tt := range combineTests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			f := mustCompile(t, profileOf(t, tt.rules), Target{Arch: "amd64"})
			c := call{number: numberOf(t, "amd64", "kill"), arch: auditAMD64, args: tt.args}
			if got, _ := interpret(t, f.Instructions, c); got != tt.want {
				t.Errorf("got %v, want %v", got, tt.want)
			}
		})
	}
}

func TestCompileNumbersOutside(t *testing.T) {
	t.Parallel()
	refuse := profileOf(t, `{"names": ["read", "pidfd_open"], "action": "SCMP_ACT_ALLOW"}`)
	allow, err := Unconfined().Deny("mount")
	if err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name    string
		profile Profile
		goarch  string
		call    call
		want    action
	}{
		{"newest", refuse, "amd64", call{number: 434, arch: auditAMD64}, actAllow},
		{"newer than the newest", refuse, "amd64", call{number: 435, arch: auditAMD64}, actErrno | errnoNOSYS},
		{"between", refuse, "amd64", call{number: 400, arch: auditAMD64}, actErrno | errnoPERM},
		{"x32", refuse, "amd64", call{number: x32Bit, arch: auditAMD64}, actErrno | errnoNOSYS},
		{"minus one", refuse, "amd64", call{number: ^uint32(0), arch: auditAMD64}, actErrno | errnoNOSYS},
		{"i386", refuse, "amd64", call{number: 3, arch: auditI386}, actKillProcess},
		{"arm", refuse, "arm64", call{number: 3, arch: auditARM}, actKillProcess},
		{"amd64 on arm64", refuse, "arm64", call{number: 0, arch: auditAMD64}, actKillProcess},
		{"minus one on arm64", refuse, "arm64", call{number: ^uint32(0), arch: auditARM64}, actErrno | errnoNOSYS},
		{"allowed: newer", allow, "amd64", call{number: 900, arch: auditAMD64}, actAllow},
		{"allowed: x32", allow, "amd64", call{number: x32Bit | 1, arch: auditAMD64}, actErrno | errnoNOSYS},
		{"allowed: first x32", allow, "amd64", call{number: x32Bit, arch: auditAMD64}, actErrno | errnoNOSYS},
		{"allowed: before x32", allow, "amd64", call{number: x32Bit - 1, arch: auditAMD64}, actAllow},
		{"allowed: i386", allow, "amd64", call{number: 3, arch: auditI386}, actKillProcess},
		{"allowed: no x32 on arm64", allow, "arm64", call{number: x32Bit | 1, arch: auditARM64}, actAllow},
	}
	for _, tt := range tests {
		f := mustCompile(t, tt.profile, Target{Arch: tt.goarch})
		if got, _ := interpret(t, f.Instructions, tt.call); got != tt.want {
			t.Errorf("%s: %v, want %v", tt.name, got, tt.want)
		}
	}
}

func TestCompileGates(t *testing.T) {
	t.Parallel()
	p := profileOf(t, `
		{"names": ["read"], "action": "SCMP_ACT_ALLOW", "includes": {"caps": ["CAP_SYS_ADMIN", "CAP_BPF"]}},
		{"names": ["write"], "action": "SCMP_ACT_ALLOW", "excludes": {"caps": ["CAP_SYS_ADMIN", "CAP_BPF"]}},
		{"names": ["close"], "action": "SCMP_ACT_ALLOW", "includes": {"arches": ["arm64", "s390x"]}},
		{"names": ["fstat"], "action": "SCMP_ACT_ALLOW", "excludes": {"arches": ["arm64"]}},
		{"names": ["lseek"], "action": "SCMP_ACT_ALLOW", "includes": {"minKernel": "6.1"}},
		{"names": ["mmap"], "action": "SCMP_ACT_ALLOW", "excludes": {"minKernel": "6.1"}}`)
	tests := []struct {
		target Target
		want   string
	}{
		{Target{Arch: "amd64"}, "write fstat mmap"},
		{Target{Arch: "amd64", Caps: []string{"CAP_BPF"}}, "fstat mmap"},
		{Target{Arch: "amd64", Caps: []string{"bpf", "Cap_Sys_Admin"}}, "read fstat mmap"},
		{Target{Arch: "arm64", Kernel: Version{6, 0}}, "write close mmap"},
		{Target{Arch: "arm64", Kernel: Version{6, 1}}, "write close lseek"},
		{Target{Arch: "amd64", Kernel: Version{10, 0}}, "write fstat lseek"},
	}
	for _, tt := range tests {
		f := mustCompile(t, p, tt.target)
		var got []string
		for _, name := range []string{"read", "write", "close", "fstat", "lseek", "mmap"} {
			c := call{number: numberOf(t, tt.target.Arch, name), arch: auditOf(tt.target.Arch)}
			if act, _ := interpret(t, f.Instructions, c); act == actAllow {
				got = append(got, name)
			}
		}
		if strings.Join(got, " ") != tt.want {
			t.Errorf("%+v: %v, want %s", tt.target, got, tt.want)
		}
	}
}

func TestCompileUnconfined(t *testing.T) {
	t.Parallel()
	f := mustCompile(t, Unconfined(), Target{})
	if len(f.Instructions) != 0 || f.Flags != 0 || f.Bytes() != nil {
		t.Errorf("got %v", f)
	}
}

func TestCompileErrors(t *testing.T) {
	t.Parallel()
	if _, err := Default().Compile(Target{Arch: "riscv64"}); !errors.Is(err, errors.ErrUnsupported) {
		t.Errorf("riscv64: %v", err)
	}
	conds := strings.Repeat(`{"index":0,"value":4294967297,"op":"SCMP_CMP_EQ"},`, 2000)
	p := profileOf(t, `{"names":["read"],"action":"SCMP_ACT_ALLOW","args":[`+strings.TrimSuffix(conds, ",")+`]}`)
	if _, err := p.Compile(Target{Arch: "amd64"}); !errors.Is(err, ErrTooLarge) {
		t.Errorf("many conditions: %v", err)
	}
}

// TestCompileLarge puts more than 255 instructions between jumps and targets.
func TestCompileLarge(t *testing.T) {
	t.Parallel()
	var rules []string
	for i, name := range []string{"read", "write", "open", "close", "stat", "fstat", "lstat", "poll"} {
		for k := range 40 {
			rules = append(rules, fmt.Sprintf(
				`{"names":[%q],"action":"SCMP_ACT_ERRNO","errnoRet":%d,"args":[{"index":%d,"value":%d,"op":"SCMP_CMP_EQ"},{"index":5,"value":1,"op":"SCMP_CMP_LT"}]}`,
				name, k+2, i%5, uint64(k)<<32|uint64(k),
			))
		}
	}
	p := profileOf(t, strings.Join(rules, ","))
	f := mustCompile(t, p, Target{Arch: "amd64"})
	for number := range uint32(12) {
		for k := range uint64(42) {
			for arg := range 5 {
				c := call{number: number, arch: auditAMD64}
				c.args[arg] = k<<32 | k
				got, _ := interpret(t, f.Instructions, c)
				if want := judgement(p, Target{Arch: "amd64"}, c); got != want {
					t.Fatalf("%+v: %v, want %v", c, got, want)
				}
			}
		}
	}
}

func TestFilterBytes(t *testing.T) {
	t.Parallel()
	f := Filter{Instructions: []Instruction{{Code: 0x0102, JT: 3, JF: 4, K: 0x05060708}}}
	if got := fmt.Sprintf("%x", f.Bytes()); got != "0201030408070605" {
		t.Errorf("got %s", got)
	}
}
