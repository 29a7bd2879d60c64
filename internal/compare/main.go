package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"time"

	"github.com/sandkit/sandkit/internal/compare/figures"
	"github.com/sandkit/sandkit/sandbox"
)

// settings say how much is measured.
type settings struct {
	runs, slow int
	interval   time.Duration
	heap       int // MiB
	alive      int
	figures    bool
}

func main() {
	var s settings
	flag.IntVar(&s.runs, "runs", 300, "runs of each kind, back-to-back")
	flag.IntVar(&s.slow, "slow", 40, "runs of each kind, one every interval")
	flag.DurationVar(&s.interval, "interval", 150*time.Millisecond, "pause before each slow run")
	flag.IntVar(&s.heap, "heap", 2048, "MiB of touched heap in a host program that is compared with a small one")
	flag.IntVar(&s.alive, "alive", 500, "sandboxes that are alive at once")
	flag.BoolVar(&s.figures, "figures", true, "measure more than times")
	flag.Parse()
	run := func() error { return s.compare(context.Background()) }
	if flag.Arg(0) == workerArg {
		run = func() error { return work(flag.Args()[1:]) }
	}
	err := run()
	sandbox.Trim()
	if err != nil {
		fmt.Fprintln(os.Stderr, "compare:", err)
		os.Exit(1)
	}
}

func (s *settings) compare(ctx context.Context) (err error) {
	dir, err := os.MkdirTemp("", "sandkit-compare")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	f, err := prepare(dir)
	if err != nil {
		return err
	}
	lines, err := s.speed(ctx, f)
	if err != nil || !s.figures {
		return err
	}
	for _, measure := range []func() ([]figures.Figure, error){
		func() ([]figures.Figure, error) { return heapFigures(ctx, f, s.runs, s.heap) },
		func() ([]figures.Figure, error) { return pauseFigures(ctx, f) },
		func() ([]figures.Figure, error) { return aliveFigures(ctx, f, s.alive) },
		func() ([]figures.Figure, error) { return importFigures(ctx, f) },
	} {
		more, err := measure()
		if err != nil {
			return err
		}
		lines = append(lines, more...)
	}
	return figures.Print(os.Stdout, lines)
}

// speed prints the tables of times and gives the figures in them.
func (s *settings) speed(ctx context.Context, f *files) (lines []figures.Figure, err error) {
	kinds, missing, err := peers(ctx, f)
	if err != nil {
		return nil, err
	}
	defer func() {
		for _, k := range kinds {
			err = errors.Join(err, k.close())
		}
	}()
	for _, round := range []struct {
		title string
		runs  int
		pause time.Duration
	}{{"back-to-back", s.runs, 0}, {fmt.Sprintf("one every %v", s.interval), s.slow, s.interval}} {
		t, err := measure(ctx, kinds, round.runs, round.pause)
		if err != nil {
			return nil, err
		}
		fmt.Printf("%s, %d runs each, start to end in µs\n%s\n", round.title, round.runs, t)
		lines = append(lines, speedFigures(t, round.title)...)
	}
	for _, m := range missing {
		fmt.Println(m)
	}
	return lines, nil
}
