package sandbox

import (
	"context"
	"os"
)

// An InteractiveOption changes what Interactive does.
type InteractiveOption func(*console)

// DetachKeys are as in [AttachOptions].
func DetachKeys(list string) InteractiveOption { return func(c *console) { c.keys = list } }

// console is who sits in front of the sandbox.
type console struct {
	in, out, err *os.File
	keys         string
}

// Interactive connects the sandbox with this program's own standard streams, as
// a shell does with the programs that it runs, and gives what Wait gives. A
// sandbox that was not started is started, and nothing that it writes is missed.
// Signals are forwarded, as by [ForwardSignals].
//
// If the program has a terminal ([WithTTY]) and standard input is one, then that
// hands on every key until Interactive returns, and the program's terminal is as
// large as the one that standard output, or input, is, from now on. The error
// matches [ErrDetached] when the keys for leaving were typed: the sandbox goes on.
// It also goes on when ctx ends. Where standard input ends, so does the
// program's, if it is open ([WithOpenStdin], WithTTY).
func Interactive(ctx context.Context, s *Sandbox, opts ...InteractiveOption) (*Result, error) {
	c := &console{in: os.Stdin, out: os.Stdout, err: os.Stderr}
	for _, o := range opts {
		o(c)
	}
	return interactive(ctx, s, c)
}
