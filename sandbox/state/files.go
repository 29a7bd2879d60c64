package state

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
)

// files changes the disk, below one directory. It is the one place that does,
// so that tests can break, or die at, every step.
type files struct {
	root   *os.Root
	fault  func(op, path string) error // nil outside of tests
	noSync bool
}

func (f *files) check(op, path string) error {
	if f.fault == nil {
		return nil
	}
	if err := f.fault(op, path); err != nil {
		return &os.PathError{Op: op, Path: path, Err: err}
	}
	return nil
}

// read reads a file of a limited size.
func (f *files) read(path string, limit int64) ([]byte, error) {
	return readAll(f.root, path, limit)
}

// readAll reads a file, which is no link, of at most limit bytes.
func readAll(root *os.Root, path string, limit int64) ([]byte, error) {
	file, err := root.OpenFile(path, os.O_RDONLY|noFollow, 0)
	if err != nil {
		return nil, explain(root, path, err)
	}
	defer file.Close()
	b, err := io.ReadAll(io.LimitReader(file, limit+1))
	if err != nil {
		return nil, explain(root, path, err)
	}
	if int64(len(b)) > limit {
		return nil, fmt.Errorf("%s has more than %d bytes: %w", path, limit, ErrCorrupt)
	}
	return b, nil
}

// explain tells errors of what is no regular file from those of a machine that
// has no descriptors left, and the like.
func explain(root *os.Root, path string, err error) error {
	if info, statErr := root.Lstat(path); statErr == nil && !info.Mode().IsRegular() {
		return fmt.Errorf("%s is no regular file but %v: %w", path, info.Mode(), ErrCorrupt)
	}
	return err
}

// list gives the names in a directory, in no order.
func (f *files) list(path string) ([]string, error) { return listDir(f.root, path) }

func listDir(root *os.Root, path string) ([]string, error) {
	dir, err := root.Open(path)
	if err != nil {
		return nil, err
	}
	defer dir.Close()
	return dir.Readdirnames(-1)
}

// openOrCreate opens a file for reading and writing and makes it if need be.
func (f *files) openOrCreate(path string) (*os.File, error) {
	if err := f.check("create", path); err != nil {
		return nil, err
	}
	return f.root.OpenFile(path, os.O_RDWR|os.O_CREATE|noFollow, 0o600)
}

// write writes a file, in place of what is there, and syncs it.
func (f *files) write(path string, content []byte) error {
	if err := f.check("create", path); err != nil {
		return err
	}
	file, err := f.root.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_TRUNC|noFollow, 0o600)
	if err != nil {
		return err
	}
	if err = f.check("write", path); err == nil {
		_, err = file.Write(content)
	}
	if err == nil {
		err = f.check("sync", path)
	}
	if err == nil && !f.noSync {
		err = syncData(file)
	}
	return errors.Join(err, file.Close())
}

// writeOnce writes a file unless it is there. What is there stays.
func (f *files) writeOnce(path string, content []byte) (err error) {
	temp := tempPrefix + random()
	if err := f.write(temp, content); err != nil {
		return errors.Join(err, f.remove(temp))
	}
	defer func() { err = errors.Join(err, f.remove(temp)) }()
	if err := f.check("link", path); err != nil {
		return err
	}
	if err := f.root.Link(temp, path); err != nil && !already(err) {
		return err
	}
	return f.syncDir(".")
}

// syncDir brings the names in a directory to the disk.
func (f *files) syncDir(path string) error {
	if err := f.check("syncdir", path); err != nil || f.noSync {
		return err
	}
	dir, err := f.root.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}

func (f *files) mkdir(path string) error {
	if err := f.check("mkdir", path); err != nil {
		return err
	}
	return f.root.Mkdir(path, 0o700)
}

func (f *files) symlink(target, path string) error {
	if err := f.check("symlink", path); err != nil {
		return err
	}
	return f.root.Symlink(target, path)
}

func (f *files) rename(from, to string) error {
	if err := f.check("rename", to); err != nil {
		return err
	}
	return f.root.Rename(from, to)
}

// remove removes a file; one that is not there is fine.
func (f *files) remove(path string) error {
	if err := f.check("remove", path); err != nil {
		return err
	}
	if err := f.root.Remove(path); err != nil && !noEntry(err) {
		return err
	}
	return nil
}

// removeAll removes a tree, whose directories may forbid it to their owner; one
// that is not there is fine.
func (f *files) removeAll(path string) error {
	if err := f.check("removeall", path); err != nil {
		return err
	}
	err := f.root.RemoveAll(path)
	if !errors.Is(err, os.ErrPermission) {
		return err
	}
	if err := f.unlockTree(path); err != nil {
		return err
	}
	return f.root.RemoveAll(path)
}

// unlockTree gives the owner all permissions to the directories of a tree.
func (f *files) unlockTree(path string) error {
	if err := f.root.Chmod(path, 0o700); err != nil {
		return err
	}
	dir, err := f.root.Open(path)
	if err != nil {
		return err
	}
	entries, err := dir.ReadDir(-1)
	if err := errors.Join(err, dir.Close()); err != nil {
		return err
	}
	for _, e := range entries {
		if e.IsDir() {
			if err := f.unlockTree(path + "/" + e.Name()); err != nil {
				return err
			}
		}
	}
	return nil
}

func random() string {
	var b [8]byte
	rand.Read(b[:]) // never fails
	return hex.EncodeToString(b[:])
}
