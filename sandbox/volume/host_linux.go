package volume

import (
	"errors"
	"os"
	"syscall"

	"github.com/sandkit/sandkit/internal/sys"
)

const noFollow = syscall.O_NOFOLLOW | syscall.O_NONBLOCK

func supported() error { return nil }

func tryLock(f *os.File, offset int64) (bool, error) { return sys.TryLockByte(f, offset) }
func locked(f *os.File, offset int64) (bool, error)  { return sys.ByteLocked(f, offset) }
func unlock(f *os.File, offset int64) error          { return sys.UnlockByte(f, offset) }
func syncFS(f *os.File) error                        { return sys.SyncFS(f) }

func duplicate(f *os.File) (*os.File, error) {
	d, err := sys.Duplicate(f)
	if err != nil {
		return nil, err
	}
	return d.File(f.Name()), nil
}

// replaceDir renames a directory, in the place of an empty one.
func replaceDir(parent *os.File, from, to string) error {
	if err := sys.Renameat(int(parent.Fd()), from, int(parent.Fd()), to); err != nil {
		return &os.PathError{Op: "rename", Path: to, Err: err}
	}
	return nil
}

func isNotEmpty(err error) bool { return errors.Is(err, syscall.ENOTEMPTY) }
