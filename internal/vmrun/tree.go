//go:build linux

package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
	"syscall"
)

// tree is the machine's root file system in the making. A name that is added
// twice keeps its first entry.
type tree struct {
	entries []entry
	index   map[string]int // name to its place in entries
	hidden  []string       // folders that the guest mounts over
}

// entry is a file of the tree: its content is data, or that of a host's file.
type entry struct {
	name  string
	mode  uint32 // with the file type
	owner int    // user and group
	size  int64
	data  []byte
	file  string
}

// newTree returns a tree with Debian's merged /usr. Below the folders of hidden
// nothing can be added.
func newTree(hidden ...string) (*tree, error) {
	t := &tree{index: map[string]int{}}
	for _, d := range []string{"bin", "sbin", "lib", "lib64"} {
		if err := t.addDir("/usr/"+d, 0o755, 0); err != nil {
			return nil, err
		}
		t.append(entry{name: d, mode: syscall.S_IFLNK | 0o777, size: int64(len("usr/" + d)), data: []byte("usr/" + d)})
	}
	for _, h := range hidden {
		t.hidden = append(t.hidden, cleanName(h))
	}
	return t, nil
}

// cleanName gives a path's name inside the archive: without a leading slash,
// and past the links of the merged /usr.
func cleanName(name string) string {
	name = strings.TrimPrefix(path.Clean("/"+name), "/")
	switch top, _, _ := strings.Cut(name, "/"); top {
	case "bin", "sbin", "lib", "lib64":
		return "usr/" + name
	}
	return name
}

func (t *tree) append(e entry) {
	t.index[e.name] = len(t.entries)
	t.entries = append(t.entries, e)
}

// has says whether there is an entry of this name.
func (t *tree) has(name string) bool {
	_, ok := t.index[cleanName(name)]
	return ok
}

// put adds an entry and the folders above it.
func (t *tree) put(e entry) error {
	e.name = cleanName(e.name)
	if e.name == "" || t.has(e.name) {
		return nil
	}
	for _, h := range t.hidden {
		if strings.HasPrefix(e.name, h+"/") {
			return fmt.Errorf("add /%s: the guest mounts over /%s", e.name, h)
		}
	}
	parent := path.Dir(e.name)
	if parent != "." {
		if err := t.addDir(parent, 0o755, 0); err != nil {
			return err
		}
		if p := t.entries[t.index[parent]]; p.mode&syscall.S_IFMT != syscall.S_IFDIR {
			return fmt.Errorf("add /%s: /%s is not a folder", e.name, parent)
		}
	}
	t.append(e)
	return nil
}

func (t *tree) addDir(name string, mode uint32, owner int) error {
	return t.put(entry{name: name, mode: syscall.S_IFDIR | mode, owner: owner})
}

func (t *tree) addData(name string, mode uint32, data []byte) error {
	return t.put(entry{name: name, mode: syscall.S_IFREG | mode, size: int64(len(data)), data: data})
}

func (t *tree) addLink(name, target string) error {
	return t.put(entry{name: name, mode: syscall.S_IFLNK | 0o777, size: int64(len(target)), data: []byte(target)})
}

// addFile adds the host's regular file src, with its mode.
func (t *tree) addFile(src, name string, owner int) error {
	fi, err := os.Stat(src)
	if err != nil {
		return fmt.Errorf("add file: %w", err)
	}
	st, ok := fi.Sys().(*syscall.Stat_t)
	if !ok || !fi.Mode().IsRegular() {
		return fmt.Errorf("add file: %s is not a regular file", src)
	}
	return t.put(entry{name: name, mode: st.Mode, owner: owner, size: fi.Size(), file: src})
}

// copyIn adds the host's file or folder src. Folders get mode 0755, so that a
// checkout made under a strict umask is of use to any user of the machine.
func (t *tree) copyIn(src, name string, owner int) error {
	src, err := filepath.EvalSymlinks(src)
	if err != nil {
		return fmt.Errorf("copy in: %w", err)
	}
	return filepath.WalkDir(src, func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return fmt.Errorf("copy in: %w", err)
		}
		dst := path.Join(name, strings.TrimPrefix(p, src))
		switch {
		case d.IsDir():
			return t.addDir(dst, 0o755, owner)
		case d.Type()&fs.ModeSymlink != 0:
			target, err := os.Readlink(p)
			if err != nil {
				return fmt.Errorf("copy in: %w", err)
			}
			return t.addLink(dst, target)
		case d.Type().IsRegular():
			return t.addFile(p, dst, owner)
		}
		return nil // a socket, a pipe or a device
	})
}

// writeTo writes the tree as a cpio archive and returns its size.
func (t *tree) writeTo(file string) (size int64, err error) {
	f, err := os.OpenFile(file, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return 0, fmt.Errorf("write initrd: %w", err)
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	c := newCpioWriter(f)
	for _, e := range t.entries {
		if err := c.write(e); err != nil {
			return 0, fmt.Errorf("write initrd: %w", err)
		}
	}
	if err := c.close(); err != nil {
		return 0, fmt.Errorf("write initrd: %w", err)
	}
	return c.bytes, nil
}
