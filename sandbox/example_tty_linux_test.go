package sandbox_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/sandkit/sandkit/sandbox"
)

func ExampleWithTTY() {
	var out strings.Builder
	_, err := sandbox.Run(context.Background(), sandbox.WithTTY(24, 80), sandbox.WithStdout(&out),
		sandbox.WithCommand("sh", "-c", "tty; stty size; echo $TERM"))
	fmt.Println(strings.ReplaceAll(out.String(), "\r\n", "\n"), err)
	// Output:
	// /dev/pts/0
	// 24 80
	// xterm
	//  <nil>
}

func ExampleSandbox_Attach() {
	ctx := context.Background()
	s, err := sandbox.New(sandbox.WithOpenStdin(), sandbox.WithCommand("sh", "-c", "read name; echo hello, $name"))
	if err != nil {
		fmt.Println(err)
		return
	}
	defer s.Close()
	if err := s.Start(ctx); err != nil {
		fmt.Println(err)
		return
	}
	err = s.Attach(ctx, sandbox.AttachOptions{Stdin: strings.NewReader("world\n"), Stdout: os.Stdout})
	fmt.Println(err)
	// Output:
	// hello, world
	// <nil>
}

func ExampleInteractive() {
	ctx := context.Background()
	s, err := sandbox.New(sandbox.WithTTY(0, 0), sandbox.WithCommand("bash"))
	if err != nil {
		fmt.Println(err)
		return
	}
	defer s.Close()
	res, err := sandbox.Interactive(ctx, s, sandbox.DetachKeys("ctrl-]"))
	if errors.Is(err, sandbox.ErrDetached) {
		fmt.Println("it goes on, until it is closed")
	}
	fmt.Println(res, err)
}
