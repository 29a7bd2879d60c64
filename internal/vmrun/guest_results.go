//go:build linux

package main

import (
	"archive/tar"
	"bufio"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// sendTree writes a folder's files and folders as a tar archive, or nothing
// when it is empty.
func sendTree(w io.Writer, dir string) error {
	buffered := bufio.NewWriterSize(w, 64<<10)
	archive := tar.NewWriter(buffered)
	empty := true
	err := filepath.WalkDir(dir, func(p string, d fs.DirEntry, err error) error {
		if err != nil || p == dir || !d.IsDir() && !d.Type().IsRegular() {
			return err
		}
		empty = false
		name, err := filepath.Rel(dir, p)
		if err != nil {
			return err
		}
		return sendOne(archive, p, name, d)
	})
	if err == nil && !empty {
		err = errors.Join(archive.Close(), buffered.Flush())
	}
	if err != nil {
		return fmt.Errorf("send results: %w", err)
	}
	return nil
}

func sendOne(archive *tar.Writer, file, name string, d fs.DirEntry) (err error) {
	if d.IsDir() {
		return archive.WriteHeader(&tar.Header{Name: name + "/", Mode: 0o755, Typeflag: tar.TypeDir})
	}
	f, err := os.Open(file)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	fi, err := f.Stat()
	if err != nil {
		return err
	}
	if err := archive.WriteHeader(&tar.Header{Name: name, Mode: 0o644, Typeflag: tar.TypeReg, Size: fi.Size()}); err != nil {
		return err
	}
	_, err = io.CopyN(archive, f, fi.Size())
	return err
}
