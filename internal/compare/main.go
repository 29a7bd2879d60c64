package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"time"
)

func main() {
	runs := flag.Int("runs", 300, "runs of each kind, back-to-back")
	slow := flag.Int("slow", 40, "runs of each kind, one every interval")
	interval := flag.Duration("interval", 150*time.Millisecond, "pause before each slow run")
	heap := flag.Int("heap", 0, "MiB of memory that this program holds and has touched")
	flag.Parse()
	if err := compare(*runs, *slow, *interval, *heap); err != nil {
		fmt.Fprintln(os.Stderr, "compare:", err)
		os.Exit(1)
	}
}

func compare(runs, slow int, interval time.Duration, heap int) (err error) {
	ballast := touch(heap)
	dir, err := os.MkdirTemp("", "sandkit-compare")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	f, err := prepare(dir)
	if err != nil {
		return err
	}
	kinds, missing, err := peers(f)
	if err != nil {
		return err
	}
	defer func() {
		for _, k := range kinds {
			err = errors.Join(err, k.close())
		}
	}()
	ctx := context.Background()
	for _, round := range []struct {
		title string
		runs  int
		pause time.Duration
	}{{"back-to-back", runs, 0}, {fmt.Sprintf("one every %v", interval), slow, interval}} {
		t, err := measure(ctx, kinds, round.runs, round.pause)
		if err != nil {
			return err
		}
		fmt.Printf("%s, %d runs each, start to end in µs\n%s\n", round.title, round.runs, t)
	}
	for _, m := range missing {
		fmt.Println(m)
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
