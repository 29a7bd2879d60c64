//go:build linux

package main

import (
	"fmt"
	"os"
	"path/filepath"
)

// kernel is a folder made by tools/get-kernel.sh.
type kernel struct {
	name string
	dir  string
}

func (k kernel) image() string   { return filepath.Join(k.dir, "vmlinux") }
func (k kernel) modules() string { return filepath.Join(k.dir, "modules") }

// findKernel returns the kernel name in dir, or in the default folder when dir
// is empty.
func findKernel(dir, name string) (kernel, error) {
	if dir == "" {
		d, err := defaultKernelDir()
		if err != nil {
			return kernel{}, err
		}
		dir = d
	}
	k := kernel{name: name, dir: filepath.Join(dir, name)}
	if _, err := os.Stat(k.image()); err != nil {
		return kernel{}, fmt.Errorf("find kernel %s (tools/get-kernel.sh prepares it): %w", name, err)
	}
	return k, nil
}

// defaultKernelDir is the folder that tools/get-kernel.sh fills by default.
func defaultKernelDir() (string, error) {
	if d := os.Getenv("SANDKIT_KERNELS"); d != "" {
		return d, nil
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("find the cache folder: %w", err)
	}
	return filepath.Join(cache, "sandkit", "kernels"), nil
}
