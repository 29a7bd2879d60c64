package archive

import (
	"archive/tar"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"time"
)

// sink is where an export goes.
type sink interface {
	// file writes a file of that size.
	file(name string, size int64, r io.Reader) error
	// link makes a symbolic link.
	link(name, target string) error
	// close ends the export; what it goes to stays open.
	close() error
}

// tarSink writes a tar. Directories have entries of their own: without, skopeo
// cannot unpack it as an ordinary user, because it gives those to root.
type tarSink struct {
	w    *tar.Writer
	dirs map[string]bool
}

func newTarSink(w io.Writer) *tarSink { return &tarSink{tar.NewWriter(w), make(map[string]bool)} }

// parents writes the directories that a file is in.
func (t *tarSink) parents(name string) error {
	dir := path.Dir(name)
	if dir == "." || t.dirs[dir] {
		return nil
	}
	if err := t.parents(dir); err != nil {
		return err
	}
	t.dirs[dir] = true
	h := &tar.Header{Typeflag: tar.TypeDir, Name: dir + "/", Mode: 0o755, ModTime: time.Unix(0, 0)}
	if err := t.w.WriteHeader(h); err != nil {
		return fmt.Errorf("write %s: %w", dir, err)
	}
	return nil
}

func (t *tarSink) file(name string, size int64, r io.Reader) error {
	if err := t.parents(name); err != nil {
		return err
	}
	h := &tar.Header{Typeflag: tar.TypeReg, Name: name, Size: size, Mode: 0o644, ModTime: time.Unix(0, 0)}
	if err := t.w.WriteHeader(h); err != nil {
		return fmt.Errorf("write %s: %w", name, err)
	}
	if _, err := io.CopyN(t.w, r, size); err != nil {
		return fmt.Errorf("write %s: %w", name, err)
	}
	return nil
}

func (t *tarSink) link(name, target string) error {
	if err := t.parents(name); err != nil {
		return err
	}
	h := &tar.Header{Typeflag: tar.TypeSymlink, Name: name, Linkname: target, Mode: 0o777, ModTime: time.Unix(0, 0)}
	if err := t.w.WriteHeader(h); err != nil {
		return fmt.Errorf("write %s: %w", name, err)
	}
	return nil
}

func (t *tarSink) close() error {
	if err := t.w.Close(); err != nil {
		return fmt.Errorf("end archive: %w", err)
	}
	return nil
}

// dirSink writes into a directory of its own.
type dirSink string

func (d dirSink) file(name string, size int64, r io.Reader) (err error) {
	name = filepath.Join(string(d), name)
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		return err
	}
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	if _, err := io.CopyN(f, r, size); err != nil {
		return fmt.Errorf("write %s: %w", name, err)
	}
	return nil
}

func (d dirSink) link(name, target string) error {
	return os.Symlink(target, filepath.Join(string(d), name))
}

func (dirSink) close() error { return nil }

// writeJSON writes a document.
func writeJSON(to sink, name string, content any) error {
	raw, err := json.Marshal(content)
	if err != nil {
		return fmt.Errorf("write %s: %w", name, err)
	}
	return to.file(name, int64(len(raw)), bytes.NewReader(raw))
}
