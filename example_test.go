//go:build linux

package sandkit_test

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/sandkit/sandkit/fs"
	"github.com/sandkit/sandkit/sandbox"
)

// The shortest way: run a program of this machine and read what it writes.
func Example() {
	out, err := sandbox.Output(context.Background(),
		sandbox.WithCommand("sh", "-c", `read -r name < /proc/self/comm; echo "$name, process $$ of $USER"`),
		sandbox.WithEnv("USER=nobody"),
	)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Print(string(out))
	// Output: sh, process 2 of nobody
}

// Data goes in as files and as standard input, results come out as standard
// output. Nothing of it touches the host's disk.
func Example_dataInAndOut() {
	const script = `
		while read -r name; do
			while IFS== read -r key value; do
				if [ "$key" = "$name" ]; then echo "$name is $value"; fi
			done < /etc/prices
		done`
	var out bytes.Buffer
	res, err := sandbox.Run(context.Background(),
		sandbox.WithMount(fs.File("/etc/prices", 0o444, []byte("apple=3\npear=4\n"))),
		sandbox.WithStdin(strings.NewReader("pear\napple\n")),
		sandbox.WithStdout(&out),
		sandbox.WithTimeout(time.Minute),
		sandbox.WithCommand("sh", "-c", script),
	)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Print(out.String())
	fmt.Println(res.Reason, res.ExitCode)
	// Output:
	// pear is 4
	// apple is 3
	// exited 0
}

// Results come out through a directory of the host, the only place that the
// sandbox may write to for good.
func Example_outputDirectory() {
	dir, err := os.MkdirTemp("", "results")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer func() { _ = os.RemoveAll(dir) }()
	results := fs.Bind(dir, "/results")
	results.NoExec = true
	// Where the file system cannot show the sandbox's owners, they are the
	// host's, and it takes a directory that anybody may write to.
	if err := os.Chmod(dir, 0o777); err != nil {
		fmt.Println(err)
		return
	}
	_, err = sandbox.Run(context.Background(),
		sandbox.BestEffort(sandbox.WithMount(results)),
		sandbox.WithDir("/results"),
		sandbox.WithCommand("sh", "-c", "echo 42 > answer; echo lost > /tmp/other"),
	)
	if err != nil {
		fmt.Println(err)
		return
	}
	b, err := os.ReadFile(filepath.Join(dir, "answer"))
	fmt.Printf("%s%v\n", b, err)
	// Output:
	// 42
	// <nil>
}

// A program that runs for long is started, told to stop, and waited for.
func Example_service() {
	ctx := context.Background()
	r, w := io.Pipe()
	s, err := sandbox.New(
		sandbox.WithName("service"),
		sandbox.WithStdout(w),
		sandbox.WithStop(syscall.SIGTERM, time.Minute),
		sandbox.WithCommand("sh", "-c", "trap 'exit 0' TERM; echo ready; sleep 1000 & wait"),
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
	line, err := bufio.NewReader(r).ReadString('\n')
	fmt.Print(line)
	// Stop sends SIGTERM and, when the grace period is over, kills everything.
	// With the program, all other processes of the sandbox are gone.
	fmt.Println(err, s.Stop(ctx))
	res, err := s.Wait(ctx)
	fmt.Println(res.Reason, res.ExitCode, err)
	// Output:
	// ready
	// <nil> <nil>
	// stopped 0 <nil>
}

// What goes wrong is an error that tells where and why.
func Example_errors() {
	ctx := context.Background()
	_, err := sandbox.New(sandbox.WithDir("tmp"), sandbox.WithRlimit("files", 1, 1))
	fmt.Println(errors.Is(err, sandbox.ErrInvalidSpec))

	_, err = sandbox.Run(ctx, sandbox.WithCommand("no-such-program"))
	if start, ok := errors.AsType[*sandbox.Error](err); ok {
		fmt.Println(start.Op, start.Stage, start.Path, errors.Is(err, sandbox.ErrNotFound))
	}

	_, err = sandbox.Run(ctx, sandbox.WithCommand("sh", "-c", "exit 7"))
	if exit, ok := errors.AsType[*sandbox.ExitError](err); ok {
		fmt.Println(exit.ExitCode, exit.Reason)
	}
	// Output:
	// true
	// start exec no-such-program true
	// 7 exited
}
