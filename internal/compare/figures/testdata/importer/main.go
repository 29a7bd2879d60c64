// Command importer would run a program in a sandbox, if it got one.
package main

import (
	"context"
	"os"

	"github.com/sandkit/sandkit/sandbox"
)

func main() {
	if len(os.Args) < 2 {
		return
	}
	if _, err := sandbox.Run(context.Background(), sandbox.WithStdout(os.Stdout), sandbox.WithStderr(os.Stderr),
		sandbox.WithCommand(os.Args[1], os.Args[2:]...)); err != nil {
		os.Exit(1)
	}
}
