package peer

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
)

// Limits of one CPU, and of memory and processes.
const (
	MemoryLimit = 64 << 20 // bytes
	PidsLimit   = 100

	cpuPeriod = 100_000 // µs
)

// Bubblewrap is the command for it, but for the program: all namespaces that
// it has, and a root that it writes to.
func Bubblewrap(root string) []string {
	return []string{"bwrap", "--unshare-all", "--bind", root, "/", "--proc", "/proc", "--dev", "/dev"}
}

// Resources are the limits as an OCI runtime has them.
func Resources() map[string]any {
	return map[string]any{
		"memory": map[string]any{"limit": MemoryLimit, "swap": MemoryLimit},
		"cpu":    map[string]any{"quota": cpuPeriod, "period": cpuPeriod},
		"pids":   map[string]any{"limit": PidsLimit},
	}
}

// Bundle makes the directory dir a bundle for an OCI runtime: the runtime's own
// default specification with a root and a program, and with resources if there
// are some.
func Bundle(dir, runtime, root, program string, resources map[string]any) error {
	if err := os.Mkdir(dir, 0o755); err != nil {
		return fmt.Errorf("make bundle: %w", err)
	}
	if out, err := exec.Command(runtime, "spec", "--bundle", dir).CombinedOutput(); err != nil {
		return fmt.Errorf("make bundle: %s spec: %w: %s", runtime, err, out)
	}
	path := filepath.Join(dir, "config.json")
	b, err := os.ReadFile(path)
	if err != nil {
		return fmt.Errorf("read specification: %w", err)
	}
	if b, err = adapt(b, root, program, resources); err != nil {
		return fmt.Errorf("adapt %s: %w", path, err)
	}
	if err := os.WriteFile(path, b, 0o644); err != nil {
		return fmt.Errorf("write specification: %w", err)
	}
	return nil
}

// adapt changes a specification.
func adapt(b []byte, root, program string, resources map[string]any) ([]byte, error) {
	var spec map[string]any
	if err := json.Unmarshal(b, &spec); err != nil {
		return nil, err
	}
	process, ok1 := spec["process"].(map[string]any)
	files, ok2 := spec["root"].(map[string]any)
	linux, ok3 := spec["linux"].(map[string]any)
	if !ok1 || !ok2 || !ok3 {
		return nil, errors.New("it has no process, root or linux")
	}
	process["terminal"], process["args"] = false, []string{program}
	files["path"] = root
	if resources != nil {
		linux["resources"] = resources
	}
	return json.Marshal(spec)
}
