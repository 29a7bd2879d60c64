package cgroup

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
)

// inheritSet gives a new v1 cpuset group the CPUs and memory nodes of the one
// above: without them it can hold no process. (containerd/cgroups does it for
// the whole path from the top, whoever owns the groups there, and at the price
// of linking cgroup1.)
func (h *Host) inheritSet(dir string) error {
	for _, name := range []string{"cpuset.cpus", "cpuset.mems"} {
		own, err := os.ReadFile(filepath.Join(dir, name))
		if errors.Is(err, os.ErrNotExist) {
			continue // v1 without the prefix, or a group that is gone: the next step tells
		}
		if err != nil {
			return err
		}
		if len(bytes.TrimSpace(own)) != 0 {
			continue
		}
		above, err := os.ReadFile(filepath.Join(filepath.Dir(dir), name))
		if err != nil {
			return err
		}
		if err := h.files.write(filepath.Join(dir, name), string(bytes.TrimSpace(above))); err != nil {
			return err
		}
	}
	return nil
}

// setAbove gives what a group may use that has no limit of its own: what the
// group above has. Nothing at all, which v2 takes for the same, is refused
// while there are processes (ENOSPC).
func setAbove(p place, file string) (string, error) {
	if p.at.version == 2 {
		file += ".effective"
	}
	b, err := os.ReadFile(filepath.Join(filepath.Dir(p.dir), file))
	return string(bytes.TrimSpace(b)), err
}
