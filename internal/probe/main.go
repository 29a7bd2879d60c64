//go:build linux

// Command probe is what the tests run inside a sandbox. It tries things and
// says what happened: each argument is an operation with its own arguments,
// separated by "|", and the answer is a JSON array with one [Outcome] each.
//
//	probe 'read|/etc/passwd' 'write|/proc/sys/kernel/core_pattern' 'fds'
package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"syscall"
)

// Outcome is what came of one operation.
type Outcome struct {
	Op    string
	Out   string // what it found; lists have one entry a line
	Errno string // the errno's text, or "" when it worked
}

// operations by name; each gives what it found.
var operations = map[string]func(args []string) (string, error){}

func register(name string, f func(args []string) (string, error)) { operations[name] = f }

func main() {
	registerFiles()
	registerProcess()
	registerKernel()
	registerLife()
	registerEscape()
	registerConsume()
	outcomes := make([]Outcome, 0, len(os.Args))
	for _, op := range os.Args[1:] {
		outcomes = append(outcomes, try(op))
	}
	if err := json.NewEncoder(os.Stdout).Encode(outcomes); err != nil {
		fmt.Fprintln(os.Stderr, "probe:", err)
		os.Exit(99)
	}
}

func try(op string) Outcome {
	args := strings.Split(op, "|")
	f, ok := operations[args[0]]
	if !ok {
		return Outcome{Op: op, Errno: "probe has no such operation"}
	}
	out, err := f(args[1:])
	o := Outcome{Op: op, Out: out}
	if err != nil {
		o.Errno = err.Error()
		if errno, ok := errors.AsType[syscall.Errno](err); ok {
			o.Errno = errno.Error()
		}
	}
	return o
}

// number reads an argument that must be a number.
func number(s string) uintptr {
	n, err := strconv.ParseInt(s, 0, 64)
	if err != nil {
		u, err := strconv.ParseUint(s, 0, 64)
		if err != nil {
			panic(err)
		}
		return uintptr(u)
	}
	return uintptr(n)
}

func errnoOrNil(e syscall.Errno) error {
	if e == 0 {
		return nil
	}
	return e
}
