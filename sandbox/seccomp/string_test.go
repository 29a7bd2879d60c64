package seccomp

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write the golden files")

func TestStringGolden(t *testing.T) {
	t.Parallel()
	edited, err := Strict().Allow("flock")
	if err == nil {
		edited, err = edited.Deny("connect", "bind")
	}
	if err != nil {
		t.Fatal(err)
	}
	custom, err := ParseOCI([]byte(`{"defaultAction": "SCMP_ACT_KILL_PROCESS", "syscalls": [
		{"names": ["read", "write"], "action": "SCMP_ACT_LOG"},
		{"names": ["kill"], "action": "SCMP_ACT_ALLOW", "args": [{"index": 0, "op": "SCMP_CMP_EQ"}]},
		{"names": ["mount"], "action": "SCMP_ACT_TRAP"}]}`))
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	for _, p := range []Profile{Default(), Strict(), Unconfined(), edited, custom} {
		fmt.Fprintln(&b, p)
		for _, goarch := range []string{"amd64", "arm64"} {
			f := mustCompile(t, p, Target{Arch: goarch})
			fmt.Fprintf(&b, "  %s: %v\n", goarch, f)
		}
	}
	for _, a := range []action{
		actAllow, actLog, actTrace | 7, actErrno | errnoNOSYS, actErrno | 5, actTrap, actKillThread, actKillProcess, 0x10000,
	} {
		fmt.Fprintln(&b, a)
	}
	const golden = "testdata/string.golden"
	if *update {
		if err := os.WriteFile(golden, []byte(b.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if b.String() != string(want) {
		t.Errorf("got\n%s, want (go test -update writes it)\n%s", b.String(), want)
	}
}
