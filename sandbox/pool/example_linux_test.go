package pool_test

import (
	"context"
	"errors"
	"fmt"

	"github.com/sandkit/sandkit/sandbox"
	"github.com/sandkit/sandkit/sandbox/pool"
)

func ExamplePool() {
	ctx := context.Background()
	p, err := pool.New(pool.Options{Size: 2, Max: 8})
	if err != nil {
		fmt.Println(err)
		return
	}
	for range 2 {
		// What one run leaves behind, the next one does not see.
		out, err := p.Output(ctx, sandbox.WithCommand("sh", "-c", "ls /tmp | wc -l; echo x >/tmp/mark"))
		fmt.Printf("%s%v\n", out, err)
	}
	if err := p.Close(); err != nil {
		fmt.Println(err)
	}
	// Output:
	// 0
	// <nil>
	// 0
	// <nil>
}

func ExamplePool_Run() {
	ctx := context.Background()
	p, err := pool.New(pool.Options{Size: 1})
	if err == nil {
		err = p.Fill(ctx)
	}
	if err != nil {
		fmt.Println(err)
		return
	}
	res, err := p.Run(ctx, sandbox.WithCommand("sh", "-c", "exit 3"))
	if exit, ok := errors.AsType[*sandbox.ExitError](err); ok {
		fmt.Println(exit, res.Reason)
	}
	fmt.Println(p.Stats().Hits)
	if err := p.Close(); err != nil {
		fmt.Println(err)
	}
	// Output:
	// exit status 3 exited
	// 1
}

func ExampleStats() {
	p, err := pool.New(pool.Options{Size: 3})
	if err == nil {
		err = p.Fill(context.Background())
	}
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(p.Stats())
	if err := p.Close(); err != nil {
		fmt.Println(err)
	}
	// Output: 3 ready, 0 running, 3 alive; 3 started, 0 hits, 0 misses, 0 failures
}
