package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/sandkit/sandkit/internal/compare/figures"
	"github.com/sandkit/sandkit/sandbox"
)

// start is how long the kernel takes, with a margin, until it has chosen the
// clock that it keeps.
const start = 5 * time.Second

// guest measures inside the machine.
func guest(ctx context.Context, args []string) (err error) {
	if len(args) != 2 {
		return fmt.Errorf("%s wants RUNS and FLOOR, got %q", guestArg, args)
	}
	runs, err := strconv.Atoi(args[0])
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "sandkit-instructions")
	if err != nil {
		return err
	}
	defer func() {
		sandbox.Trim()
		err = errors.Join(err, os.RemoveAll(dir))
	}()
	if err := makeRoot(dir); err != nil {
		return err
	}
	time.Sleep(start)
	kinds, missing, err := allKinds(dir, args[1])
	if err != nil {
		return err
	}
	m := meter{during, time.Sleep}
	var t table
	for _, k := range kinds {
		r, err := m.measure(ctx, k, runs)
		if err = errors.Join(err, k.close()); err != nil {
			return err
		}
		sandbox.Trim()
		t = append(t, r)
	}
	fmt.Printf("\nkernel %s, %d runs each, millions of instructions\n", os.Getenv("SANDKIT_VM"), runs)
	for _, m := range missing {
		fmt.Println(m)
	}
	return t.print(os.Stdout)
}

// makeRoot makes the root file system that all kinds use.
func makeRoot(dir string) error {
	if err := os.Chmod(dir, 0o755); err != nil {
		return err
	}
	for _, d := range []string{"root/bin", "root/dev", "root/etc", "root/proc", "root/sys", "root/tmp", "scratch"} {
		if err := os.MkdirAll(filepath.Join(dir, d), 0o755); err != nil {
			return err
		}
	}
	return figures.WriteTrue(filepath.Join(dir, "root/bin/true"))
}
