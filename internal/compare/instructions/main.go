package main

import (
	"context"
	"flag"
	"fmt"
	"os"
)

// guestArg makes this program the one that measures: guest RUNS FLOOR.
const guestArg = "guest"

func main() {
	kernels := flag.String("k", "6.12,6.1", "comma-separated `kernels` (see tools/get-kernel.sh)")
	runs := flag.Int("runs", 20, "runs of each kind")
	flag.Parse()
	run := func() error { return runMachines(context.Background(), *kernels, *runs) }
	if flag.Arg(0) == guestArg {
		run = func() error { return guest(context.Background(), flag.Args()[1:]) }
	}
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "instructions:", err)
		os.Exit(1)
	}
}
