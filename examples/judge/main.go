// Command judge runs small programs as a judge of submissions does: each has
// its input, a time limit and resource limits, and the way it ended decides.
//
//	go run ./examples/judge
package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/sandkit/sandkit/fs"
	"github.com/sandkit/sandkit/sandbox"
)

// The same limits for every submission: a preset.
var limits = sandbox.Options(
	sandbox.WithTimeout(time.Second),
	sandbox.WithRlimit("fsize", 1<<20, 1<<20), // bytes in one file
	sandbox.WithRlimit("as", 1<<30, 1<<30),    // bytes of address space
	sandbox.WithRlimit("nproc", 16, 16),       // processes in the sandbox
	// Where this program may make cgroups: as root, mostly.
	sandbox.BestEffort(sandbox.WithMemory(64<<20), sandbox.WithCPUs(1)),
	sandbox.WithReadOnlyRootfs(),
	sandbox.WithMount(fs.Tmpfs("/tmp", 16<<20)),
)

// A submission adds the numbers of its input.
type submission struct{ name, code string }

const input, answer = "3\n4\n5\n", "12"

var submissions = []submission{
	{"right", "s=0; while read -r n; do s=$((s + n)); done; echo $s"},
	{"wrong", "read -r a; read -r b; echo $((a + b))"},
	{"crash", "echo 'no idea' >&2; exit 3"},
	{"killed", "kill -SEGV $$"},
	{"endless", "while :; do :; done"},
	{"sleepers", "for i in 1 2 3 4 5; do sleep 1000 & done; wait"},
	{"forks", "f() { f & f; }; f"},
	{"large", "yes > /tmp/large"},
	{"writer", "echo 12 > /usr/answer"},
}

func main() {
	defer sandbox.Trim() // this program ends soon and leaves nothing ready
	for _, s := range submissions {
		verdict, err := judge(context.Background(), s)
		if err != nil {
			fmt.Fprintf(os.Stderr, "judge: %s: %v\n", s.name, err)
			os.Exit(1)
		}
		fmt.Printf("%-8s %s\n", s.name, verdict)
	}
}

// judge gives the verdict; the error is for what is not the submission's fault.
func judge(ctx context.Context, s submission) (string, error) {
	var stderr bytes.Buffer
	out, err := sandbox.Output(ctx, limits, sandbox.WithName("judge-"+s.name),
		sandbox.WithStdin(strings.NewReader(input)), sandbox.WithStderr(&stderr),
		sandbox.WithCommand("sh", "-c", s.code))
	exit, ended := errors.AsType[*sandbox.ExitError](err)
	switch {
	case errors.Is(err, sandbox.ErrTimeout):
		return "time limit exceeded", nil
	case ended && exit.Signal != 0:
		return "ended by signal: " + exit.Signal.String(), nil
	case ended:
		first, _, _ := strings.Cut(stderr.String(), "\n")
		return fmt.Sprintf("exit code %d: %s", exit.ExitCode, first), nil
	case err != nil:
		return "", err
	case strings.TrimSpace(string(out)) != answer:
		return fmt.Sprintf("wrong answer: %q", strings.TrimSpace(string(out))), nil
	}
	return "accepted", nil
}
