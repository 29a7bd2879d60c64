package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/sandkit/sandkit/internal/compare/figures"
)

// settings say what is measured.
type settings struct {
	runs  int
	rows  string
	small bool
}

// A row measures one thing.
type row func(ctx context.Context, b *bench) ([]figures.Figure, error)

var rows = map[string]row{
	"a": unpackFigures,
	"b": pullFigures,
	"c": memoryFigures,
	"d": startFigures,
	"e": commitFigures,
	"f": manyFigures,
}

// insideArg tells the program that it is in a mount namespace of its own.
const insideArg = "inside"

func main() {
	var s settings
	flag.IntVar(&s.runs, "runs", 5, "runs of each kind")
	flag.StringVar(&s.rows, "rows", strings.Join(slices.Sorted(maps.Keys(rows)), ","), "the rows to measure")
	flag.BoolVar(&s.small, "small", false, "take a small image, which has no targets: does everything work?")
	flag.Parse()
	var err error
	switch flag.Arg(0) {
	case workerArg:
		err = work(context.Background(), os.Stdout, flag.Args()[1:])
	case insideArg:
		err = s.compare(context.Background())
	default:
		err = s.enter()
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "images:", err)
		os.Exit(1)
	}
}

// wanted gives the rows that were asked for, in order.
func (s *settings) wanted() ([]row, error) {
	if s.runs < 1 {
		return nil, fmt.Errorf("%d runs are none", s.runs)
	}
	var all []row
	for _, name := range slices.Sorted(strings.SplitSeq(s.rows, ",")) {
		r, ok := rows[name]
		if !ok {
			return nil, fmt.Errorf("there is no row %q", name)
		}
		all = append(all, r)
	}
	return all, nil
}

// enter has this program take its own place, in a mount namespace of its own.
func (s *settings) enter() error {
	if _, err := s.wanted(); err != nil {
		return err
	}
	if os.Geteuid() != 0 {
		return errors.New("it mounts file systems: run it as root")
	}
	self, err := os.Executable()
	if err != nil {
		return err
	}
	unshare, err := exec.LookPath("unshare")
	if err != nil {
		return err
	}
	args := []string{
		"unshare", "--mount", "--propagation", "private", "--", self,
		"-runs", strconv.Itoa(s.runs), "-rows", s.rows, "-small=" + strconv.FormatBool(s.small), insideArg,
	}
	return fmt.Errorf("execute %s: %w", unshare, syscall.Exec(unshare, args, os.Environ()))
}

func (s *settings) compare(ctx context.Context) (err error) {
	wanted, err := s.wanted()
	if err != nil {
		return err
	}
	b, err := newBench(ctx, s)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, b.close()) }()
	var lines []figures.Figure
	for i, measure := range wanted {
		start := time.Now()
		more, err := measure(ctx, b)
		if err != nil {
			return err
		}
		fmt.Fprintf(os.Stderr, "images: %d of %d rows, after %v more\n", i+1, len(wanted), time.Since(start).Round(time.Second))
		lines = append(lines, more...)
	}
	lines = append(lines, b.notes...)
	if s.small {
		for i := range lines { // they are about the large image
			lines[i].Target, lines[i].Missed = "", false
		}
	}
	return figures.Print(os.Stdout, lines)
}
