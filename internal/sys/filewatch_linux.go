package sys

import (
	"fmt"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// A FileWatch waits for changes of files (inotify) in a goroutine that takes no
// thread. It tells that something has changed, not what. Its methods are safe for
// concurrent use, but only one goroutine at a time calls Wait.
type FileWatch struct {
	file *os.File
	buf  [4096]byte
}

// NewFileWatch makes a FileWatch. The caller closes it.
func NewFileWatch() (*FileWatch, error) {
	fd, err := unix.InotifyInit1(unix.IN_CLOEXEC | unix.IN_NONBLOCK) // the runtime's poller takes it
	if err != nil {
		return nil, os.NewSyscallError("inotify_init1", err)
	}
	return &FileWatch{file: os.NewFile(uintptr(fd), "inotify")}, nil
}

// AddFile watches for writes to the file that has the name now.
func (w *FileWatch) AddFile(path string) (id int, err error) { return w.add(path, unix.IN_MODIFY) }

// AddNames watches for names that appear in a directory.
func (w *FileWatch) AddNames(dir string) (id int, err error) {
	return w.add(dir, unix.IN_CREATE|unix.IN_MOVED_TO|unix.IN_ONLYDIR)
}

func (w *FileWatch) add(path string, events uint32) (id int, err error) {
	conn, err := w.file.SyscallConn()
	if err != nil {
		return 0, err
	}
	var addErr error
	err = conn.Control(func(fd uintptr) { id, addErr = unix.InotifyAddWatch(int(fd), path, events) })
	if err == nil && addErr != nil {
		err = &os.PathError{Op: "watch", Path: path, Err: addErr}
	}
	return id, err
}

// Remove ends AddFile or AddNames.
func (w *FileWatch) Remove(id int) error {
	conn, err := w.file.SyscallConn()
	if err != nil {
		return err
	}
	return conn.Control(func(fd uintptr) {
		// A file that is gone took its watch along.
		_, _ = unix.InotifyRmWatch(int(fd), uint32(id))
	})
}

// Wait returns nil when something has changed since it was last called, and an
// error that matches os.ErrDeadlineExceeded after Interrupt.
func (w *FileWatch) Wait() error {
	if _, err := w.file.Read(w.buf[:]); err != nil {
		return fmt.Errorf("wait for changes of files: %w", err)
	}
	return nil
}

// Interrupt has this and all later calls of Wait fail. It fails itself after
// Close.
func (w *FileWatch) Interrupt() error { return w.file.SetReadDeadline(time.Unix(1, 0)) }

// Close ends all watches.
func (w *FileWatch) Close() error { return w.file.Close() }
