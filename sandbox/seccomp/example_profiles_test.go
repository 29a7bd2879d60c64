package seccomp_test

import (
	"encoding/json"
	"fmt"

	"github.com/sandkit/sandkit/sandbox/seccomp"
)

func ExampleParse() {
	// By name, as Docker writes profiles, as an OCI configuration has them, or
	// as a Profile writes itself.
	for _, text := range []string{
		`"strict"`,
		`{"base": "default", "deny": ["socket"]}`,
		`{"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["mount"], "action": "SCMP_ACT_ERRNO"}]}`,
		`{"defaultAction": "SCMP_ACT_PERHAPS"}`,
	} {
		p, err := seccomp.Parse([]byte(text))
		if err != nil {
			fmt.Println(err)
			continue
		}
		data, err := json.Marshal(p)
		fmt.Println(p.Equal(seccomp.Strict()), string(data), err)
	}
	// Output:
	// true "strict" <nil>
	// false {"base":"default","deny":["socket"]} <nil>
	// false {"defaultAction":"SCMP_ACT_ALLOW","syscalls":[{"names":["mount"],"action":"SCMP_ACT_ERRNO"}]} <nil>
	// parse seccomp profile: defaultAction: "SCMP_ACT_PERHAPS": unknown; use SCMP_ACT_ALLOW, LOG, TRACE, ERRNO, TRAP, KILL_THREAD or KILL_PROCESS
}

func ExampleDefault() {
	var zero seccomp.Profile
	fmt.Println(zero.Equal(seccomp.Default()))

	// The filter for a machine and for what the sandbox may do.
	f, err := seccomp.Default().Compile(seccomp.Target{Arch: "arm64", Caps: []string{"CAP_SYS_PTRACE"}})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(len(f.Instructions) > 0)
	// Output:
	// true
	// true
}
