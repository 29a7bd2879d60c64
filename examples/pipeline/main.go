// Command pipeline counts words in two sandboxes, of which one feeds the other.
// What goes in is any reader of this program, what lies between is a pipe that
// only the sandboxes use, and the result goes straight to standard output.
//
//	go run ./examples/pipeline
//	echo one two two | go run ./examples/pipeline -
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/sandkit/sandkit/sandbox"
)

func main() {
	if err := pipeline(context.Background()); err != nil {
		fmt.Fprintln(os.Stderr, "pipeline:", err)
		os.Exit(1)
	}
}

// text is what is counted unless "-" asks for the standard input.
var text = strings.Repeat("one two two three three three\n", 10_000)

func pipeline(ctx context.Context) (err error) {
	defer sandbox.Trim() // this program ends soon and leaves nothing ready
	input := io.Reader(strings.NewReader(text))
	if len(os.Args) > 1 && os.Args[1] == "-" {
		input = os.Stdin
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel() // the end of one sandbox with an error is the end of both
	r, w, err := os.Pipe()
	if err != nil {
		return err
	}
	// A file is handed over as it is; it stays ours to close.
	split, err := start(ctx, sandbox.WithStdin(input), sandbox.WithStdout(w),
		sandbox.WithCommand("tr", "-s", "[:space:]", `\n`))
	err = errors.Join(err, w.Close())
	if err != nil {
		return errors.Join(err, r.Close())
	}
	count, err := start(ctx, sandbox.WithStdin(r), sandbox.WithStdout(os.Stdout),
		sandbox.WithCommand("sh", "-c", "sort | uniq -c | sort -k1,1nr -k2"))
	err = errors.Join(err, r.Close())
	if err != nil {
		return errors.Join(err, split.Close())
	}
	for _, s := range []*sandbox.Sandbox{split, count} {
		_, werr := s.Wait(ctx)
		err = errors.Join(err, werr, s.Close())
	}
	return err
}

// start starts a sandbox that ends with ctx.
func start(ctx context.Context, opts ...sandbox.Option) (*sandbox.Sandbox, error) {
	s, err := sandbox.New(append(opts, sandbox.WithStderr(os.Stderr))...)
	if err != nil {
		return nil, err
	}
	if err := s.Start(ctx); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	context.AfterFunc(ctx, func() { _ = s.Kill() })
	return s, nil
}
