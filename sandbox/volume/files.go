package volume

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path"
)

// The names in a store's directory.
const (
	formatVersion = "1"
	versionFile   = "version"
	lockFile      = "lock"
	volumesDir    = "volumes"
	newDir        = "new"
	trashDir      = "trash"
	tempPrefix    = ".tmp-"
)

// The names in the directory of one volume.
const (
	documentFile = "volume.json"
	contentDir   = "_data"
	copyPrefix   = "copy-"
	refsDir      = "refs"
)

func volumePath(name, file string) string { return path.Join(volumesDir, name, file) }
func refPath(name, user string) string    { return path.Join(volumesDir, name, refsDir, user) }
func noEntry(err error) bool              { return errors.Is(err, os.ErrNotExist) }
func already(err error) bool              { return errors.Is(err, os.ErrExist) }

// files changes the disk, below one directory. It is the one place that does, so
// that tests can break, or die at, every step.
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

// longestFile bounds what is read.
const longestFile = 1 << 20

// read reads a small file, which is no link.
func (f *files) read(path string) ([]byte, error) {
	file, err := f.root.OpenFile(path, os.O_RDONLY|noFollow, 0)
	if err != nil {
		return nil, f.explain(path, err)
	}
	defer file.Close()
	b, err := io.ReadAll(io.LimitReader(file, longestFile+1))
	if err != nil {
		return nil, f.explain(path, err)
	}
	if len(b) > longestFile {
		return nil, fmt.Errorf("%s has more than %d bytes: %w", path, longestFile, ErrCorrupt)
	}
	return b, nil
}

// explain tells errors of what is no regular file from others.
func (f *files) explain(path string, err error) error {
	if info, statErr := f.root.Lstat(path); statErr == nil && !info.Mode().IsRegular() {
		return fmt.Errorf("%s is no regular file but %v: %w", path, info.Mode(), ErrCorrupt)
	}
	return err
}

// list gives the names in a directory, in no order.
func (f *files) list(path string) ([]string, error) {
	dir, err := f.root.Open(path)
	if err != nil {
		return nil, err
	}
	defer dir.Close()
	return dir.Readdirnames(-1)
}

// create opens a file for reading and writing and makes it if need be.
func (f *files) create(path string) (*os.File, error) {
	if err := f.check("create", path); err != nil {
		return nil, err
	}
	return f.root.OpenFile(path, os.O_RDWR|os.O_CREATE|noFollow, 0o600)
}

// write writes a new file and syncs it.
func (f *files) write(path string, content []byte) error {
	file, err := f.create(path)
	if err != nil {
		return err
	}
	if err = f.check("write", path); err == nil {
		_, err = file.Write(content)
	}
	if err == nil && !f.noSync {
		err = file.Sync()
	}
	return errors.Join(err, file.Close())
}

// writeOnce writes a file unless it is there. What is there stays.
func (f *files) writeOnce(path string, content []byte) (err error) {
	temp := tempPrefix + random(8)
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

func (f *files) mkdir(path string, mode os.FileMode) error {
	if err := f.check("mkdir", path); err != nil {
		return err
	}
	if err := f.root.Mkdir(path, mode); err != nil {
		return err
	}
	return f.root.Chmod(path, mode) // making it minded the umask
}

func (f *files) rename(from, to string) error {
	if err := f.check("rename", to); err != nil {
		return err
	}
	return f.root.Rename(from, to)
}

// remove removes a file, or an empty directory; one that is not there is fine.
func (f *files) remove(path string) error {
	if err := f.check("remove", path); err != nil {
		return err
	}
	if err := f.root.Remove(path); err != nil && !noEntry(err) {
		return err
	}
	return nil
}
