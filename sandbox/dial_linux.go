package sandbox

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"syscall"

	"github.com/sandkit/sandkit/internal/launch"
	"github.com/sandkit/sandkit/internal/safepath"
	"github.com/sandkit/sandkit/internal/sys"
)

// Dial connects to something that listens in the sandbox, as [net.Dialer] does,
// without any link between the two networks: process 1 makes the socket, which
// belongs to the sandbox's network, and this program uses it. Networks are tcp and
// udp (either with 4 or 6), to an IP address, localhost or nothing, which is the
// same; and unix and unixpacket, to a path inside, which cannot lead out of the
// root, or to "@" and a name. The caller closes the connection, which does not
// end with the sandbox, but then nobody is at its other end. The error matches
// [ErrNotRunning], [ErrPaused], [ErrInvalidSpec], or has the errno, such as
// ECONNREFUSED.
func (s *Sandbox) Dial(ctx context.Context, network, addr string) (net.Conn, error) {
	c, err := s.dial(ctx, network, addr)
	if err != nil {
		return nil, s.wrap("dial", "", network+" "+addr, err)
	}
	return c, nil
}

func (s *Sandbox) dial(ctx context.Context, network, addr string) (net.Conn, error) {
	a, err := parseAddress(network, addr, false)
	if err != nil {
		return nil, err
	}
	if a.path != "" {
		return s.dialPath(ctx, a)
	}
	var errs []error
	for _, way := range a.ways {
		f, err := s.socket(ctx, way, a.kind)
		if err == nil {
			if err = connect(ctx, f, way); err == nil {
				return connOf(f)
			}
			err = errors.Join(err, f.Close())
		}
		errs = append(errs, err)
		if ctx.Err() != nil {
			break
		}
	}
	return nil, errors.Join(errs...)
}

// socket has process 1 make one.
func (s *Sandbox) socket(ctx context.Context, to syscall.Sockaddr, kind int) (*os.File, error) {
	s.mu.Lock()
	r := s.running
	s.mu.Unlock()
	if r == nil {
		return nil, ErrNotRunning
	}
	if r.group.paused() {
		return nil, ErrPaused
	}
	f, err := r.process.Socket(ctx, family(to), kind, 0)
	switch {
	case errors.Is(err, os.ErrProcessDone):
		err = ErrNotRunning
	case errors.Is(err, launch.ErrMonitored):
		err = &NotSupportedError{Feature: "connections into a detached sandbox", Hint: "use Adopt"}
	}
	return f, err
}

// dialPath connects to a socket in the root, which is opened before, so that the
// path leads nowhere else.
func (s *Sandbox) dialPath(ctx context.Context, a address) (net.Conn, error) {
	h, err := s.borrow()
	if err != nil {
		return nil, err
	}
	defer h.giveBack()
	target, err := safepath.Open(h.root, a.path, sys.O_PATH)
	if err != nil {
		return nil, err
	}
	defer target.Close()
	f, err := unixSocket(a.kind)
	if err != nil {
		return nil, err
	}
	if err := connect(ctx, f, &syscall.SockaddrUnix{Name: procPath(target)}); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return connOf(f)
}

// procPath is a path that leads to what a descriptor is for.
func procPath(f *os.File) string { return fmt.Sprintf("/proc/self/fd/%d", f.Fd()) }

// unixSocket makes a socket of this program's: paths know no network.
func unixSocket(kind int) (*os.File, error) {
	fd, err := syscall.Socket(syscall.AF_UNIX, kind|syscall.SOCK_CLOEXEC|syscall.SOCK_NONBLOCK, 0)
	if err != nil {
		return nil, os.NewSyscallError("socket", err)
	}
	return os.NewFile(uintptr(fd), "unix socket"), nil
}

// connect connects, or waits until ctx ends.
func connect(ctx context.Context, f *os.File, to syscall.Sockaddr) error {
	conn, err := f.SyscallConn()
	if err != nil {
		return err
	}
	var connErr error
	if err := conn.Control(func(fd uintptr) { connErr = syscall.Connect(int(fd), to) }); err != nil {
		return err
	}
	switch {
	case connErr == nil:
		return nil
	case !errors.Is(connErr, syscall.EINPROGRESS) && !errors.Is(connErr, syscall.EINTR):
		return os.NewSyscallError("connect", connErr)
	}
	defer context.AfterFunc(ctx, func() { _ = f.SetWriteDeadline(past) })() // fails when it is closed
	err = conn.Write(func(fd uintptr) bool {
		done, err := connected(int(fd))
		connErr = err
		return done
	})
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if err != nil {
		return err
	}
	return os.NewSyscallError("connect", connErr)
}

// connected tells whether a connection is there, or has failed.
func connected(fd int) (bool, error) {
	n, err := syscall.GetsockoptInt(fd, syscall.SOL_SOCKET, syscall.SO_ERROR)
	if err == nil && n != 0 {
		err = syscall.Errno(n)
	}
	if err != nil {
		return true, err
	}
	_, err = syscall.Getpeername(fd) // what is writable need not be connected yet
	return err == nil, nil
}

// connOf makes a connection of a socket, which it takes.
func connOf(f *os.File) (net.Conn, error) {
	c, err := net.FileConn(f)
	return c, errors.Join(err, f.Close())
}
