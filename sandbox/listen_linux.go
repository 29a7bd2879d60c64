package sandbox

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path"
	"sync"
	"syscall"

	"github.com/sandkit/sandkit/internal/safepath"
	"github.com/sandkit/sandkit/internal/sys"
)

// Listen lets this program serve the sandbox, as [net.Listen] does: the listener
// is in the sandbox's network, and what connects to it there is accepted here,
// without any link between the two networks. Networks and addresses are those of
// [Sandbox.Dial], without udp; port 0 chooses one, which the listener's Addr
// tells. A unix socket is made at a path inside, in a directory that is there,
// and everybody inside may connect to it. The listener ends with the sandbox, or
// when the caller closes it.
func (s *Sandbox) Listen(network, addr string) (net.Listener, error) {
	l, err := s.listen(network, addr)
	if err != nil {
		return nil, s.wrap("listen", "", network+" "+addr, err)
	}
	return l, nil
}

func (s *Sandbox) listen(network, addr string) (net.Listener, error) {
	a, err := parseAddress(network, addr, true)
	if err == nil && a.kind == syscall.SOCK_DGRAM {
		err = fmt.Errorf("%w: network %q has no listeners", ErrInvalidSpec, network)
	}
	if err != nil {
		return nil, err
	}
	if a.path != "" {
		return s.listenPath(a)
	}
	var errs []error
	for _, way := range a.ways {
		f, err := s.socket(context.Background(), way, a.kind)
		if err == nil {
			if err = bind(f, way, len(a.ways) > 1); err == nil {
				return s.listenerOf(f)
			}
			err = errors.Join(err, f.Close())
		}
		errs = append(errs, err)
		if !errors.Is(err, syscall.EAFNOSUPPORT) && !errors.Is(err, syscall.EADDRNOTAVAIL) {
			break
		}
	}
	return nil, errors.Join(errs...)
}

// backlog is net.core.somaxconn since Linux 5.4.
const backlog = 4096

// bind makes a socket listen; both is for IPv4, too.
func bind(f *os.File, at syscall.Sockaddr, both bool) error {
	conn, err := f.SyscallConn()
	if err != nil {
		return err
	}
	var bindErr error
	if err := conn.Control(func(fd uintptr) {
		if six, ok := at.(*syscall.SockaddrInet6); ok {
			only := 1
			if both && six.Addr == [16]byte{} {
				only = 0
			}
			bindErr = os.NewSyscallError("setsockopt", syscall.SetsockoptInt(int(fd), syscall.IPPROTO_IPV6, syscall.IPV6_V6ONLY, only))
		}
		if bindErr == nil && family(at) != syscall.AF_UNIX {
			bindErr = os.NewSyscallError("setsockopt", syscall.SetsockoptInt(int(fd), syscall.SOL_SOCKET, syscall.SO_REUSEADDR, 1))
		}
		if bindErr == nil {
			bindErr = os.NewSyscallError("bind", syscall.Bind(int(fd), at))
		}
		if bindErr == nil {
			bindErr = os.NewSyscallError("listen", syscall.Listen(int(fd), backlog))
		}
	}); err != nil {
		return err
	}
	return bindErr
}

// listenPath makes a socket in the root.
func (s *Sandbox) listenPath(a address) (net.Listener, error) {
	h, err := s.borrow()
	if err != nil {
		return nil, err
	}
	defer h.giveBack()
	dir, err := safepath.Open(h.root, path.Dir(a.path), sys.O_PATH|sys.O_DIRECTORY)
	if err != nil {
		return nil, err
	}
	defer dir.Close()
	name := path.Base(path.Clean(a.path))
	at := &syscall.SockaddrUnix{Name: procPath(dir) + "/" + name}
	if name == "/" || len(at.Name) > 107 {
		return nil, fmt.Errorf("%w: %q is no name for a socket", ErrInvalidSpec, name)
	}
	f, err := unixSocket(a.kind)
	if err != nil {
		return nil, err
	}
	err = h.asRoot(func() error { return bind(f, at, false) })
	if err == nil {
		err = openToAll(dir, name)
	}
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return s.listenerOf(f)
}

// openToAll lets everybody inside connect. What has got the name meanwhile is in
// the sandbox as well, if it is a socket.
func openToAll(dir *os.File, name string) error {
	f, err := safepath.Open(dir, name, sys.O_PATH|sys.O_NOFOLLOW)
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := f.Stat()
	if err == nil && info.Mode().Type() != os.ModeSocket {
		err = syscall.ENOTSOCK
	}
	if err == nil {
		err = os.Chmod(procPath(f), 0o666)
	}
	return err
}

// listenerOf makes a listener of a socket, which it takes, and closes it when the
// sandbox ends.
func (s *Sandbox) listenerOf(f *os.File) (net.Listener, error) {
	inner, err := net.FileListener(f)
	if err = errors.Join(err, f.Close()); err != nil {
		return nil, err
	}
	l := &servedListener{Listener: inner, done: make(chan struct{})}
	go func() {
		select {
		case <-s.ended:
			_ = l.Listener.Close() // or it is closed
		case <-l.done:
		}
	}()
	return l, nil
}

// servedListener is one in a sandbox.
type servedListener struct {
	net.Listener
	once sync.Once
	done chan struct{} // closed by Close
}

// Close ends it.
func (l *servedListener) Close() error {
	l.once.Do(func() { close(l.done) })
	return l.Listener.Close()
}
