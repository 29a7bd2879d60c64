package sandbox_test

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

func ExampleNew() {
	ctx := context.Background()
	var out bytes.Buffer
	s, err := sandbox.New(
		sandbox.WithStdout(&out),
		sandbox.WithCommand("sh", "-c", "echo hello"),
	)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer s.Close() // kills it if it is still running
	if err := s.Start(ctx); err != nil {
		fmt.Println(err)
		return
	}
	res, err := s.Wait(ctx)
	fmt.Print(out.String())
	fmt.Println(res.ExitCode, err)
	// Output:
	// hello
	// 0 <nil>
}

func ExampleSandbox_Exec() {
	ctx := context.Background()
	s, err := sandbox.New(sandbox.WithEnv("COLOUR=red"), sandbox.WithCommand("sleep", "1000"))
	if err != nil {
		fmt.Println(err)
		return
	}
	defer s.Close()
	if err := s.Start(ctx); err != nil {
		fmt.Println(err)
		return
	}
	var out bytes.Buffer
	p, err := s.Exec(ctx, sandbox.WithStdout(&out), sandbox.WithCommand("sh", "-c", "echo $COLOUR, by a child of process $PPID; exit 3"))
	if err != nil {
		fmt.Println(err)
		return
	}
	res, err := p.Wait(ctx)
	fmt.Print(out.String())
	fmt.Println(res.ExitCode, err)
	// Output:
	// red, by a child of process 1
	// 3 exit status 3
}

func ExampleNew_everyProblemAtOnce() {
	_, err := sandbox.New(
		sandbox.WithCommand("true"),
		sandbox.WithDir("relative"),
		sandbox.WithHostname("-"),
	)
	fmt.Println(errors.Is(err, sandbox.ErrInvalidSpec))
	fmt.Println(strings.Contains(err.Error(), "WithDir"), strings.Contains(err.Error(), "WithHostname"))
	// Output:
	// true
	// true true
}

func ExampleRun() {
	// The context ends the sandbox, whatever it does.
	ctx, cancel := context.WithTimeout(context.Background(), 100*time.Millisecond)
	defer cancel()
	res, err := sandbox.Run(ctx, sandbox.WithCommand("sh", "-c", "while :; do :; done"))
	fmt.Println(errors.Is(err, context.DeadlineExceeded), res.Reason)
	// Output: true cancelled
}

func ExampleOutput() {
	out, err := sandbox.Output(context.Background(),
		sandbox.WithStdin(strings.NewReader("some input\n")),
		sandbox.WithCommand("cat"),
	)
	fmt.Print(string(out), err)
	// Output:
	// some input
	// <nil>
}

func ExampleExitError() {
	_, err := sandbox.Output(context.Background(),
		sandbox.WithCommand("sh", "-c", "echo no such record >&2; exit 4"))
	if exit, ok := errors.AsType[*sandbox.ExitError](err); ok {
		fmt.Println(exit.ExitCode, exit.Reason)
		fmt.Printf("%s", exit.Stderr)
		fmt.Println(err)
	}
	// Output:
	// 4 exited
	// no such record
	// exit status 4: no such record
}

func ExampleSpec_Plan() {
	host, err := sandbox.Probe(context.Background())
	if err != nil {
		fmt.Println(err)
		return
	}
	spec := sandbox.Spec{Process: sandbox.ProcessSpec{Command: []string{"/bin/sh"}}}
	plan, err := spec.Plan(host)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(plan.Protections.Has("seccomp"), len(plan.Dropped))
	for line := range strings.Lines(plan.String()) {
		if strings.Contains(line, "pivot_root") || strings.Contains(line, "execve") {
			_, call, _ := strings.Cut(strings.TrimSpace(line), "  ")
			call, _, _ = strings.Cut(call, `, ["PATH`)
			fmt.Println(call)
		}
	}
	// Output:
	// true 0
	// pivot_root(".", ".")
	// execve("/bin/sh", ["/bin/sh"]
}

func ExampleNewFromSpec() {
	spec := sandbox.Spec{
		Process: sandbox.ProcessSpec{Command: []string{"sh", "-c", "echo $COLOUR"}, Env: []string{"COLOUR=red"}},
		Mounts:  []fs.Mount{fs.Tmpfs("/job", 1<<20)},
	}
	s, err := sandbox.NewFromSpec(spec, sandbox.WithStdout(os.Stdout), sandbox.WithEnv("COLOUR=green"))
	if err != nil {
		fmt.Println(err)
		return
	}
	defer s.Close()
	if err := s.Start(context.Background()); err != nil {
		fmt.Println(err)
		return
	}
	_, err = s.Wait(context.Background())
	fmt.Println(err)
	// Output:
	// green
	// <nil>
}

func ExampleProbe() {
	host, err := sandbox.Probe(context.Background())
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, f := range host.List {
		if f.Name == "own user namespace" {
			fmt.Println(f.OK, f.Reason)
		}
	}
	// Output: true
}
