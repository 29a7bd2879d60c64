package sys

import (
	"fmt"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// Requests of terminals, and what the file systems of pseudo-terminals are known
// by.
const (
	TIOCSPTLCK         = unix.TIOCSPTLCK
	TIOCSCTTY          = unix.TIOCSCTTY
	TIOCSWINSZ         = unix.TIOCSWINSZ
	DEVPTS_SUPER_MAGIC = unix.DEVPTS_SUPER_MAGIC
)

// DEV_PTMX_RDEV is the device of /dev/ptmx, 5:2.
const DEV_PTMX_RDEV = 5<<8 | 2

// Termios are the settings of a terminal.
type Termios = unix.Termios

// onFile calls f with the descriptor of a file, which stays open meanwhile.
func onFile(f *os.File, what string, do func(fd int) error) error {
	conn, err := f.SyscallConn()
	if err != nil {
		return err
	}
	var doErr error
	if conn.Control(func(fd uintptr) { doErr = do(int(fd)) }) != nil {
		return &os.PathError{Op: what, Path: f.Name(), Err: os.ErrClosed} // it fails for no other reason
	}
	if doErr != nil {
		return os.NewSyscallError(what, doErr)
	}
	return nil
}

// UnlockPTY lets the other side of a pseudo-terminal be opened.
func UnlockPTY(master *os.File) error {
	return onFile(master, "ioctl TIOCSPTLCK", func(fd int) error { return unix.IoctlSetPointerInt(fd, unix.TIOCSPTLCK, 0) })
}

// PTYPeer opens the other side of a pseudo-terminal without looking up a path
// (TIOCGPTPEER, Linux 4.13). It does not become the controlling terminal.
func PTYPeer(master *os.File) (*FD, error) {
	var peer int
	err := onFile(master, "ioctl TIOCGPTPEER", func(fd int) error {
		n, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(fd), unix.TIOCGPTPEER, unix.O_RDWR|unix.O_NOCTTY|unix.O_CLOEXEC)
		peer = int(n)
		if errno != 0 {
			return errno
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return NewFD(peer), nil
}

// WindowSize is how many rows and columns a terminal has.
func WindowSize(f *os.File) (rows, cols uint16, err error) {
	err = onFile(f, "ioctl TIOCGWINSZ", func(fd int) error {
		w, err := unix.IoctlGetWinsize(fd, unix.TIOCGWINSZ)
		if err == nil {
			rows, cols = w.Row, w.Col
		}
		return err
	})
	return rows, cols, err
}

// SetWindowSize changes it; the foreground processes get SIGWINCH.
func SetWindowSize(f *os.File, rows, cols uint16) error {
	return onFile(f, "ioctl TIOCSWINSZ", func(fd int) error {
		return unix.IoctlSetWinsize(fd, unix.TIOCSWINSZ, &unix.Winsize{Row: rows, Col: cols})
	})
}

// GetTermios reads the settings of a terminal; ENOTTY when it is none.
func GetTermios(f *os.File) (t *Termios, err error) {
	err = onFile(f, "ioctl TCGETS", func(fd int) (err error) {
		t, err = unix.IoctlGetTermios(fd, unix.TCGETS)
		return err
	})
	return t, err
}

// SetTermios changes them at once.
func SetTermios(f *os.File, t *Termios) error {
	return onFile(f, "ioctl TCSETS", func(fd int) error { return unix.IoctlSetTermios(fd, unix.TCSETS, t) })
}

// MakeRaw turns settings into those of a terminal that hands on every byte as it
// is, in both directions.
func MakeRaw(t *Termios) {
	t.Iflag &^= unix.IGNBRK | unix.BRKINT | unix.PARMRK | unix.ISTRIP | unix.INLCR | unix.IGNCR | unix.ICRNL | unix.IXON
	t.Oflag &^= unix.OPOST
	t.Lflag &^= unix.ECHO | unix.ECHONL | unix.ICANON | unix.ISIG | unix.IEXTEN
	t.Cflag &^= unix.CSIZE | unix.PARENB
	t.Cflag |= unix.CS8
	t.Cc[unix.VMIN], t.Cc[unix.VTIME] = 1, 0
}

// EndOfFile gives the character that ends the input of a terminal, 0 for none,
// and whether input is handed on line by line.
func EndOfFile(t *Termios) (char byte, lines bool) { return t.Cc[unix.VEOF], t.Lflag&unix.ICANON != 0 }

// FilesystemMagic tells what kind of file system a descriptor is in.
func FilesystemMagic(fd int) (int64, error) {
	var st unix.Statfs_t
	if err := unix.Fstatfs(fd, &st); err != nil {
		return 0, os.NewSyscallError("fstatfs", err)
	}
	return int64(st.Type), nil //nolint:unconvert // 32 bits on some architectures
}

// WaitReadable waits until one of two files can be read, or has ended, and tells
// which; both may be. It takes a thread meanwhile.
func WaitReadable(a, b *os.File) (aReady, bReady bool, err error) {
	connA, err := a.SyscallConn()
	if err != nil {
		return false, false, err
	}
	connB, err := b.SyscallConn()
	if err != nil {
		return false, false, err
	}
	var pollErr, inner error
	err = connA.Control(func(fdA uintptr) {
		inner = connB.Control(func(fdB uintptr) {
			fds := []unix.PollFd{{Fd: int32(fdA), Events: unix.POLLIN}, {Fd: int32(fdB), Events: unix.POLLIN}}
			for {
				if _, pollErr = unix.Poll(fds, -1); pollErr != syscall.EINTR { //nolint:errorlint // a bare errno
					break
				}
			}
			aReady, bReady = fds[0].Revents != 0, fds[1].Revents != 0
		})
	})
	for _, e := range []error{err, inner, pollErr} {
		if e != nil {
			return false, false, fmt.Errorf("poll: %w", e)
		}
	}
	return aReady, bReady, nil
}
