package sandbox_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/sandkit/sandkit/fs"
	"github.com/sandkit/sandkit/sandbox"
	"github.com/sandkit/sandkit/sandbox/seccomp"
)

func ExampleWithTimeout() {
	_, err := sandbox.Run(context.Background(),
		sandbox.WithTimeout(50*time.Millisecond),
		sandbox.WithCommand("sh", "-c", "while :; do :; done"))
	fmt.Println(errors.Is(err, sandbox.ErrTimeout), err)
	// Output: true timeout (signal: killed)
}

func ExampleWithRootfs() {
	dir, err := os.MkdirTemp("", "root")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer func() { _ = os.RemoveAll(dir) }()
	err = errors.Join(os.Chmod(dir, 0o755), os.WriteFile(dir+"/greeting", []byte("from the directory\n"), 0o644))
	if err != nil {
		fmt.Println(err)
		return
	}
	// Usually the directory has the programs; here the machine's are added.
	var programs []sandbox.Option
	for _, d := range []string{"/usr", "/bin", "/lib", "/lib64"} {
		if _, err := os.Stat(d); err != nil {
			continue
		}
		m := fs.BindRO(d, d)
		m.HostOwners = true
		programs = append(programs, sandbox.WithMount(m))
	}
	out, err := sandbox.Output(context.Background(),
		sandbox.BestEffort(sandbox.WithRootfs(dir)),
		sandbox.Options(programs...),
		sandbox.WithMount(fs.File("/job", 0o755, []byte("#!/bin/sh\nread -r line < /greeting\necho $line\n"))),
		sandbox.WithCommand("/job"),
	)
	fmt.Print(string(out), err)
	// Output:
	// from the directory
	// <nil>
}

func ExampleWithMount() {
	out, err := sandbox.Output(context.Background(),
		sandbox.WithMount(fs.Tmpfs("/job", 1<<20)),
		sandbox.WithMount(fs.File("/job/run.sh", 0o755, []byte("#!/bin/sh\necho one > result\nread -r line < result\necho $line\n"))),
		sandbox.WithDir("/job"),
		sandbox.WithCommand("./run.sh"),
	)
	fmt.Print(string(out), err)
	// Output:
	// one
	// <nil>
}

func ExampleBestEffort() {
	// On a kernel without Landlock the sandbox goes without, and says so.
	res, err := sandbox.Run(context.Background(),
		sandbox.BestEffort(sandbox.WithLandlock(sandbox.Landlock{ReadOnly: []string{"/"}, MinABI: 1000})),
		sandbox.WithCommand("sh", "-c", "exit 0"),
	)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println("Landlock:", res.Protections.Has("Landlock"))
	fmt.Println("seccomp:", res.Protections.Has("seccomp"))
	// Output:
	// Landlock: false
	// seccomp: true
}

func ExampleOptions() {
	// A preset is an option made of options; what comes later overrides it.
	careful := sandbox.Options(
		sandbox.WithSeccomp(seccomp.Strict()),
		sandbox.WithReadOnlyRootfs(),
		sandbox.WithTimeout(time.Minute),
	)
	s, err := sandbox.New(careful, sandbox.WithTimeout(time.Hour), sandbox.WithCommand("sh"))
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(s.Spec().Timeout, s.Spec().Root.ReadOnly)
	// Output: 1h0m0s true
}

func ExampleWithLogs() {
	ctx := context.Background()
	s, err := sandbox.New(
		sandbox.WithLogs(sandbox.Logs{Driver: sandbox.LogRing}),
		sandbox.WithCommand("sh", "-c", "echo working; echo done"),
	)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer s.Close()
	if err := s.Start(ctx); err != nil {
		fmt.Println(err)
		return
	}
	for entry, err := range s.Logs(ctx, sandbox.LogOptions{Tail: -1, Follow: true}) { // until the program ends
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Printf("%s: %s", entry.Stream, entry.Line)
	}
	// Output:
	// stdout: working
	// stdout: done
}
