// Command tour runs real programs of this machine isolated from it: a shell
// script, python3, a C compiler and what it made. There is no image, no root
// file system and nothing to set up.
//
//	go run ./examples/tour
//
// It works as root and as an ordinary user. A program that this machine does
// not have is left out, and the tour says so.
package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/sandkit/sandkit/sandbox"
)

// A stop is one thing to see.
type stop struct {
	title string
	// needs is a shell command that fails inside when the machine lacks
	// something; lacks says what.
	needs, lacks string
	options      sandbox.Option
	// want is the error that the run is meant to end with.
	want error
}

func main() {
	if err := tour(context.Background()); err != nil {
		fmt.Fprintln(os.Stderr, "tour:", err)
		os.Exit(1)
	}
}

func tour(ctx context.Context) error {
	defer sandbox.Trim() // this program ends soon and leaves nothing ready
	var last *sandbox.Result
	for i, s := range stops {
		fmt.Printf("%d. %s\n", i+1, s.title)
		missing, err := s.missing(ctx)
		if err != nil {
			return err
		}
		if missing {
			fmt.Printf("   left out: this machine has no %s\n\n", s.lacks)
			continue
		}
		if last, err = s.visit(ctx); err != nil {
			return fmt.Errorf("%s: %w", s.title, err)
		}
	}
	fmt.Println("What kept the last program in its place:")
	fmt.Print(indent(last.Protections.String()))
	return nil
}

// missing looks inside a sandbox, because that is where the program has to be.
func (s *stop) missing(ctx context.Context) (bool, error) {
	if s.needs == "" {
		return false, nil
	}
	_, err := sandbox.Run(ctx, sandbox.WithCommand("sh", "-c", s.needs))
	if _, ok := errors.AsType[*sandbox.ExitError](err); ok {
		return true, nil
	}
	return false, err
}

// visit runs the program and prints what it wrote and how it ended.
func (s *stop) visit(ctx context.Context) (*sandbox.Result, error) {
	var out bytes.Buffer
	res, err := sandbox.Run(ctx, sandbox.WithStdout(&out), sandbox.WithStderr(&out),
		sandbox.WithTimeout(time.Minute), s.options)
	fmt.Print(indent(out.String()))
	if res == nil || !errors.Is(err, s.want) {
		return nil, err
	}
	fmt.Printf("   -> %v\n\n", res)
	return res, nil
}

func indent(text string) string {
	var b strings.Builder
	for line := range strings.Lines(text) {
		b.WriteString("   " + line)
	}
	return b.String()
}
