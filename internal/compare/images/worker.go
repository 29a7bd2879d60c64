package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
)

// workerArg makes this program a worker, which does one thing: what its name
// says, with further arguments.
const workerArg = "worker"

// A report is what a worker prints at its end.
type report struct {
	Peak int64 // bytes of memory that it had at most
}

// workers do what is measured, in a process of their own.
var workers = map[string]func(ctx context.Context, args []string) error{
	"floor":  floor,
	"unpack": unpack,
	"pull":   pull,
	"commit": commit,
}

// worker is the command for one.
func (b *bench) worker(name string, args ...string) []string {
	return append([]string{b.self, workerArg, name}, args...)
}

// work is a worker's life.
func work(ctx context.Context, w io.Writer, args []string) error {
	if len(args) == 0 || workers[args[0]] == nil {
		return fmt.Errorf("there is no worker %q", args)
	}
	if err := workers[args[0]](ctx, args[1:]); err != nil {
		return fmt.Errorf("%s: %w", args[0], err)
	}
	peak, err := peakMemory()
	if err != nil {
		return err
	}
	return json.NewEncoder(w).Encode(report{peak})
}

// peakMemory is how many bytes this program had at most.
func peakMemory() (int64, error) {
	b, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(b)) {
		if f := strings.Fields(line); len(f) == 3 && f[0] == "VmHWM:" {
			kib, err := strconv.ParseInt(f[1], 10, 64)
			return kib << 10, err
		}
	}
	return 0, errors.New("no VmHWM in /proc/self/status")
}
