package seccomp_test

import (
	"encoding/json"
	"fmt"

	"github.com/sandkit/sandkit/sandbox/seccomp"
)

func ExampleProfile() {
	// The default profile, plus what a debugger needs, minus networking.
	p, err := seccomp.Default().Allow("ptrace", "process_vm_readv")
	if err != nil {
		fmt.Println(err)
		return
	}
	if p, err = p.Deny("socket"); err != nil {
		fmt.Println(err)
		return
	}
	data, err := json.Marshal(p)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(string(data))

	f, err := p.Compile(seccomp.Target{Arch: "amd64", Caps: []string{"CAP_NET_BIND_SERVICE"}})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(len(f.Bytes()) == 8*len(f.Instructions))
	// Output:
	// {"base":"default","allow":["process_vm_readv","ptrace"],"deny":["socket"]}
	// true
}

func ExampleParseDocker() {
	p, err := seccomp.ParseDocker([]byte(`{
		"defaultAction": "SCMP_ACT_ERRNO",
		"syscalls": [
			{"names": ["read", "write", "exit_group"], "action": "SCMP_ACT_ALLOW"},
			{"names": ["kill", "reed"], "action": "SCMP_ACT_ERRNO", "errnoRet": 38}
		]
	}`))
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(p)
	misspelt, err := p.Unknown("")
	fmt.Println(misspelt, err)
	// Output:
	// seccomp custom: 3 allowed, 0 conditional, 2 refused, others ERRNO(EPERM)
	// [reed] <nil>
}
