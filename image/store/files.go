package store

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
)

// files changes the disk. It is the one place that does, so that tests can
// break, or die at, every step.
type files struct {
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

// create makes a file that was not there.
func (f *files) create(path string) (*os.File, error) {
	if err := f.check("create", path); err != nil {
		return nil, err
	}
	return os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
}

// openOrCreate opens a file for reading and writing and makes it if need be.
func (f *files) openOrCreate(path string) (*os.File, error) {
	if err := f.check("create", path); err != nil {
		return nil, err
	}
	return os.OpenFile(path, os.O_RDWR|os.O_CREATE|noFollow, 0o600)
}

func (f *files) write(file *os.File, b []byte) (int, error) {
	if err := f.check("write", file.Name()); err != nil {
		return 0, err
	}
	return file.Write(b)
}

func (f *files) truncate(file *os.File) error {
	if err := f.check("truncate", file.Name()); err != nil {
		return err
	}
	if err := file.Truncate(0); err != nil {
		return err
	}
	_, err := file.Seek(0, 0)
	return err
}

// sync brings a file's content to the disk.
func (f *files) sync(file *os.File) error {
	if err := f.check("sync", file.Name()); err != nil || f.noSync {
		return err
	}
	return syncData(file)
}

// syncDir brings the names in a directory to the disk.
func (f *files) syncDir(path string) error {
	if err := f.check("syncdir", path); err != nil || f.noSync {
		return err
	}
	dir, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}

// syncTree brings a tree to the disk: a few files each for itself, a larger one
// with all else of its file system, one call for thousands of files.
func (f *files) syncTree(path string) error {
	if err := f.check("synctree", path); err != nil || f.noSync {
		return err
	}
	file, err := os.OpenFile(path, os.O_RDONLY|noFollow, 0)
	if err != nil {
		return err
	}
	info, err := file.Stat()
	if err == nil && info.IsDir() {
		err = syncFiles(file)
	} else if err == nil {
		err = syncData(file)
	}
	return errors.Join(err, file.Close())
}

// fewFiles is how many files of a directory are synced each for itself.
const fewFiles = 8

// syncFiles brings a directory with all that is in it to the disk.
func syncFiles(dir *os.File) error {
	entries, err := dir.ReadDir(fewFiles + 1)
	if err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	if len(entries) > fewFiles || slices.ContainsFunc(entries, func(e os.DirEntry) bool { return !e.Type().IsRegular() }) {
		return syncFS(dir)
	}
	for _, e := range entries {
		file, err := os.OpenFile(filepath.Join(dir.Name(), e.Name()), os.O_RDONLY|noFollow, 0)
		if err != nil {
			return err
		}
		if err := errors.Join(syncData(file), file.Close()); err != nil {
			return err
		}
	}
	return dir.Sync()
}

func (f *files) rename(from, to string) error {
	if err := f.check("rename", to); err != nil {
		return err
	}
	return os.Rename(from, to)
}

// remove removes a file; one that is not there is fine.
func (f *files) remove(path string) error {
	if err := f.check("remove", path); err != nil {
		return err
	}
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return nil
}

// removeAll removes a tree, whose directories may forbid it to their owner.
func (f *files) removeAll(path string) error {
	if err := f.check("removeall", path); err != nil {
		return err
	}
	err := os.RemoveAll(path)
	if !errors.Is(err, os.ErrPermission) {
		return err
	}
	if err := unlockTree(path); err != nil {
		return err
	}
	return os.RemoveAll(path)
}

// unlockTree gives the owner all permissions to the directories of a tree.
func unlockTree(dir string) error {
	if err := os.Chmod(dir, 0o700); err != nil {
		return err
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if e.IsDir() {
			if err := unlockTree(filepath.Join(dir, e.Name())); err != nil {
				return err
			}
		}
	}
	return nil
}

func (f *files) mkdir(path string) error {
	if err := f.check("mkdir", path); err != nil {
		return err
	}
	if err := os.Mkdir(path, 0o700); err != nil && !errors.Is(err, os.ErrExist) {
		return err
	}
	return nil
}

// replace gives a file new content as a whole.
func (f *files) replace(path string, content []byte) (err error) {
	temp := filepath.Join(filepath.Dir(path), tempName())
	file, err := f.create(temp)
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, f.remove(temp))
		}
	}()
	_, err = f.write(file, content)
	if err == nil {
		err = f.sync(file)
	}
	if closeErr := file.Close(); err == nil {
		err = closeErr
	}
	if err == nil {
		err = f.rename(temp, path)
	}
	if err == nil {
		err = f.syncDir(filepath.Dir(path))
	}
	if err != nil {
		return fmt.Errorf("replace %s: %w", path, err)
	}
	return nil
}

// tempPrefix begins the names of files that are complete under another one.
const tempPrefix = "tmp-"

// tempName is a name that nobody else has.
func tempName() string {
	var b [8]byte
	_, _ = rand.Read(b[:]) // never fails
	return tempPrefix + hex.EncodeToString(b[:])
}
