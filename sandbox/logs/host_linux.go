package logs

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"syscall"

	"github.com/sandkit/sandkit/internal/sys"
)

const noFollow = syscall.O_NOFOLLOW | syscall.O_NONBLOCK

// lockWriter makes the calling process the log's writer, until the file is
// closed.
func lockWriter(b base, mode fs.FileMode) (*os.File, error) {
	if err := syscall.Mkfifo(b.lock(), uint32(mode)); err != nil && !errors.Is(err, os.ErrExist) {
		return nil, &os.PathError{Op: "mkfifo", Path: b.lock(), Err: err}
	}
	// With both ends it opens without a reader.
	f, err := openFIFO(b.lock(), os.O_RDWR)
	if err != nil {
		return nil, err
	}
	ok, err := sys.TryLockByte(f, 0)
	if err == nil && !ok {
		err = ErrBusy
	}
	if err != nil {
		f.Close()
		return nil, fmt.Errorf("lock %s: %w", b.lock(), err)
	}
	return f, nil
}

// unlockWriter ends lockWriter. The lock goes at once, also when a process that
// is being forked has the file as well.
func unlockWriter(f *os.File) error {
	return errors.Join(sys.UnlockByte(f, 0), f.Close())
}

// openFIFO opens a FIFO and nothing else.
func openFIFO(path string, flag int) (*os.File, error) {
	f, err := os.OpenFile(path, flag|noFollow, 0)
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	if err == nil && info.Mode().Type() != fs.ModeNamedPipe {
		err = fmt.Errorf("%s is no FIFO: %w", path, os.ErrInvalid)
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

// fileID tells files of a host apart that are there at the same time.
func fileID(info fs.FileInfo) string {
	if st, ok := info.Sys().(*syscall.Stat_t); ok {
		return fmt.Sprintf("%d:%d", st.Dev, st.Ino)
	}
	return ""
}

// unlinked tells whether a file has no name any more.
func unlinked(f *os.File) bool {
	info, err := f.Stat()
	if err != nil {
		return true
	}
	st, ok := info.Sys().(*syscall.Stat_t)
	return !ok || st.Nlink == 0
}
