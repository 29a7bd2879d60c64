package pty

import (
	"errors"
	"fmt"
	"os"

	"github.com/sandkit/sandkit/internal/sys"
)

// Open makes a pseudo-terminal on the host. What is written to one end is read
// from the other; the slave is the one that programs use. Neither becomes the
// controlling terminal of anybody. The caller closes both. It needs a devpts on
// /dev/pts.
func Open() (master, slave *os.File, err error) {
	fd, err := sys.Openat(sys.AT_FDCWD, "/dev/ptmx", masterFlags)
	if err != nil {
		return nil, nil, fmt.Errorf("open /dev/ptmx: %w", err)
	}
	return withPeer(fd)
}

// A master is never anybody's controlling terminal; the flag is for whatever may
// be in its place. That it does not block lets readers wait without a thread, and
// be interrupted.
const masterFlags = sys.O_RDWR | sys.O_NOCTTY | sys.O_NONBLOCK

// ErrNotDevpts tells that what is at /dev/pts is no file system of terminals.
var ErrNotDevpts = errors.New("no file system of terminals (devpts)")

// OpenIn makes a pseudo-terminal of the instance of devpts that is mounted at
// dev/pts below root. Programs that are hostile may change what is there
// meanwhile: no link is followed, nothing but the one device is opened.
func OpenIn(root *os.File) (master, slave *os.File, err error) {
	const path = "dev/pts"
	conn, err := root.SyscallConn()
	if err != nil {
		return nil, nil, err
	}
	var dir *sys.FD
	cerr := conn.Control(func(fd uintptr) {
		dir, err = sys.Openat2(int(fd), path, sys.O_PATH|sys.O_DIRECTORY, sys.RESOLVE_IN_ROOT|sys.RESOLVE_NO_SYMLINKS|sys.RESOLVE_NO_MAGICLINKS)
	})
	if err = errors.Join(cerr, err); err != nil {
		return nil, nil, fmt.Errorf("open %s: %w", path, err)
	}
	defer dir.Close()
	magic, err := sys.FilesystemMagic(dir.Int())
	if err != nil {
		return nil, nil, fmt.Errorf("open %s: %w", path, err)
	}
	if magic != sys.DEVPTS_SUPER_MAGIC {
		return nil, nil, fmt.Errorf("open %s: %w", path, ErrNotDevpts)
	}
	// Nobody can change what is in a devpts, but mount over it.
	fd, err := sys.Openat2(dir.Int(), "ptmx", masterFlags, sys.RESOLVE_BENEATH|sys.RESOLVE_NO_XDEV|sys.RESOLVE_NO_SYMLINKS|sys.RESOLVE_NO_MAGICLINKS)
	if err != nil {
		return nil, nil, fmt.Errorf("open %s/ptmx: %w", path, err)
	}
	st, err := sys.Fstatat(fd.Int(), "")
	if err == nil && (st.Mode&sys.S_IFMT != sys.S_IFCHR || st.Rdev != sys.DEV_PTMX_RDEV) {
		err = ErrNotDevpts
	}
	if err != nil {
		return nil, nil, errors.Join(fmt.Errorf("look at %s/ptmx: %w", path, err), fd.Close())
	}
	return withPeer(fd)
}

// withPeer opens the other end.
func withPeer(fd *sys.FD) (master, slave *os.File, err error) {
	master = fd.File("terminal")
	err = sys.UnlockPTY(master)
	if err == nil {
		var peer *sys.FD
		if peer, err = sys.PTYPeer(master); err == nil {
			return master, peer.File("terminal's slave"), nil
		}
	}
	return nil, nil, errors.Join(fmt.Errorf("open terminal: %w", err), master.Close())
}
