//go:build linux

package main

import (
	"archive/tar"
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
)

// archive makes a tar file of headers; a regular file's content is its name.
func archive(t *testing.T, headers ...tar.Header) *bytes.Buffer {
	t.Helper()
	b := &bytes.Buffer{}
	w := tar.NewWriter(b)
	for _, h := range headers {
		h.Mode = 0o644
		if h.Typeflag == tar.TypeReg {
			h.Size = int64(len(h.Name))
		}
		if err := w.WriteHeader(&h); err != nil {
			t.Fatal(err)
		}
		if h.Typeflag == tar.TypeReg {
			if _, err := w.Write([]byte(h.Name)); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b
}

func TestExtract(t *testing.T) {
	dir := t.TempDir()
	out := &outputs{}
	out.add(filepath.Join(dir, "file"), false)
	out.add(filepath.Join(dir, "deep/folder"), true)
	err := extract(archive(
		t,
		tar.Header{Name: "o0", Typeflag: tar.TypeReg},
		tar.Header{Name: "o1/", Typeflag: tar.TypeDir},
		tar.Header{Name: "o1/a", Typeflag: tar.TypeReg},
		tar.Header{Name: "o1/sub/", Typeflag: tar.TypeDir},
		tar.Header{Name: "o1/sub/b", Typeflag: tar.TypeReg},
	), out)
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{"file": "o0", "deep/folder/a": "o1/a", "deep/folder/sub/b": "o1/sub/b"} {
		if b, err := os.ReadFile(filepath.Join(dir, name)); err != nil || string(b) != want {
			t.Errorf("%s: %q, %v", name, b, err)
		}
	}
	if err := extract(&bytes.Buffer{}, out); err != nil {
		t.Errorf("no results at all: %v", err)
	}
}

func TestExtractRefuses(t *testing.T) {
	for name, h := range map[string]tar.Header{
		"another name":      {Name: "o7", Typeflag: tar.TypeReg},
		"absolute":          {Name: "/etc/x", Typeflag: tar.TypeReg},
		"above all":         {Name: "../x", Typeflag: tar.TypeReg},
		"above the folder":  {Name: "o1/../x", Typeflag: tar.TypeReg},
		"far above":         {Name: "o1/a/../../x", Typeflag: tar.TypeReg},
		"absolute below":    {Name: "o1//etc/x", Typeflag: tar.TypeReg},
		"below a file":      {Name: "o0/x", Typeflag: tar.TypeReg},
		"file for folder":   {Name: "o1", Typeflag: tar.TypeReg},
		"folder for file":   {Name: "o0/", Typeflag: tar.TypeDir},
		"symbolic link":     {Name: "o1/l", Typeflag: tar.TypeSymlink, Linkname: "/etc"},
		"hard link":         {Name: "o1/l", Typeflag: tar.TypeLink, Linkname: "o0"},
		"through a link":    {Name: "o1/link/x", Typeflag: tar.TypeReg},
		"onto a link":       {Name: "o1/linked", Typeflag: tar.TypeReg},
		"folder via a link": {Name: "o1/link/d/", Typeflag: tar.TypeDir},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			folder, outside := filepath.Join(dir, "folder"), filepath.Join(dir, "outside")
			for _, err := range []error{
				os.MkdirAll(folder, 0o755), os.MkdirAll(outside, 0o755),
				os.Symlink(outside, filepath.Join(folder, "link")),
				os.Symlink(filepath.Join(outside, "x"), filepath.Join(folder, "linked")),
			} {
				if err != nil {
					t.Fatal(err)
				}
			}
			out := &outputs{}
			out.add(filepath.Join(dir, "file"), false)
			out.add(folder, true)
			if err := extract(archive(t, h), out); err == nil {
				t.Error("no error")
			}
			for _, f := range []string{"x", "file", "outside/x", "outside/d"} {
				if _, err := os.Lstat(filepath.Join(dir, f)); !errors.Is(err, fs.ErrNotExist) {
					t.Errorf("%s was written (%v)", f, err)
				}
			}
		})
	}
}
