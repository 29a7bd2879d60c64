package sys

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// A Notifier waits for changes of many files and for many eventfds at once,
// in one goroutine that takes no thread (inotify, eventfd and epoll).
type Notifier struct {
	epoll   *os.File
	inotify *FD
	events  [64]unix.EpollEvent
	buf     [4096]byte
}

// NewNotifier makes a Notifier. The caller closes it.
func NewNotifier() (*Notifier, error) {
	in, err := unix.InotifyInit1(unix.IN_CLOEXEC | unix.IN_NONBLOCK)
	if err != nil {
		return nil, os.NewSyscallError("inotify_init1", err)
	}
	n := &Notifier{inotify: NewFD(in)}
	ep, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		n.inotify.Close()
		return nil, os.NewSyscallError("epoll_create1", err)
	}
	if err = unix.SetNonblock(ep, true); err != nil { // so that the runtime's poller takes it
		n.inotify.Close()
		unix.Close(ep)
		return nil, os.NewSyscallError("fcntl O_NONBLOCK", err)
	}
	n.epoll = os.NewFile(uintptr(ep), "epoll")
	if err := n.add(in); err != nil {
		return nil, errors.Join(err, n.Close())
	}
	return n, nil
}

func (n *Notifier) add(fd int) error {
	conn, err := n.epoll.SyscallConn()
	if err != nil {
		return err
	}
	var ctlErr error
	err = conn.Control(func(ep uintptr) {
		ctlErr = unix.EpollCtl(int(ep), unix.EPOLL_CTL_ADD, fd, &unix.EpollEvent{Events: unix.EPOLLIN, Fd: int32(fd)})
	})
	if err == nil && ctlErr != nil {
		err = os.NewSyscallError("epoll_ctl", ctlErr)
	}
	return err
}

// WatchFile has Wait tell the key when the file changes.
func (n *Notifier) WatchFile(path string) (key int, err error) {
	wd, err := unix.InotifyAddWatch(n.inotify.Int(), path, unix.IN_MODIFY)
	if err != nil {
		return 0, &os.PathError{Op: "watch", Path: path, Err: err}
	}
	return wd, nil
}

// UnwatchFile ends WatchFile.
func (n *Notifier) UnwatchFile(key int) {
	// A file that is gone took its watch along.
	_, _ = unix.InotifyRmWatch(n.inotify.Int(), uint32(key))
}

// EventFD makes an eventfd; Wait tells the key when something was written to
// it. The caller closes it, which ends the watch.
func (n *Notifier) EventFD() (fd *FD, key int, err error) {
	e, err := unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK)
	if err != nil {
		return nil, 0, os.NewSyscallError("eventfd2", err)
	}
	fd = NewFD(e)
	if err := n.add(e); err != nil {
		fd.Close()
		return nil, 0, err
	}
	return fd, -e, nil
}

// Wait waits until something happened and calls f for each key; count is what
// was written to an eventfd. It returns an error that matches
// os.ErrDeadlineExceeded at the deadline, unless that is zero, and os.ErrClosed
// after Close. One goroutine at a time calls it.
func (n *Notifier) Wait(deadline time.Time, f func(key int, count uint64)) error {
	if err := n.epoll.SetReadDeadline(deadline); err != nil {
		return fmt.Errorf("wait for events: %w", err)
	}
	conn, err := n.epoll.SyscallConn()
	if err != nil {
		return fmt.Errorf("wait for events: %w", err)
	}
	var count int
	var waitErr error
	err = conn.Read(func(ep uintptr) bool {
		count, waitErr = unix.EpollWait(int(ep), n.events[:], 0)
		return waitErr != nil && !errors.Is(waitErr, unix.EINTR) || count > 0
	})
	if err == nil {
		err = waitErr
	}
	if err != nil {
		return fmt.Errorf("wait for events: %w", err)
	}
	for _, e := range n.events[:max(0, count)] {
		if int(e.Fd) == n.inotify.Int() {
			n.changed(f)
			continue
		}
		var b [8]byte
		if got, err := unix.Read(int(e.Fd), b[:]); err == nil && got == len(b) {
			f(-int(e.Fd), binary.NativeEndian.Uint64(b[:]))
		}
	}
	return nil
}

// changed reads what inotify has.
func (n *Notifier) changed(f func(key int, count uint64)) {
	for {
		got, err := unix.Read(n.inotify.Int(), n.buf[:])
		if err != nil || got <= 0 {
			return // nothing more
		}
		for b := n.buf[:got]; len(b) >= unix.SizeofInotifyEvent; {
			wd := int(int32(binary.NativeEndian.Uint32(b)))
			mask := binary.NativeEndian.Uint32(b[4:])
			size := unix.SizeofInotifyEvent + int(binary.NativeEndian.Uint32(b[12:]))
			if mask&unix.IN_MODIFY != 0 {
				f(wd, 1)
			}
			b = b[min(size, len(b)):]
		}
	}
}

// Close ends Wait and gives the descriptors back, but for those of EventFD.
func (n *Notifier) Close() error { return errors.Join(n.epoll.Close(), n.inotify.Close()) }
