package sys

import (
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// A Watch tells which names of one directory change (inotify). Read is called
// by one goroutine; Close may be called by any.
type Watch struct{ file *os.File }

// WatchChange is a change of a directory's entry.
type WatchChange struct {
	Name     string
	Gone     bool // removed or moved away; otherwise it appeared or was replaced
	Overflow bool // changes were lost, and Name is empty: look at everything anew
}

// WatchDir begins to watch an open directory for entries that appear, are touched,
// replaced by a rename, or go. The caller closes the Watch; dir may be closed
// at once.
func WatchDir(dir *os.File) (*Watch, error) {
	file, err := newInotify()
	if err != nil {
		return nil, err
	}
	w := &Watch{file}
	conn, err := dir.SyscallConn()
	if err == nil {
		const events = unix.IN_CREATE | unix.IN_MOVED_TO | unix.IN_MOVED_FROM | unix.IN_DELETE | unix.IN_ONLYDIR | unix.IN_DELETE_SELF | unix.IN_ATTRIB
		var addErr error
		err = conn.Control(func(d uintptr) { _, addErr = addWatch(file, FdPath(int(d)), events) })
		err = errors.Join(err, addErr)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("watch %s: %w", dir.Name(), err), w.Close())
	}
	return w, nil
}

// Read waits for changes and gives them in the order in which they happened.
// The error matches os.ErrClosed after Close, and os.ErrNotExist when the
// directory itself is gone.
func (w *Watch) Read() ([]WatchChange, error) {
	buf := make([]byte, 16<<10)
	n, err := w.file.Read(buf)
	if err != nil {
		return nil, fmt.Errorf("read changes: %w", err)
	}
	return parseChanges(buf[:n])
}

func parseChanges(b []byte) ([]WatchChange, error) {
	var all []WatchChange
	for mask, name := range inotifyEvents(b) {
		switch {
		case mask&unix.IN_Q_OVERFLOW != 0:
			all = append(all, WatchChange{Overflow: true})
		case mask&(unix.IN_IGNORED|unix.IN_DELETE_SELF|unix.IN_UNMOUNT) != 0:
			return all, fmt.Errorf("watched directory is gone: %w", os.ErrNotExist)
		default:
			all = append(all, WatchChange{Name: name, Gone: mask&(unix.IN_DELETE|unix.IN_MOVED_FROM) != 0})
		}
	}
	return all, nil
}

// Close ends the watch, and a Read that waits.
func (w *Watch) Close() error { return w.file.Close() }
