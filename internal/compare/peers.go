package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/sandkit/sandkit/cgroup"
	"github.com/sandkit/sandkit/internal/compare/peer"
	"github.com/sandkit/sandkit/sandbox"
)

const (
	sandkitName = "sandkit"
	limitedName = "sandkit, limits"
	limitedRunc = "runc, limits"
)

// cgroupsFor tells whether this program may limit sandboxes.
func cgroupsFor(ctx context.Context, limits sandbox.Option) bool {
	_, err := sandbox.Run(ctx, sandbox.WithCommand("true"), limits)
	return err == nil
}

// peers gives every kind that can run here, and says what is missing.
func peers(ctx context.Context, f *files) (kinds []kind, missing []string, err error) {
	nothing := func() error { return nil }
	own := func(name string, opts ...sandbox.Option) kind {
		return kind{name, func(ctx context.Context) (time.Duration, error) {
			start := time.Now()
			_, err := sandbox.Run(ctx, sandbox.WithRootfs(f.root), sandbox.WithCommand("/bin/true"), sandbox.Options(opts...))
			return time.Since(start), err
		}, nothing}
	}
	kinds = append(kinds, own(sandkitName))
	limits := sandbox.WithLimits(cgroup.Limits{MemoryMax: peer.MemoryLimit, CPUs: 1, Pids: peer.PidsLimit})
	if cgroupsFor(ctx, limits) {
		kinds = append(kinds, own(limitedName, limits))
	} else {
		limits = sandbox.Options()
	}
	floor, err := startWorker("floor", f.floor, f.root, f.scratch, "/bin/true")
	if err != nil {
		return nil, nil, err
	}
	kinds = append(kinds, floor)
	for _, c := range []struct {
		name    string
		command func() ([]string, error)
	}{
		{bareName, func() ([]string, error) { return []string{filepath.Join(f.root, "bin/true")}, nil }},
		{"bwrap", func() ([]string, error) {
			return append(peer.Bubblewrap(f.root), "/bin/true"), nil
		}},
		{"runc", func() ([]string, error) { return f.bundle("bundle", nil) }},
		{limitedRunc, func() ([]string, error) { return f.bundle("limited", peer.Resources()) }},
	} {
		command, err := c.command()
		if err == nil {
			_, err = exec.LookPath(command[0])
		}
		if err != nil {
			missing = append(missing, fmt.Sprintf("%s is left out: %v", c.name, err))
			continue
		}
		kinds = append(kinds, kind{c.name, execute(command), nothing})
	}
	return withExec(ctx, f, limits, kinds, missing)
}

// execute runs a command of the host to its end.
func execute(command []string) func(ctx context.Context) (time.Duration, error) {
	n := 0
	return func(ctx context.Context) (time.Duration, error) {
		n++
		args := make([]string, len(command))
		for i, a := range command {
			args[i] = strings.ReplaceAll(a, "ID", fmt.Sprintf("sandkit-compare-%d-%d", os.Getpid(), n))
		}
		cmd := exec.CommandContext(ctx, args[0], args[1:]...)
		start := time.Now()
		err := cmd.Run()
		took := time.Since(start)
		if err != nil {
			// Once more, to see what it says.
			out, _ := exec.CommandContext(ctx, args[0], args[1:]...).CombinedOutput()
			err = fmt.Errorf("%w: %s", err, out)
		}
		return took, err
	}
}

// bundle makes an OCI bundle and gives the command for it.
func (f *files) bundle(name string, resources map[string]any) ([]string, error) {
	dir := filepath.Join(f.dir, name)
	return []string{"runc", "run", "--bundle", dir, "ID"}, peer.Bundle(dir, "runc", f.root, "/bin/true", resources)
}
