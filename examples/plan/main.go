// Command plan prints what would be done for a sandbox, without doing it: what
// this host can give, what would protect it, and every system call of the
// set-up.
//
//	go run ./examples/plan
package main

import (
	"context"
	"fmt"
	"os"

	"github.com/sandkit/sandkit/fs"
	"github.com/sandkit/sandkit/sandbox"
)

func main() {
	if err := plan(context.Background()); err != nil {
		fmt.Fprintln(os.Stderr, "plan:", err)
		os.Exit(1)
	}
}

func plan(ctx context.Context) error {
	host, err := sandbox.Probe(ctx)
	if err != nil {
		return err
	}
	fmt.Printf("== This host\n%v\n", host)

	s, err := sandbox.New(
		sandbox.WithName("report"),
		sandbox.WithMount(fs.Tmpfs("/job", 8<<20)),
		sandbox.WithMount(fs.File("/job/data.csv", 0o644, []byte("a,b\n1,2\n"))),
		sandbox.WithDir("/job"),
		sandbox.WithCommand("sort", "data.csv"),
	)
	if err != nil {
		return err
	}
	// A Spec is data: it can be stored as JSON and made a sandbox again with
	// sandbox.NewFromSpec.
	spec := s.Spec()
	if err := s.Close(); err != nil { // it is never started
		return err
	}
	fmt.Printf("== The sandbox\n%v\n\n", spec)

	p, err := spec.Plan(host)
	if err != nil {
		return err
	}
	fmt.Printf("== The plan\n%v", p)
	return nil
}
