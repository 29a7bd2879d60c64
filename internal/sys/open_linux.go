package sys

import (
	"bytes"
	"errors"

	"golang.org/x/sys/unix"
)

// Openat2 opens a path with rules for its resolution (Linux 5.6). O_CLOEXEC is
// added; an interrupted call is made again.
func Openat2(dir int, path string, flags int, resolve uint64) (*FD, error) {
	how := &unix.OpenHow{Flags: uint64(flags) | unix.O_CLOEXEC, Resolve: resolve}
	for {
		fd, err := unix.Openat2(dir, path, how)
		if errors.Is(err, unix.EINTR) {
			continue
		}
		if err != nil {
			return nil, err
		}
		return NewFD(fd), nil
	}
}

// Openat opens a path; O_CLOEXEC is added, an interrupted call made again.
func Openat(dir int, path string, flags int) (*FD, error) {
	for {
		fd, err := unix.Openat(dir, path, flags|unix.O_CLOEXEC, 0)
		if errors.Is(err, unix.EINTR) {
			continue
		}
		if err != nil {
			return nil, err
		}
		return NewFD(fd), nil
	}
}

// Readlink reads the symbolic link that a descriptor opened with O_PATH and
// O_NOFOLLOW stands for.
func Readlink(link int) (string, error) {
	buf := make([]byte, unix.PathMax)
	n, err := unix.Readlinkat(link, "", buf)
	if err != nil {
		return "", err
	}
	return string(bytes.TrimRight(buf[:n], "\x00")), nil
}

// Mode gives a descriptor's file type and permissions, as in st_mode.
func Mode(fd int) (uint32, error) {
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return 0, err
	}
	return st.Mode, nil
}
