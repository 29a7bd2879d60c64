package sys

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"
)

// A FileWatch waits for changes of files (inotify) in a goroutine that takes no
// thread. It tells that something has changed, and how often a name was given. Only
// Interrupt and Close may be called while another method is at work.
type FileWatch struct {
	file  *os.File
	name  string // that Named counts
	named int64
	lost  bool // events were lost
	buf   [4096]byte
}

// NewFileWatch makes a FileWatch. The caller closes it.
func NewFileWatch() (*FileWatch, error) {
	file, err := newInotify()
	if err != nil {
		return nil, err
	}
	return &FileWatch{file: file}, nil
}

// AddFile watches for writes to the file that has the name now.
func (w *FileWatch) AddFile(path string) (id int, err error) {
	return addWatch(w.file, path, unix.IN_MODIFY)
}

// AddName watches for a name that a file gets: one that is made, or one that is
// renamed. It is the one that Named counts.
func (w *FileWatch) AddName(path string) (id int, err error) {
	dir, name := filepath.Split(path)
	if id, err = addWatch(w.file, filepath.Clean(dir), unix.IN_CREATE|unix.IN_MOVED_TO|unix.IN_ONLYDIR); err == nil {
		w.name = name
	}
	return id, err
}

// Remove ends AddFile or AddName.
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
	n, err := w.file.Read(w.buf[:])
	if err != nil {
		return fmt.Errorf("wait for changes of files: %w", err)
	}
	w.count(w.buf[:n])
	return nil
}

// Named gives how often a file got the name of AddName up to now. It fails when
// there were so many changes that the kernel has forgotten some. Two in a row, with
// nothing else in the directory that gets a name in between, may count as one.
// What it has seen is no news for Wait any more.
func (w *FileWatch) Named() (int64, error) {
	conn, err := w.file.SyscallConn()
	if err != nil {
		return 0, err
	}
	var readErr error
	err = conn.Control(func(fd uintptr) {
		for readErr == nil {
			var n int
			if n, readErr = unix.Read(int(fd), w.buf[:]); readErr == nil {
				w.count(w.buf[:n])
			} else if errors.Is(readErr, unix.EINTR) {
				readErr = nil
			}
		}
	})
	switch {
	case err != nil:
		return 0, err
	case !errors.Is(readErr, unix.EAGAIN):
		return 0, os.NewSyscallError("read inotify", readErr)
	case w.lost:
		return 0, fmt.Errorf("read inotify: %w", unix.EOVERFLOW)
	}
	return w.named, nil
}

// count looks at events.
func (w *FileWatch) count(b []byte) {
	for mask, name := range inotifyEvents(b) {
		if mask&(unix.IN_CREATE|unix.IN_MOVED_TO) != 0 && name == w.name {
			w.named++
		}
		w.lost = w.lost || mask&unix.IN_Q_OVERFLOW != 0
	}
}

// Interrupt has this and all later calls of Wait fail. It fails itself after
// Close.
func (w *FileWatch) Interrupt() error { return w.file.SetReadDeadline(time.Unix(1, 0)) }

// Close ends all watches.
func (w *FileWatch) Close() error { return w.file.Close() }
