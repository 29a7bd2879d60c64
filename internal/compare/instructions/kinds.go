package main

import (
	"context"
	"fmt"
	"os/exec"
	"path/filepath"

	"github.com/sandkit/sandkit/cgroup"
	"github.com/sandkit/sandkit/internal/compare/peer"
	"github.com/sandkit/sandkit/sandbox"
)

const program = "/bin/true"

func nothing() {}

func noError() error { return nil }

// allKinds gives every kind that can run here, and says what is missing.
func allKinds(dir, floor string) (kinds []kind, missing []string, err error) {
	root := filepath.Join(dir, "root")
	kinds = sandboxes(root)
	others, missing, err := commands(dir, root)
	if err != nil {
		return nil, nil, err
	}
	kinds = append(kinds, others...)
	if floor == "" {
		return kinds, missing, nil
	}
	w, err := peer.StartWorker(floor, root, filepath.Join(dir, "scratch"), program)
	if err != nil {
		return nil, nil, err
	}
	run := func(context.Context) error {
		_, err := w.Run()
		return err
	}
	return append(kinds, kind{"floor", nothing, run, w.Close}), missing, nil
}

// sandboxes are the kinds of sandkit.
func sandboxes(root string) []kind {
	own := func(name string, prepare func(), opts ...sandbox.Option) kind {
		return kind{name, prepare, func(ctx context.Context) error {
			_, err := sandbox.Run(ctx, sandbox.WithRootfs(root), sandbox.WithCommand(program), sandbox.Options(opts...))
			return err
		}, noError}
	}
	limits := sandbox.WithLimits(cgroup.Limits{MemoryMax: peer.MemoryLimit, CPUs: 1, Pids: peer.PidsLimit})
	return []kind{
		own(limitedName, nothing, limits),
		own(limitedColdName, sandbox.Trim, limits),
		own(sandkitName, nothing),
		own(coldName, sandbox.Trim),
	}
}

// commands are the kinds that are programs of the host.
func commands(dir, root string) (kinds []kind, missing []string, err error) {
	for _, c := range []struct {
		name, command string
		args          func() ([]string, error)
	}{
		{crunName, "crun", func() ([]string, error) {
			return bundle(filepath.Join(dir, "limited"), root, peer.Resources())
		}},
		{"crun", "crun", func() ([]string, error) { return bundle(filepath.Join(dir, "bundle"), root, nil) }},
		{"bwrap", "bwrap", func() ([]string, error) { return append(peer.Bubblewrap(root), program), nil }},
		{"fork and exec", filepath.Join(root, program), func() ([]string, error) { return []string{filepath.Join(root, program)}, nil }},
	} {
		if _, err := exec.LookPath(c.command); err != nil {
			missing = append(missing, fmt.Sprintf("%s is left out: %v", c.name, err))
			continue
		}
		args, err := c.args()
		if err != nil {
			return nil, nil, err
		}
		kinds = append(kinds, kind{c.name, nothing, execute(args), noError})
	}
	return kinds, missing, nil
}

// bundle makes a bundle for crun, and gives the command for it.
func bundle(dir, root string, resources map[string]any) ([]string, error) {
	return []string{"crun", "--cgroup-manager=cgroupfs", "run", "--bundle", dir, "sandkit-instructions"},
		peer.Bundle(dir, "crun", root, program, resources)
}

// execute runs a command to its end.
func execute(args []string) func(ctx context.Context) error {
	return func(ctx context.Context) error {
		err := exec.CommandContext(ctx, args[0], args[1:]...).Run()
		if err == nil {
			return nil
		}
		// Once more, to see what it says.
		out, _ := exec.CommandContext(ctx, args[0], args[1:]...).CombinedOutput()
		return fmt.Errorf("%w: %s", err, out)
	}
}
