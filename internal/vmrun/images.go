//go:build linux

package main

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// image is a disk and the file that holds it.
type image struct {
	disk
	file string
}

// makeImages makes the disks of -disk and -dir in the folder tmp.
func makeImages(ctx context.Context, o *options, tmp string) ([]image, error) {
	var res []image
	if o.disk > 0 {
		i := image{disk{"scratch", scratchDir, true}, filepath.Join(tmp, "scratch")}
		err := mke2fs(ctx, i.file, o.disk, "-E", "lazy_itable_init=1,nodiscard")
		if err != nil {
			return nil, err
		}
		res = append(res, i)
	}
	cwd, err := os.Getwd()
	if err != nil {
		return nil, fmt.Errorf("find working directory: %w", err)
	}
	for n, d := range o.dirs {
		if !strings.Contains(d, ":") {
			return nil, fmt.Errorf("bad -dir %q: want host:guest", d)
		}
		host, guest := splitPair(d, cwd)
		i := image{disk{fmt.Sprintf("dir%d", n), guest, false}, filepath.Join(tmp, fmt.Sprintf("dir%d", n))}
		if err := i.fill(ctx, host); err != nil {
			return nil, err
		}
		res = append(res, i)
	}
	return res, nil
}

// fill makes the image of a folder; a file is an image already.
func (i *image) fill(ctx context.Context, host string) error {
	fi, err := os.Stat(host)
	if err != nil {
		return fmt.Errorf("make disk: %w", err)
	}
	if fi.Mode().IsRegular() {
		i.file = host
		return nil
	}
	size, files, err := measureDir(host)
	if err != nil {
		return err
	}
	// An inode a file, for the default is one for 16 KiB.
	return mke2fs(ctx, i.file, int(size>>20)*5/4+16, "-O", "^has_journal", "-N", fmt.Sprint(files+files/8+64), "-d", host)
}

// measureDir counts a folder's files and the space they take in blocks.
func measureDir(dir string) (size int64, files int, err error) {
	err = filepath.WalkDir(dir, func(_ string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		fi, err := d.Info()
		if err != nil {
			return err
		}
		files++
		size += 4096
		if fi.Mode().IsRegular() {
			size += fi.Size()
		}
		return nil
	})
	if err != nil {
		return 0, 0, fmt.Errorf("measure folder: %w", err)
	}
	return size, files, nil
}

// mke2fs makes an ext4 image of some MiB.
func mke2fs(ctx context.Context, file string, size int, args ...string) error {
	tool, err := findProgram("mke2fs")
	if err != nil {
		return err
	}
	args = append(append([]string{"-q", "-F", "-t", "ext4"}, args...), file, fmt.Sprintf("%dM", size))
	if out, err := exec.CommandContext(ctx, tool, args...).CombinedOutput(); err != nil {
		return fmt.Errorf("make disk: mke2fs: %w: %s", err, out)
	}
	return nil
}
