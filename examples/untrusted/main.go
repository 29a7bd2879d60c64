// Command untrusted runs a script that nobody has read behind every layer that
// there is: the strict system call filter, Landlock where the kernel has it, a
// read-only root, a /proc that shows only processes, an ordinary user inside.
//
//	go run ./examples/untrusted
package main

import (
	"context"
	"fmt"
	"os"
	"time"

	"github.com/sandkit/sandkit/fs"
	"github.com/sandkit/sandkit/sandbox"
	"github.com/sandkit/sandkit/sandbox/seccomp"
)

// The script may write to /job and nowhere else.
const script = `
check() { if sh -c "$2" >/dev/null 2>&1; then echo "$1: yes"; else echo "$1: no"; fi; }
check "write to /job"            "echo x > /job/x"
check "write to /tmp"             "echo x > /tmp/x"
check "run programs"              "cat /job/x > /job/y"
check "read /usr"                 "ls /usr"
check "list /home"                "ls /home"
check "see the machine's memory"  "cat /proc/meminfo"
check "see devices"               "ls /sys/block"
check "become root"               "test \$(id -u) = 0"
`

func main() {
	if err := run(context.Background()); err != nil {
		fmt.Fprintln(os.Stderr, "untrusted:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context) error {
	defer sandbox.Trim() // this program ends soon and leaves nothing ready
	layers := sandbox.Options(
		sandbox.WithSeccomp(seccomp.Strict()),
		sandbox.BestEffort(sandbox.WithLandlock(sandbox.Landlock{
			ReadOnly:  []string{"/usr", "/bin", "/lib", "/etc", "/proc"},
			ReadWrite: []string{"/job", "/dev/null"},
		})),
		sandbox.WithReadOnlyRootfs(),
		sandbox.WithProc(fs.Proc{PIDOnly: true}),
		sandbox.WithUser("1000"),
		sandbox.WithRlimit("fsize", 1<<20, 1<<20),
		sandbox.WithTimeout(10*time.Second),
	)
	res, err := sandbox.Run(ctx, layers,
		sandbox.WithMount(fs.Tmpfs("/job", 1<<20)), sandbox.WithDir("/job"),
		sandbox.WithStdout(os.Stdout), sandbox.WithStderr(os.Stderr),
		sandbox.WithCommand("sh", "-c", script),
	)
	if err != nil {
		return err
	}
	fmt.Printf("\n%v\n\n%v", res, res.Protections)
	if !res.Protections.Has("Landlock") {
		fmt.Println("Landlock: not in this kernel, so the layer was left out")
	}
	return nil
}
