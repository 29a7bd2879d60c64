// Command life measures what a sandbox's life costs beyond its start: further
// processes, logs, stops and lists, beside docker where there is a dockerd.
//
//	go run ./internal/compare/life
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/sandkit/sandkit/internal/compare/figures"
	"github.com/sandkit/sandkit/internal/dockerd"
	"github.com/sandkit/sandkit/sandbox"
)

// imageName is the image that docker runs, of the same root.
const imageName = "busybox:life"

// bench is what the rows share.
type bench struct {
	dir, root string
	runs      int
	lines     int
	records   int
	docker    *dockerd.Daemon // nil: there is none
}

type row func(ctx context.Context, b *bench) ([]figures.Figure, error)

var rows = []row{execFigures, stopFigures, logFigures, listFigures}

func main() {
	b := bench{}
	flag.IntVar(&b.runs, "runs", 40, "runs of each kind")
	flag.IntVar(&b.lines, "lines", 1_000_000, "lines to log")
	flag.IntVar(&b.records, "records", 1000, "sandboxes in a list")
	flag.Parse()
	err := b.measure(context.Background())
	sandbox.Trim()
	if err != nil {
		fmt.Fprintln(os.Stderr, "life:", err)
		os.Exit(1)
	}
}

func (b *bench) measure(ctx context.Context) (err error) {
	if b.dir, err = os.MkdirTemp("", "sandkit-life"); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(b.dir)) }()
	b.root = filepath.Join(b.dir, "root")
	if err := makeRoot(b.root); err != nil {
		return err
	}
	if err := b.startDocker(ctx); err != nil {
		return err
	}
	if b.docker != nil {
		defer func() { err = errors.Join(err, b.docker.Stop()) }()
	}
	var all []figures.Figure
	for _, r := range rows {
		f, err := r(ctx, b)
		if err != nil {
			return err
		}
		all = append(all, f...)
	}
	return figures.Print(os.Stdout, all)
}

// makeRoot makes a root with busybox.
func makeRoot(root string) error {
	busybox, err := exec.LookPath("busybox")
	if err != nil {
		return err
	}
	content, err := os.ReadFile(busybox)
	if err != nil {
		return err
	}
	for _, dir := range []string{"bin", "tmp", "etc"} {
		if err := os.MkdirAll(filepath.Join(root, dir), 0o755); err != nil {
			return err
		}
	}
	err = os.WriteFile(filepath.Join(root, "bin/busybox"), content, 0o755)
	for tool := range strings.FieldsSeq("sh true sleep seq") {
		err = errors.Join(err, os.Symlink("busybox", filepath.Join(root, "bin", tool)))
	}
	return err
}

// startDocker starts a dockerd, if that can be, with an image of the same root.
func (b *bench) startDocker(ctx context.Context) error {
	d, err := dockerd.Start(ctx)
	if errors.Is(err, dockerd.ErrNone) {
		fmt.Printf("docker is left out: %v\n", err)
		return nil
	}
	if err != nil {
		return err
	}
	b.docker = d
	tar := exec.Command("tar", "-C", b.root, "-c", ".")
	out, err := tar.StdoutPipe()
	if err == nil {
		err = tar.Start()
	}
	if err == nil {
		err = errors.Join(d.Import(out, imageName), tar.Wait())
	}
	if err != nil {
		return errors.Join(err, d.Stop())
	}
	return nil
}

// timed gives the median of how long f takes.
func timed(n int, f func() error) (time.Duration, error) {
	all := make([]time.Duration, 0, n)
	for range n {
		start := time.Now()
		if err := f(); err != nil {
			return 0, err
		}
		all = append(all, time.Since(start))
	}
	slices.Sort(all)
	return all[len(all)/2], nil
}

// run is docker's command, of which only the exit code counts.
func (b *bench) run(args ...string) error {
	if out, err := b.docker.Command(args...).CombinedOutput(); err != nil {
		return fmt.Errorf("docker %s: %w: %s", args[0], err, out)
	}
	return nil
}
