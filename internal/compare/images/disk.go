package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
)

// memory is where a tmpfs holds everything. It hides what is there on the
// host, from this program only.
const memory = "/mnt"

// mountMemory mounts it.
func mountMemory(ctx context.Context) error {
	return run(ctx, "mount", "-t", "tmpfs", "-o", "mode=0755,size=75%", "images", memory)
}

// onDisk calls f with the directory of a new ext4 of so many bytes, which is
// gone when f returns.
func onDisk(ctx context.Context, size int64, f func(dir string) error) (err error) {
	file, dir := filepath.Join(memory, "ext4"), filepath.Join(memory, "disk")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.Remove(file)) }()
	if err := os.Truncate(file, size); err != nil {
		return err
	}
	// What is not initialized now, the kernel would do in the background.
	if err := run(ctx, "mkfs.ext4", "-q", "-F", "-O", "has_journal", "-E", "lazy_itable_init=0,lazy_journal_init=0,nodiscard", file); err != nil {
		return err
	}
	// mount has the loop device end with the mount.
	if err := run(ctx, "mount", "-t", "ext4", "-o", "loop", file, dir); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, run(context.WithoutCancel(ctx), "umount", dir)) }()
	return f(dir)
}

// run runs a command, whose output is only of interest when it fails.
func run(ctx context.Context, name string, args ...string) error {
	out, err := exec.CommandContext(ctx, name, args...).CombinedOutput()
	if err != nil {
		return fmt.Errorf("%s: %w: %s", name, err, out)
	}
	return nil
}
