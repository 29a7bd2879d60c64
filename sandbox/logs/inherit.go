package logs

import (
	"errors"
	"fmt"
	"os"

	"github.com/sandkit/sandkit/internal/undo"
)

// Detach ends this writer while the log goes on: followers are not told, and
// nobody else can open it as long as some process has the file, which the caller
// passes to the one that writes on, or to [InheritJSONFile], and closes.
func (l *JSONFile) Detach() (*os.File, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.lock == nil {
		return nil, fmt.Errorf("detach log %s: %w", l.base, ErrClosed)
	}
	lock := l.lock
	l.lock = nil
	var errs undo.Errors
	errs.Add(l.packer.wait())
	errs.Add(l.file.Close())
	if err := errs.Err(); err != nil {
		return lock, fmt.Errorf("detach log %s: %w", l.base, err)
	}
	return lock, nil
}

// InheritJSONFile is [OpenJSONFile] for who has got what [JSONFile.Detach] gave.
// The lock is the log's from then on, unless there is an error.
func InheritJSONFile(path string, o JSONFileOptions, lock *os.File) (*JSONFile, error) {
	l := &JSONFile{base: base(path), opts: o.withDefaults(), lock: lock}
	l.packer.disk = &l.disk
	err := o.Validate()
	if err == nil {
		err = sameLock(l.base, lock)
	}
	if err == nil {
		err = l.begin()
	}
	if err != nil {
		return nil, fmt.Errorf("inherit log %s: %w", path, err)
	}
	return l, nil
}

// sameLock checks that a file is the log's lock.
func sameLock(b base, lock *os.File) error {
	have, err := lock.Stat()
	if err != nil {
		return err
	}
	want, err := os.Lstat(b.lock())
	if err == nil && !os.SameFile(have, want) {
		err = errors.New("the lock is not that of this log")
	}
	return err
}
