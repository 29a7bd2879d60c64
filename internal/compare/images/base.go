package main

import (
	"context"
	"errors"
	"fmt"
	iofs "io/fs"
	"os"
	"os/exec"
	"path/filepath"
)

// baseTar gives the path of a tar with a small installation of Debian, and a
// note when it is something else.
func baseTar(ctx context.Context) (path, note string, err error) {
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", "", err
	}
	path = filepath.Join(cache, "sandkit", "minbase-bookworm.tar")
	if _, err := os.Stat(path); !errors.Is(err, iofs.ErrNotExist) {
		return path, "", err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return "", "", err
	}
	debian := install(ctx, path)
	if debian == nil {
		return path, "", nil
	}
	path = filepath.Join(memory, "base.tar")
	parts := []string{"usr/bin", "usr/sbin", "usr/lib/python3", "usr/share/doc", "usr/share/perl", "etc"}
	args := []string{"-C", "/", "--numeric-owner", "--ignore-failed-read", "-cf", path}
	for _, p := range parts {
		if _, err := os.Stat("/" + p); err == nil {
			args = append(args, p)
		}
	}
	if err := run(ctx, "tar", args...); err != nil {
		return "", "", err
	}
	return path, fmt.Sprintf("a part of /usr and not Debian's minbase: %v", debian), nil
}

// install has debootstrap make the installation. What only installing more
// needs is left out.
func install(ctx context.Context, path string) error {
	if _, err := exec.LookPath("debootstrap"); err != nil {
		return err
	}
	fmt.Fprintln(os.Stderr, "images: installing Debian, once:", path)
	root := filepath.Join(memory, "minbase")
	if err := run(ctx, "debootstrap", "--variant=minbase", "bookworm", root); err != nil {
		return err
	}
	if err := run(ctx, "tar", "-C", root, "--numeric-owner", "--sort=name", "--exclude=./var/cache/apt/archives/*.deb", "--exclude=./var/lib/apt/lists/*",
		"-cf", path+".new", "."); err != nil {
		return errors.Join(err, os.Remove(path+".new"))
	}
	return errors.Join(os.Rename(path+".new", path), os.RemoveAll(root))
}
