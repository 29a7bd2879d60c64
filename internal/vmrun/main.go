//go:build linux

package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"runtime"
)

// Exit codes of vmrun itself; every other one is the program's.
const (
	exitTimeout  = 124
	exitMachine  = 125
	exitLeftover = 126
)

func main() {
	if os.Getpid() == 1 && os.Args[0] == "/init" {
		guestMain()
		return
	}
	// QEMU asks for a signal at its parent's death, and the kernel takes the
	// thread that started it for the parent. The main thread lives longest.
	runtime.LockOSThread()
	os.Exit(hostMain(os.Args[1:]))
}

// hostMain is vmrun as its user sees it; it returns the exit code.
func hostMain(args []string) int {
	o, err := parseOptions(args, os.Stderr)
	if errors.Is(err, flag.ErrHelp) {
		return 0
	}
	code := exitMachine
	if err == nil {
		code, err = run(o)
	}
	if err != nil {
		complain(err)
	}
	return code
}

// complain prints a line of vmrun's own beside the program's standard error.
func complain(what any) {
	fmt.Fprintln(os.Stderr, "vmrun:", what)
}
