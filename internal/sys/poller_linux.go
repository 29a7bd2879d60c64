package sys

import (
	"errors"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// A Poller tells which of several files can be read, in the order in which they
// became so (epoll). It waits in a goroutine that takes no thread. Add and Wait
// are called by one goroutine, Interrupt by any.
type Poller struct{ file *os.File }

// NewPoller makes a Poller. The caller closes it.
func NewPoller() (*Poller, error) {
	fd, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return nil, os.NewSyscallError("epoll_create1", err)
	}
	if err := unix.SetNonblock(fd, true); err != nil { // or os.NewFile keeps it from the runtime's poller
		return nil, errors.Join(os.NewSyscallError("fcntl", err), unix.Close(fd))
	}
	return &Poller{os.NewFile(uintptr(fd), "epoll")}, nil
}

// Add has the Poller look at a file, which Wait calls id, until that is closed.
func (p *Poller) Add(f *os.File, id int) error { return p.add(f, id, 0) }

// AddEdge is Add, but tells of each event only once: all that can be read has to
// be then.
func (p *Poller) AddEdge(f *os.File, id int) error { return p.add(f, id, unix.EPOLLET) }

func (p *Poller) add(f *os.File, id int, flags uint32) error {
	return p.control(f, func(epoll, fd int) error {
		return unix.EpollCtl(epoll, unix.EPOLL_CTL_ADD, fd, &unix.EpollEvent{Events: unix.EPOLLIN | unix.EPOLLRDHUP | flags, Fd: int32(id)})
	})
}

// Remove ends Add.
func (p *Poller) Remove(f *os.File) error {
	return p.control(f, func(epoll, fd int) error { return unix.EpollCtl(epoll, unix.EPOLL_CTL_DEL, fd, nil) })
}

func (p *Poller) control(f *os.File, do func(epoll, fd int) error) error {
	own, err := p.file.SyscallConn()
	if err != nil {
		return err
	}
	other, err := f.SyscallConn()
	if err != nil {
		return err
	}
	var doErr, innerErr error
	err = own.Control(func(epoll uintptr) {
		innerErr = other.Control(func(fd uintptr) { doErr = os.NewSyscallError("epoll_ctl", do(int(epoll), int(fd))) })
	})
	return errors.Join(err, innerErr, doErr)
}

// Wait gives the ids of files that can be read, or have ended; it waits for the
// first. The error matches os.ErrDeadlineExceeded after Interrupt.
func (p *Poller) Wait(ids []int) ([]int, error) {
	conn, err := p.file.SyscallConn()
	if err != nil {
		return nil, err
	}
	var waitErr error
	err = conn.Read(func(fd uintptr) bool {
		ids, waitErr = look(int(fd), ids)
		return len(ids) > 0 || waitErr != nil
	})
	return ids, errors.Join(err, waitErr)
}

// Ready is Wait that does not wait, also after Interrupt.
func (p *Poller) Ready(ids []int) ([]int, error) {
	conn, err := p.file.SyscallConn()
	if err != nil {
		return nil, err
	}
	var waitErr error
	err = conn.Control(func(fd uintptr) { ids, waitErr = look(int(fd), ids) })
	return ids, errors.Join(err, waitErr)
}

// look gives what is ready now.
func look(epoll int, ids []int) ([]int, error) {
	ids = ids[:0]
	var events [8]unix.EpollEvent
	for {
		n, err := unix.EpollWait(epoll, events[:], 0)
		if errors.Is(err, unix.EINTR) {
			continue
		}
		if err != nil {
			return ids, os.NewSyscallError("epoll_wait", err)
		}
		for _, e := range events[:n] {
			ids = append(ids, int(e.Fd))
		}
		return ids, nil
	}
}

// Interrupt has this and all later calls of Wait fail.
func (p *Poller) Interrupt() error { return p.file.SetReadDeadline(time.Unix(1, 0)) }

// Resume ends Interrupt.
func (p *Poller) Resume() error { return p.file.SetReadDeadline(time.Time{}) }

// Close gives it back. The files stay open.
func (p *Poller) Close() error { return p.file.Close() }
