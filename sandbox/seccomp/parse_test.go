package seccomp

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
)

func TestParseErrors(t *testing.T) {
	t.Parallel()
	rule := func(s string) string {
		return `{"defaultAction": "SCMP_ACT_ERRNO", "syscalls": [{"names": ["read"], "action": "SCMP_ACT_ALLOW"}, ` + s + `]}`
	}
	tests := []struct{ name, json, field, text string }{
		{"no default", `{"syscalls": []}`, "defaultAction", "missing"},
		{"default", `{"defaultAction": "SCMP_ACT_NO"}`, "defaultAction", `"SCMP_ACT_NO": unknown`},
		{"default errno", `{"defaultAction": "SCMP_ACT_ALLOW", "defaultErrnoRet": 1}`, "defaultErrnoRet", "takes none"},
		{"errno type", `{"defaultAction": "SCMP_ACT_ERRNO", "defaultErrnoRet": "x"}`, "defaultErrnoRet", "want uint32"},
		{"field", `{"defaultAction": "SCMP_ACT_ERRNO", "syscall": []}`, "", `unknown field "syscall"`},
		{"arch", `{"defaultAction": "SCMP_ACT_ERRNO", "architectures": ["X86"]}`, "architectures[0]", `"X86"`},
		{"map", `{"defaultAction": "SCMP_ACT_ERRNO", "archMap": [{"architecture": "y"}]}`, "archMap[0].architecture", `"y"`},
		{
			"sub", `{"defaultAction": "SCMP_ACT_ERRNO", "archMap": [{"architecture": "SCMP_ARCH_X86_64", "subArchitectures": ["z"]}]}`,
			"archMap[0].subArchitectures[0]", `"z"`,
		},
		{
			"both", `{"defaultAction": "SCMP_ACT_ERRNO", "architectures": ["SCMP_ARCH_X86"], "archMap": [{"architecture": "SCMP_ARCH_X86"}]}`,
			"archMap", "use one of them",
		},
		{"flag", `{"defaultAction": "SCMP_ACT_ERRNO", "flags": ["LOG"]}`, "flags[0]", `"LOG"`},
		{"action", rule(`{"names": ["a"], "action": "ALLOW"}`), "syscalls[1].action", `"ALLOW"`},
		{"no action", rule(`{"names": ["a"]}`), "syscalls[1].action", "unknown"},
		{"errno", rule(`{"names": ["a"], "action": "SCMP_ACT_ERRNO", "errnoRet": 4096}`), "syscalls[1].errnoRet", "0 to 4095"},
		{"no errno", rule(`{"names": ["a"], "action": "SCMP_ACT_ALLOW", "errnoRet": 1}`), "syscalls[1].errnoRet", "takes none"},
		{"names", rule(`{"action": "SCMP_ACT_ALLOW"}`), "syscalls[1].names", "missing"},
		{"null", rule(`null`), "syscalls[1].names", "missing"},
		{"empty name", rule(`{"names": ["a", ""], "action": "SCMP_ACT_ALLOW"}`), "syscalls[1].names[1]", "empty"},
		{"two names", rule(`{"names": ["a"], "name": "b", "action": "SCMP_ACT_ALLOW"}`), "syscalls[1].name", `"b"`},
		{"typo", rule(`{"names": ["a"], "action": "SCMP_ACT_ALLOW", "arg": []}`), "syscalls[1]", `unknown field "arg"`},
		{"op", rule(`{"names": ["a"], "action": "SCMP_ACT_ALLOW", "args": [{"index": 0, "op": "=="}]}`), "syscalls[1].args[0].op", `"=="`},
		{"index", rule(`{"names": ["a"], "action": "SCMP_ACT_ALLOW", "args": [{"index": 6, "op": "SCMP_CMP_EQ"}]}`), "syscalls[1].args[0].index", `"6"`},
		{"gate arch", rule(`{"names": ["a"], "action": "SCMP_ACT_ALLOW", "includes": {"arches": ["vax"]}}`), "syscalls[1].includes.arches[0]", `"vax"`},
		{"gate kernel", rule(`{"names": ["a"], "action": "SCMP_ACT_ALLOW", "excludes": {"minKernel": "4"}}`), "syscalls[1]", "major.minor"},
		{"more", rule(`{"names": ["a"], "action": "SCMP_ACT_ALLOW"}`) + `{}`, "", "more data"},
		{"not JSON", `nonsense`, "", "invalid character"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			_, err := ParseDocker([]byte(tt.json))
			if err == nil || !strings.Contains(err.Error(), tt.text) {
				t.Fatalf("got %v, want %q", err, tt.text)
			}
			fe, ok := errors.AsType[*FieldError](err)
			if ok != (tt.field != "") || ok && fe.Field != tt.field {
				t.Errorf("field of %v, want %q", err, tt.field)
			}
		})
	}
}

func TestParseUnsupported(t *testing.T) {
	t.Parallel()
	for _, data := range []string{
		`{"defaultAction": "SCMP_ACT_NOTIFY"}`,
		`{"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["mount"], "action": "SCMP_ACT_NOTIFY"}]}`,
		`{"defaultAction": "SCMP_ACT_ALLOW", "listenerPath": "/run/agent.sock"}`,
		`{"defaultAction": "SCMP_ACT_ALLOW", "flags": ["SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV"]}`,
	} {
		if _, err := ParseOCI([]byte(data)); !errors.Is(err, errors.ErrUnsupported) {
			t.Errorf("%s: %v", data, err)
		}
	}
}

func TestParseOCIRefusesDockerFields(t *testing.T) {
	t.Parallel()
	for field, data := range map[string]string{
		"archMap":              `"archMap": [{"architecture": "SCMP_ARCH_X86_64"}]`,
		"syscalls[0].name":     `"syscalls": [{"name": "read", "action": "SCMP_ACT_ALLOW"}]`,
		"syscalls[0].comment":  `"syscalls": [{"names": ["read"], "action": "SCMP_ACT_ALLOW", "comment": "x"}]`,
		"syscalls[0].includes": `"syscalls": [{"names": ["read"], "action": "SCMP_ACT_ALLOW", "includes": {"caps": ["CAP_KILL"]}}]`,
		"syscalls[0].excludes": `"syscalls": [{"names": ["read"], "action": "SCMP_ACT_ALLOW", "excludes": {"minKernel": "5.1"}}]`,
	} {
		data = `{"defaultAction": "SCMP_ACT_ERRNO", ` + data + `}`
		_, err := ParseOCI([]byte(data))
		if fe, ok := errors.AsType[*FieldError](err); !ok || fe.Field != field {
			t.Errorf("%s: %v", field, err)
		}
		if _, err := ParseDocker([]byte(data)); err != nil {
			t.Errorf("%s in a Docker profile: %v", field, err)
		}
	}
}

func TestParseLimits(t *testing.T) {
	t.Parallel()
	names := strings.TrimSuffix(strings.Repeat(`"a",`, 300), ",")
	args := strings.TrimSuffix(strings.Repeat(`{"index":1,"op":"SCMP_CMP_EQ"},`, 300), ",")
	for name, data := range map[string]string{
		"bytes": `{"defaultAction": "SCMP_ACT_ERRNO", "syscalls": []` + strings.Repeat(" ", maxInput) + `}`,
		"uses":  fmt.Sprintf(`{"defaultAction": "SCMP_ACT_ERRNO", "syscalls": [{"names": [%s], "action": "SCMP_ACT_ALLOW", "args": [%s]}]}`, names, args),
	} {
		if _, err := ParseDocker([]byte(data)); !errors.Is(err, ErrTooLarge) {
			t.Errorf("%s: %v", name, err)
		}
		if _, err := Parse([]byte(data)); !errors.Is(err, ErrTooLarge) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestParseKinds reads the same rules in each form that Parse detects.
func TestParseKinds(t *testing.T) {
	t.Parallel()
	oci := `{"defaultAction": "SCMP_ACT_ERRNO", "syscalls": [{"names": ["read"], "action": "SCMP_ACT_ALLOW"}]}`
	docker, err := os.ReadFile("testdata/docker.json")
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct{ name, json, want string }{
		{"default", ` "default"`, "seccomp default: "},
		{"strict", `"strict"`, "seccomp strict: "},
		{"unconfined", `"unconfined"`, "seccomp unconfined: no filter"},
		{"edited", `{"base": "default", "allow": ["ptrace"]}`, "+ptrace"},
		{"edited document", `{"base": ` + oci + `, "deny": ["read"]}`, "seccomp custom: 0 allowed, 0 conditional, 1 refused, others ERRNO(EPERM) -read"},
		{"docker", string(docker), "seccomp custom: 3 allowed, 5 conditional, 0 refused, others ERRNO(EPERM)"},
		{"oci", oci, "seccomp custom: 1 allowed, 0 conditional, 0 refused, others ERRNO(EPERM)"},
		{"config.json", `{"ociVersion": "1.2.0", "process": {}, "linux": {"seccomp": ` + oci + `, "x": 1}}`, "seccomp custom: 1 allowed"},
	} {
		p, err := Parse([]byte(tt.json))
		if err != nil || !strings.Contains(p.String(), tt.want) {
			t.Errorf("%s: %v, %v", tt.name, p, err)
		}
	}
	for _, bad := range []string{
		``, `null`, `7`, `"docker"`, `{}`, `{"base": "default", "alow": []}`, `{"base": {"base": "default"}}`,
		`{"base": "default", "deny": ["reed"]}`, `{"ociVersion": "1.2.0"}`, `{"ociVersion": "1.2.0", "linux": {"seccomp": {}}}`,
		`"default" "strict"`,
	} {
		if p, err := Parse([]byte(bad)); err == nil {
			t.Errorf("%s: %v", bad, p)
		}
	}
}

// TestParseDockerFile compiles a profile with all that the format has.
func TestParseDockerFile(t *testing.T) {
	t.Parallel()
	data, err := os.ReadFile("testdata/docker.json")
	if err != nil {
		t.Fatal(err)
	}
	p, err := ParseDocker(data)
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		target Target
		name   string
		args   [maxArgs]uint64
		want   action
	}{
		{Target{Arch: "amd64"}, "read", [maxArgs]uint64{}, actAllow},
		{Target{Arch: "amd64"}, "openat", [maxArgs]uint64{}, actAllow},
		{Target{Arch: "amd64"}, "ptrace", [maxArgs]uint64{}, actAllow},
		{Target{Arch: "amd64", Kernel: Version{4, 7}}, "ptrace", [maxArgs]uint64{}, eperm},
		{Target{Arch: "amd64"}, "arch_prctl", [maxArgs]uint64{}, actAllow},
		{Target{Arch: "amd64"}, "clone", [maxArgs]uint64{0x11}, actAllow},
		{Target{Arch: "amd64"}, "clone", [maxArgs]uint64{0x20011}, eperm},
		{Target{Arch: "amd64", Caps: []string{"CAP_SYS_ADMIN"}}, "clone", [maxArgs]uint64{0x20011}, actAllow},
		{Target{Arch: "arm64"}, "clone3", [maxArgs]uint64{}, enosys},
		{Target{Arch: "arm64"}, "io_uring_setup", [maxArgs]uint64{}, eperm},
		{Target{Arch: "arm64"}, "mseal", [maxArgs]uint64{}, enosys},
	} {
		f := mustCompile(t, p, tt.target)
		c := call{number: numberOf(t, tt.target.Arch, tt.name), arch: auditOf(tt.target.Arch), args: tt.args}
		if got, _ := interpret(t, f.Instructions, c); got != tt.want {
			t.Errorf("%+v %s: %v, want %v", tt.target, tt.name, got, tt.want)
		}
	}
}

func TestParseFlags(t *testing.T) {
	t.Parallel()
	for flags, want := range map[string]Flags{
		"":                FlagSpecAllow,
		`, "flags": null`: FlagSpecAllow,
		`, "flags": []`:   0,
		`, "flags": ["SECCOMP_FILTER_FLAG_LOG", "SECCOMP_FILTER_FLAG_TSYNC"]`:      FlagLog,
		`, "flags": ["SECCOMP_FILTER_FLAG_SPEC_ALLOW", "SECCOMP_FILTER_FLAG_LOG"]`: FlagLog | FlagSpecAllow,
	} {
		p, err := ParseOCI([]byte(`{"defaultAction": "SCMP_ACT_ALLOW"` + flags + `}`))
		if err != nil {
			t.Fatal(err)
		}
		if f := mustCompile(t, p, Target{Arch: "amd64"}); f.Flags != want {
			t.Errorf("%s: %#x, want %#x", flags, f.Flags, want)
		}
	}
}
