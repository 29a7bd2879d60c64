package sandbox_test

import (
	"context"
	"fmt"
	"os"

	"github.com/sandkit/sandkit/sandbox"
)

func ExampleWithIdle() {
	ctx := context.Background()
	s, err := sandbox.New(sandbox.WithIdle())
	if err != nil {
		fmt.Println(err)
		return
	}
	defer s.Close()
	if err := s.Start(ctx); err != nil {
		fmt.Println(err)
		return
	}
	for _, script := range []string{"echo hello >/tmp/note", "cat /tmp/note"} {
		p, err := s.Exec(ctx, sandbox.WithCommand("sh", "-c", script), sandbox.WithStdout(os.Stdout))
		if err == nil {
			_, err = p.Wait(ctx)
		}
		if err != nil {
			fmt.Println(err)
		}
	}
	// Output: hello
}
