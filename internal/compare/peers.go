package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/sandkit/sandkit/cgroup"
	"github.com/sandkit/sandkit/sandbox"
)

const (
	sandkitName = "sandkit"
	limitedName = "sandkit, limits"
	limitedRunc = "runc, limits"

	memoryLimit = 64 << 20 // bytes
	cpuPeriod   = 100_000  // µs; the quota is one CPU
	pidsLimit   = 100
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
	if limits := sandbox.WithLimits(cgroup.Limits{MemoryMax: memoryLimit, CPUs: 1, Pids: pidsLimit}); cgroupsFor(ctx, limits) {
		kinds = append(kinds, own(limitedName, limits))
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
		{"fork and exec", func() ([]string, error) { return []string{filepath.Join(f.root, "bin/true")}, nil }},
		{"bwrap", func() ([]string, error) {
			return append(bwrap(f), "/bin/true"), nil
		}},
		{"runc", func() ([]string, error) { return f.bundle("bundle", nil) }},
		{limitedRunc, func() ([]string, error) {
			return f.bundle("limited", map[string]any{
				"memory": map[string]any{"limit": memoryLimit, "swap": memoryLimit},
				"cpu":    map[string]any{"quota": cpuPeriod, "period": cpuPeriod},
				"pids":   map[string]any{"limit": pidsLimit},
			})
		}},
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
	return kinds, missing, nil
}

// bwrap is the command for bubblewrap but for the program.
func bwrap(f *files) []string {
	return []string{"bwrap", "--unshare-all", "--bind", f.root, "/", "--proc", "/proc", "--dev", "/dev"}
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

// bundle makes an OCI bundle for runc: its own default specification, with
// our root and program, and with limits if there are some.
func (f *files) bundle(name string, limits map[string]any) ([]string, error) {
	dir := filepath.Join(f.dir, name)
	if err := os.Mkdir(dir, 0o755); err != nil {
		return nil, err
	}
	if out, err := exec.Command("runc", "spec", "--bundle", dir).CombinedOutput(); err != nil {
		return nil, fmt.Errorf("runc spec: %w: %s", err, out)
	}
	path := filepath.Join(dir, "config.json")
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var spec map[string]any
	if err := json.Unmarshal(b, &spec); err != nil {
		return nil, err
	}
	process, ok1 := spec["process"].(map[string]any)
	root, ok2 := spec["root"].(map[string]any)
	if !ok1 || !ok2 {
		return nil, errors.New("runc spec has no process or root")
	}
	process["terminal"], process["args"] = false, []string{"/bin/true"}
	root["path"] = f.root
	if linux, ok := spec["linux"].(map[string]any); ok && limits != nil {
		linux["resources"] = limits
	}
	if b, err = json.Marshal(spec); err != nil {
		return nil, err
	}
	return []string{"runc", "run", "--bundle", dir, "ID"}, os.WriteFile(path, b, 0o644)
}
