package fs

import (
	"errors"
	"fmt"
	"io"
	iofs "io/fs"
	"os"
	"path"
	"slices"
	"strings"
	"syscall"

	"github.com/sandkit/sandkit/internal/safepath"
)

// ReadFile reads a regular file of at most limit bytes as the sandbox will see
// it when it starts: in a given file, below a bind mount, or in the root. It
// never leaves the root and never blocks.
func (t *Tree) ReadFile(target string, limit int64) ([]byte, error) {
	return t.read(target, limit, safepath.ReadFile, true)
}

// ReadHead is ReadFile for the first size bytes of a file of any length.
func (t *Tree) ReadHead(target string, size int64) ([]byte, error) {
	return t.read(target, size, safepath.ReadHead, false)
}

// Covered tells whether a path lies in one of the mounts.
func (t *Tree) Covered(target string) bool {
	return slices.ContainsFunc(t.Mounts, func(m Mount) bool { return inside(target, m.Target) })
}

// reader reads from a file inside a root.
type reader func(root *os.File, name string, size int64) ([]byte, error)

func (t *Tree) read(target string, size int64, read reader, whole bool) ([]byte, error) {
	for _, m := range slices.Backward(t.Mounts) {
		if !inside(target, m.Target) {
			continue
		}
		switch rel := strings.TrimPrefix(target, m.Target); {
		case m.Type == TypeFile && rel == "":
			return m.Content, nil
		case m.Type == TypeBind && rel == "":
			return readBelow("/", m.Source, size, read)
		case m.Type == TypeBind, m.isFound():
			return readBelow(m.Source, path.Join("/", m.Subpath, rel), size, read)
		}
		return nil, &os.PathError{Op: "open", Path: target, Err: iofs.ErrNotExist}
	}
	if t.Files != nil {
		return t.readLayers(target, size, whole)
	}
	if t.Root.Dir == "" {
		return readTool(target, size, read)
	}
	return readBelow(t.Root.Dir, target, size, read)
}

// readLayers reads the first size bytes of a file of the layers; with whole, it
// must not have more.
func (t *Tree) readLayers(target string, size int64, whole bool) ([]byte, error) {
	f, err := t.Files(strings.TrimPrefix(target, "/"))
	if err != nil {
		return nil, err
	}
	b, err := io.ReadAll(io.LimitReader(f, size+1))
	if err == nil && int64(len(b)) > size {
		if whole {
			err = &os.PathError{Op: "read", Path: target, Err: syscall.EFBIG}
		}
		b = b[:size]
	}
	return b, errors.Join(err, f.Close())
}

func readBelow(dir, name string, size int64, read reader) ([]byte, error) {
	root, err := os.Open(dir)
	if err != nil {
		return nil, err
	}
	b, err := read(root, name, size)
	if err := errors.Join(err, root.Close()); err != nil {
		return nil, fmt.Errorf("in %s: %w", dir, err)
	}
	return b, nil
}

// readTool reads from the host-tools root: a made-up file, or one of the
// host's.
func readTool(target string, size int64, read reader) ([]byte, error) {
	for _, f := range madeUpFiles {
		if "/"+f.path == target {
			return []byte(f.content), nil
		}
	}
	for _, tool := range hostTools() {
		if inside(target, tool.Path) {
			return readBelow("/", target, size, read)
		}
	}
	return nil, &os.PathError{Op: "open", Path: target, Err: iofs.ErrNotExist}
}
