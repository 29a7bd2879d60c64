//go:build linux

package main

import (
	"archive/tar"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
)

// extract writes the program's outputs, a tar archive of outDir, to the host's
// paths. Nothing in it can name a file outside of them.
func extract(r io.Reader, out *outputs) error {
	archive := tar.NewReader(r)
	for {
		h, err := archive.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("read results: %w", err)
		}
		if err := extractOne(h, archive, out); err != nil {
			return fmt.Errorf("write result %q: %w", h.Name, err)
		}
	}
}

func extractOne(h *tar.Header, r io.Reader, out *outputs) error {
	name, rest, below := strings.Cut(strings.TrimSuffix(h.Name, "/"), "/")
	dst, ok := out.find(name)
	switch {
	case !ok:
		return errors.New("the program was not told to write it")
	case h.Typeflag != tar.TypeReg && h.Typeflag != tar.TypeDir:
		return errors.New("neither file nor folder")
	case below && (!dst.dir || !filepath.IsLocal(rest)):
		return errors.New("it lies outside of its folder")
	case !below && dst.dir != (h.Typeflag == tar.TypeDir):
		return errors.New("a folder was expected, or a file")
	}
	switch {
	case below:
		return extractBelow(dst.host, rest, h, r)
	case dst.dir:
		return os.MkdirAll(dst.host, 0o755)
	}
	f, err := os.OpenFile(dst.host, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o644)
	return fill(f, err, r)
}

// extractBelow goes through os.Root: a link in the folder leads nowhere else.
func extractBelow(dir, name string, h *tar.Header, r io.Reader) (err error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, root.Close()) }()
	if h.Typeflag == tar.TypeDir {
		return root.MkdirAll(name, 0o755)
	}
	if err := root.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		return err
	}
	f, err := root.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o644)
	return fill(f, err, r)
}

// fill writes a file just opened.
func fill(f *os.File, err error, r io.Reader) error {
	if err != nil {
		return err
	}
	_, err = io.Copy(f, r)
	return errors.Join(err, f.Close())
}
