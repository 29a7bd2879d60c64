package sys

import (
	"errors"
	"os"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"
)

// A MountWatch notices changes of the mount table of this program's mount
// namespace (poll on /proc/self/mountinfo says POLLPRI, Linux 2.6.30). The
// kernel says it once for each open file, so that there are two: one to wait
// with, and one to ask.
type MountWatch struct {
	wait *os.File
	ask  *os.File // unknown to the runtime's poller, which would hear it first

	mu      sync.Mutex // two who ask at once would share one answer
	changed bool
}

// WatchMounts calls f once, from another goroutine, when the mount table
// changes. The caller closes the watch.
func WatchMounts(f func()) (*MountWatch, error) {
	const table = "/proc/self/mountinfo"
	fd, err := unix.Open(table, unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, &os.PathError{Op: "open", Path: table, Err: err}
	}
	ask := NewFD(fd).File(table)
	// Non-blocking, so that the runtime's poller takes it.
	wait, err := os.OpenFile(table, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, errors.Join(err, ask.Close())
	}
	w := &MountWatch{wait: wait, ask: ask}
	conn, err := wait.SyscallConn()
	if err != nil {
		return nil, errors.Join(err, w.Close())
	}
	go func() {
		// The error only says that the watch was closed.
		if err := conn.Read(func(uintptr) bool { return w.Changed() }); err == nil {
			f()
		}
	}()
	return w, nil
}

// Changed tells whether the mount table has changed since the watch began.
func (w *MountWatch) Changed() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.changed {
		return true
	}
	conn, err := w.ask.SyscallConn()
	if err != nil {
		return true
	}
	changed := true // also when the watch is closed
	_ = conn.Control(func(fd uintptr) {
		fds := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLPRI}}
		n, err := unix.Poll(fds, 0)
		changed = err != nil || n > 0 && fds[0].Revents&unix.POLLPRI != 0
	})
	w.changed = changed // the kernel says it once
	return changed
}

// Close ends the watch.
func (w *MountWatch) Close() error { return errors.Join(w.wait.Close(), w.ask.Close()) }

// Identity gives bytes that are equal for two files if they are the same open
// file as far as this program can tell; nil has its own.
func Identity(f *os.File) []byte {
	if f == nil {
		return []byte("nil")
	}
	var st unix.Stat_t
	conn, err := f.SyscallConn()
	if err == nil {
		_ = conn.Control(func(fd uintptr) { err = unix.Fstat(int(fd), &st) })
	}
	if err != nil {
		return []byte("closed")
	}
	b := make([]byte, 0, 16)
	for _, n := range []uint64{st.Dev, st.Ino} {
		for range 8 {
			b = append(b, byte(n))
			n >>= 8
		}
	}
	return b
}
