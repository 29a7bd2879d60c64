package sandbox_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/sandkit/sandkit/sandbox"
)

func ExampleCommand() {
	cmd := sandbox.Command(context.Background(), "tr", "a-z", "A-Z")
	cmd.Stdin = strings.NewReader("and old falcons\n")
	cmd.Stdout = os.Stdout
	cmd.Options = []sandbox.Option{sandbox.WithUmask(0o077)}
	if err := cmd.Run(); err != nil {
		fmt.Println(err)
	}
	// Output: AND OLD FALCONS
}

func ExampleCmd_Output() {
	_, err := sandbox.Command(context.Background(), "sh", "-c", "echo no such record >&2; exit 4").Output()
	if exit, ok := errors.AsType[*sandbox.ExitError](err); ok {
		fmt.Printf("%d: %s", exit.ExitCode, exit.Stderr)
	}
	// Output: 4: no such record
}

func ExampleCmd_StdoutPipe() {
	cmd := sandbox.Command(context.Background(), "sh", "-c", "sleep 1000 & for i in 1 2 3; do echo $i; done")
	out, err := cmd.StdoutPipe()
	if err != nil {
		fmt.Println(err)
		return
	}
	if err := cmd.Start(); err != nil {
		fmt.Println(err)
		return
	}
	// Reading ends with the command: no other process outlives it.
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		fmt.Println("got", lines.Text())
	}
	err = cmd.Wait()
	fmt.Println(err, cmd.ProcessState)
	// Output:
	// got 1
	// got 2
	// got 3
	// <nil> exit status 0
}
