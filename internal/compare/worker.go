package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/sandkit/sandkit/internal/compare/figures"
	"github.com/sandkit/sandkit/internal/compare/peer"
	"github.com/sandkit/sandkit/sandbox"
)

// A worker is a process that makes a run when it is told to and says how long
// that took: the floor program, or this one with memory of its own.
func startWorker(name, path string, args ...string) (kind, error) {
	w, err := peer.StartWorker(path, args...)
	if err != nil {
		return kind{}, fmt.Errorf("%s: %w", name, err)
	}
	return kind{name, func(context.Context) (time.Duration, error) { return w.Run() }, w.Close}, nil
}

// workerArg makes this program a worker: worker ROOT MIB.
const workerArg = "worker"

// work is a worker's life.
func work(args []string) error {
	if len(args) != 2 {
		return fmt.Errorf("%s wants ROOT and MIB, got %q", workerArg, args)
	}
	mib, err := strconv.Atoi(args[1])
	if err != nil {
		return err
	}
	ballast := touch(mib)
	orders := bufio.NewReader(os.Stdin)
	for {
		if _, err := orders.ReadByte(); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			return err
		}
		start := time.Now()
		_, err := sandbox.Run(context.Background(), sandbox.WithRootfs(args[0]), sandbox.WithCommand("/bin/true"))
		took := time.Since(start)
		if err != nil {
			return err
		}
		fmt.Println(took.Nanoseconds())
	}
	_ = ballast[0]
	return nil
}

// touch makes the program as large as a service is.
func touch(mib int) []byte {
	b := make([]byte, mib<<20+1)
	for i := 0; i < len(b); i += os.Getpagesize() {
		b[i] = 1
	}
	return b
}

// heapFigures compares a program that holds so many MiB with a small one. They
// take turns.
func heapFigures(ctx context.Context, f *files, runs, mib int) (lines []figures.Figure, err error) {
	name := fmt.Sprintf("p50 of a program with %d MiB of heap / with none", mib)
	if free, err := availableMiB(); err != nil || free < mib+mib/4 {
		return []figures.Figure{figures.Told(name, "left out: %d MiB are available (%v)", free, err)}, nil
	}
	times := make([]row, 2)
	kinds := make([]kind, 2)
	for i, size := range []int{0, mib} {
		if kinds[i], err = startWorker(workerArg, "/proc/self/exe", workerArg, f.root, strconv.Itoa(size)); err != nil {
			return nil, err
		}
		defer func() { err = errors.Join(err, kinds[i].close()) }()
	}
	for n := range runs + 5 {
		for i := range kinds {
			d, err := kinds[(i+n)%2].run(ctx)
			if err != nil {
				return nil, fmt.Errorf("run worker: %w", err)
			}
			if n >= 5 { // they have warmed up
				times[(i+n)%2].times = append(times[(i+n)%2].times, d)
			}
		}
	}
	small, large := times[0].sorted().at(50), times[1].sorted().at(50)
	return []figures.Figure{figures.AtMost(name, float64(large)/float64(small), 1.10, "%.2f")}, nil
}

// availableMiB is what the machine could still give.
func availableMiB() (int, error) {
	b, err := os.ReadFile("/proc/meminfo")
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(b)) {
		if f := strings.Fields(line); len(f) == 3 && f[0] == "MemAvailable:" {
			kib, err := strconv.Atoi(f[1])
			return kib >> 10, err
		}
	}
	return 0, errors.New("no MemAvailable in /proc/meminfo")
}
