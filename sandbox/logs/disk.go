package logs

import (
	"errors"
	"os"
)

// disk changes files. It is the one place that does, so that tests can break, or
// die at, every step.
type disk struct {
	fault func(op, path string) error // nil outside of tests
}

func (d *disk) check(op, path string) error {
	if d.fault == nil {
		return nil
	}
	if err := d.fault(op, path); err != nil {
		return &os.PathError{Op: op, Path: path, Err: err}
	}
	return nil
}

// create makes a file, without what another writer may have left of it.
func (d *disk) create(path string, mode os.FileMode) (*os.File, error) {
	if err := d.remove(path); err != nil {
		return nil, err
	}
	if err := d.check("create", path); err != nil {
		return nil, err
	}
	return os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL|os.O_APPEND|noFollow, mode)
}

// openOrCreate opens a file for appending and makes it if need be.
func (d *disk) openOrCreate(path string, mode os.FileMode) (*os.File, error) {
	if err := d.check("open", path); err != nil {
		return nil, err
	}
	return os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_APPEND|noFollow, mode)
}

func (d *disk) write(f *os.File, b []byte) (int, error) {
	if err := d.check("write", f.Name()); err != nil {
		// A disk that is full takes a part.
		n, _ := f.Write(b[:len(b)/2])
		return n, err
	}
	return f.Write(b)
}

func (d *disk) rename(from, to string) error {
	if err := d.check("rename", to); err != nil {
		return err
	}
	return os.Rename(from, to)
}

// remove removes a file; one that is not there is fine.
func (d *disk) remove(path string) error {
	if err := d.check("remove", path); err != nil {
		return err
	}
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return nil
}
