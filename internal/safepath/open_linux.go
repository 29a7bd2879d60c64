package safepath

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"sync/atomic"
	"syscall"

	"github.com/sandkit/sandkit/internal/sys"
)

// resolve keeps a path inside the root and away from links such as
// /proc/PID/fd/N, which are no text but doors.
const resolve = sys.RESOLVE_IN_ROOT | sys.RESOLVE_NO_MAGICLINKS

// walkOnly is set once openat2 has been refused. A filter that refuses it is
// never taken off again, so there is no way back.
var walkOnly atomic.Bool

// Open opens a path inside the root directory, with flags as for open(2) but
// without O_CREAT. Symbolic links are followed inside the root, the last
// component's too unless flags contain O_NOFOLLOW. The caller closes it.
func Open(root *os.File, name string, flags int) (*os.File, error) {
	if flags&(sys.O_CREAT|sys.O_TRUNC) != 0 {
		return nil, fmt.Errorf("BUG: open %s with flags that change the root", name)
	}
	conn, err := root.SyscallConn()
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", name, err)
	}
	var fd *sys.FD
	var openErr error
	err = conn.Control(func(rootFD uintptr) { fd, openErr = open(int(rootFD), name, flags) })
	if err == nil {
		err = openErr
	}
	if err != nil {
		return nil, &os.PathError{Op: "open", Path: name, Err: err}
	}
	return fd.File(path.Join(root.Name(), name)), nil
}

// raceRetries bounds how often a path is tried again that somebody else
// changes at the same time (openat2 says EAGAIN).
const raceRetries = 64

func open(root int, name string, flags int) (*sys.FD, error) {
	for try := 0; !walkOnly.Load(); try++ {
		fd, err := sys.Openat2(root, name, flags, resolve)
		switch {
		case errors.Is(err, syscall.EAGAIN) && try < raceRetries:
			continue
		case errors.Is(err, syscall.ENOSYS), errors.Is(err, syscall.EPERM):
			// EPERM: a seccomp filter of the host program, as Docker's older ones.
			walkOnly.Store(true)
			continue
		}
		return fd, err
	}
	return walk(root, name, flags)
}

// ReadFile reads a regular file inside the root, of at most limit bytes. A
// FIFO or a device is an error and never blocks.
func ReadFile(root *os.File, name string, limit int64) ([]byte, error) {
	b, err := ReadHead(root, name, limit+1)
	if err == nil && int64(len(b)) > limit {
		return nil, &os.PathError{Op: "read", Path: name, Err: fmt.Errorf("larger than %d bytes: %w", limit, os.ErrInvalid)}
	}
	return b, err
}

// ReadHead is ReadFile for the first size bytes of a file of any length.
func ReadHead(root *os.File, name string, size int64) ([]byte, error) {
	f, err := Open(root, name, sys.O_RDONLY|sys.O_NONBLOCK|sys.O_NOCTTY)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	st, err := f.Stat()
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", name, err)
	}
	if !st.Mode().IsRegular() {
		return nil, &os.PathError{Op: "read", Path: name, Err: fmt.Errorf("not a regular file but %v: %w", st.Mode().Type(), os.ErrInvalid)}
	}
	b, err := io.ReadAll(io.LimitReader(f, size))
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", name, err)
	}
	return b, nil
}
