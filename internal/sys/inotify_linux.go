package sys

import (
	"bytes"
	"encoding/binary"
	"iter"
	"os"

	"golang.org/x/sys/unix"
)

// newInotify makes an inotify instance, whose reads take no thread: the runtime's
// poller has it.
func newInotify() (*os.File, error) {
	fd, err := unix.InotifyInit1(unix.IN_CLOEXEC | unix.IN_NONBLOCK)
	if err != nil {
		return nil, os.NewSyscallError("inotify_init1", err)
	}
	return os.NewFile(uintptr(fd), "inotify"), nil
}

// addWatch watches what a path leads to.
func addWatch(inotify *os.File, path string, events uint32) (id int, err error) {
	conn, err := inotify.SyscallConn()
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

// inotifyEvents gives what happened and to which name, of what was read.
func inotifyEvents(b []byte) iter.Seq2[uint32, string] {
	return func(yield func(uint32, string) bool) {
		for len(b) >= unix.SizeofInotifyEvent {
			size := min(unix.SizeofInotifyEvent+int(binary.NativeEndian.Uint32(b[12:])), len(b))
			name, _, _ := bytes.Cut(b[unix.SizeofInotifyEvent:size], []byte{0})
			if !yield(binary.NativeEndian.Uint32(b[4:]), string(name)) {
				return
			}
			b = b[size:]
		}
	}
}
