package sys

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// A Notifier waits for changes of many files and for many eventfds at once,
// in one goroutine that takes no thread (inotify, eventfd and epoll). It is safe
// for concurrent use.
type Notifier struct {
	epoll *os.File

	mu      sync.Mutex // for what is below, so that nothing is read that was closed
	inotify *FD
	fds     map[int]int // key by eventfd
	lastKey int
	events  [64]unix.EpollEvent
	buf     [4096]byte
	found   []notification
}

type notification struct {
	key   int
	count uint64
}

// NewNotifier makes a Notifier. The caller closes it.
func NewNotifier() (*Notifier, error) {
	in, err := unix.InotifyInit1(unix.IN_CLOEXEC | unix.IN_NONBLOCK)
	if err != nil {
		return nil, os.NewSyscallError("inotify_init1", err)
	}
	n := &Notifier{inotify: NewFD(in), fds: make(map[int]int)}
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

// WatchFile has Wait tell the key, a positive number, when the file changes.
func (n *Notifier) WatchFile(path string) (key int, err error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	wd, err := unix.InotifyAddWatch(n.inotify.Int(), path, unix.IN_MODIFY)
	if err != nil {
		return 0, &os.PathError{Op: "watch", Path: path, Err: err}
	}
	return wd, nil
}

// UnwatchFile ends WatchFile.
func (n *Notifier) UnwatchFile(key int) {
	n.mu.Lock()
	defer n.mu.Unlock()
	// A file that is gone took its watch along.
	_, _ = unix.InotifyRmWatch(n.inotify.Int(), uint32(key))
}

// EventFD makes an eventfd; Wait tells the key, a negative number, when
// something was written to it. CloseEventFD gives it back.
func (n *Notifier) EventFD() (fd *FD, key int, err error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	e, err := unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK)
	if err != nil {
		return nil, 0, os.NewSyscallError("eventfd2", err)
	}
	fd = NewFD(e)
	if err := n.add(e); err != nil {
		fd.Close()
		return nil, 0, err
	}
	n.lastKey--
	n.fds[e] = n.lastKey
	return fd, n.lastKey, nil
}

// CloseEventFD closes what EventFD made and ends the watch; nil is none.
func (n *Notifier) CloseEventFD(fd *FD) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	delete(n.fds, fd.Int())
	return fd.Close()
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
	var waitErr error
	var found []notification
	err = conn.Read(func(ep uintptr) bool {
		found, waitErr = n.collect(int(ep))
		return waitErr != nil || len(found) > 0
	})
	if err == nil {
		err = waitErr
	}
	if err != nil {
		return fmt.Errorf("wait for events: %w", err)
	}
	for _, e := range found {
		f(e.key, e.count)
	}
	return nil
}

// collect reads what there is without waiting, until there is nothing: the
// runtime's poller tells only of what comes after.
func (n *Notifier) collect(ep int) ([]notification, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.found = n.found[:0]
	for n.inotify.Int() >= 0 {
		count, err := unix.EpollWait(ep, n.events[:], 0)
		if errors.Is(err, unix.EINTR) {
			continue
		}
		if err != nil {
			return nil, os.NewSyscallError("epoll_wait", err)
		}
		if count <= 0 {
			break
		}
		for _, e := range n.events[:count] {
			if int(e.Fd) == n.inotify.Int() {
				n.changed()
				continue
			}
			var b [8]byte
			if got, err := unix.Read(int(e.Fd), b[:]); err == nil && got == len(b) {
				n.found = append(n.found, notification{n.fds[int(e.Fd)], binary.NativeEndian.Uint64(b[:])})
			}
		}
	}
	return n.found, nil
}

// changed reads what inotify has.
func (n *Notifier) changed() {
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
				n.found = append(n.found, notification{wd, 1})
			}
			b = b[min(size, len(b)):]
		}
	}
}

// Close ends Wait and gives the descriptors back, but for those of EventFD.
func (n *Notifier) Close() error {
	n.mu.Lock()
	err := n.inotify.Close()
	n.mu.Unlock()
	return errors.Join(err, n.epoll.Close()) // which waits for who holds the lock
}
