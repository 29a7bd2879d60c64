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

	"github.com/sandkit/sandkit/sandbox"
)

const sandkitName = "sandkit"

// peers gives every kind that can run here, and says what is missing.
func peers(f *files) (kinds []kind, missing []string, err error) {
	nothing := func() error { return nil }
	kinds = append(kinds, kind{sandkitName, func(ctx context.Context) (time.Duration, error) {
		start := time.Now()
		_, err := sandbox.Run(ctx, sandbox.WithRootfs(f.root), sandbox.WithCommand("/bin/true"))
		return time.Since(start), err
	}, nothing})
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
		{"runc", f.bundle},
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
// our root and program.
func (f *files) bundle() ([]string, error) {
	dir := filepath.Join(f.dir, "bundle")
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
	if b, err = json.Marshal(spec); err != nil {
		return nil, err
	}
	return []string{"runc", "run", "--bundle", dir, "ID"}, os.WriteFile(path, b, 0o644)
}
