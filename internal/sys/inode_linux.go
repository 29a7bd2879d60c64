package sys

import (
	"bytes"
	"errors"
	"os"
	"strconv"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// A Stat is what the kernel tells of a file (fstatat).
type Stat struct {
	Mode     uint32 // type and permissions, as in st_mode
	UID, GID uint32
	Links    uint64
	Size     int64
	Device   uint64 // that the file is on
	Inode    uint64
	Rdev     uint64 // that the file stands for
	MtimeSec int64
	MtimeNs  int64
	Blocks   int64 // of 512 bytes
}

// Fstatat looks at name below dir; a symbolic link is not followed. With an
// empty name it looks at dir itself.
func Fstatat(dir int, name string) (Stat, error) {
	var st unix.Stat_t
	flags := unix.AT_SYMLINK_NOFOLLOW
	if name == "" {
		flags |= unix.AT_EMPTY_PATH
	}
	if err := unix.Fstatat(dir, name, &st, flags); err != nil {
		return Stat{}, err
	}
	return Stat{
		Mode: st.Mode, UID: st.Uid, GID: st.Gid, Links: uint64(st.Nlink), Size: st.Size, //nolint:unconvert // its type differs by architecture
		Device: st.Dev, Inode: st.Ino, Rdev: st.Rdev, MtimeSec: int64(st.Mtim.Sec), MtimeNs: int64(st.Mtim.Nsec), Blocks: st.Blocks, //nolint:unconvert // likewise
	}, nil
}

// SyscallStat is Fstatat with all that the kernel tells, in the form that
// os.FileInfo has it in.
func SyscallStat(dir int, name string) (*syscall.Stat_t, error) {
	flags := unix.AT_SYMLINK_NOFOLLOW
	if name == "" {
		flags |= unix.AT_EMPTY_PATH
	}
	st := new(syscall.Stat_t)
	// Both types are the kernel's struct stat.
	if err := unix.Fstatat(dir, name, (*unix.Stat_t)(unsafe.Pointer(st)), flags); err != nil {
		return nil, err
	}
	return st, nil
}

// The conversion above needs that they do not differ.
var _ [unsafe.Sizeof(syscall.Stat_t{})]byte = [unsafe.Sizeof(unix.Stat_t{})]byte{}

// CreateFile makes a new, empty regular file below dir and opens it for
// writing; it fails if something has that name.
func CreateFile(dir int, name string) (*FD, error) {
	const flags = unix.O_CREAT | unix.O_EXCL | unix.O_WRONLY | unix.O_NOFOLLOW | unix.O_CLOEXEC
	for {
		fd, err := unix.Openat(dir, name, flags, 0o600)
		if errors.Is(err, unix.EINTR) {
			continue
		}
		if err != nil {
			return nil, err
		}
		return NewFD(fd), nil
	}
}

// WriteAll writes all of p where the descriptor is.
func (f *FD) WriteAll(p []byte) error {
	for len(p) > 0 {
		n, err := unix.Write(f.Int(), p)
		if errors.Is(err, unix.EINTR) {
			continue
		}
		if err != nil {
			return os.NewSyscallError("write", err)
		}
		p = p[n:]
	}
	return nil
}

// Mkdirat makes a directory that only its owner can use.
func Mkdirat(dir int, name string) error { return unix.Mkdirat(dir, name, 0o700) }

// Mknodat makes a device, FIFO or socket: mode has its type.
func Mknodat(dir int, name string, mode uint32, dev uint64) error {
	return unix.Mknodat(dir, name, mode, int(dev))
}

// Linkat gives the file that oldName is below oldDir another name; a symbolic
// link is not followed.
func Linkat(oldDir int, oldName string, dir int, name string) error {
	return unix.Linkat(oldDir, oldName, dir, name, 0)
}

// Symlinkat makes a symbolic link.
func Symlinkat(target string, dir int, name string) error { return unix.Symlinkat(target, dir, name) }

// Readlinkat reads a symbolic link.
func Readlinkat(dir int, name string) (string, error) {
	for size := 256; ; size *= 2 {
		buf := make([]byte, size)
		n, err := unix.Readlinkat(dir, name, buf)
		if err != nil {
			return "", err
		}
		if n < size {
			return string(buf[:n]), nil
		}
	}
}

// Unlinkat removes a name; flags may be AT_REMOVEDIR.
func Unlinkat(dir int, name string, flags int) error { return unix.Unlinkat(dir, name, flags) }

// Renameat moves a name; what has the new one is replaced.
func Renameat(oldDir int, oldName string, dir int, name string) error {
	return unix.Renameat(oldDir, oldName, dir, name)
}

// Fchown gives a file away.
func Fchown(fd int, uid, gid uint32) error { return unix.Fchown(fd, int(uid), int(gid)) }

// Lchownat gives name below dir away; a symbolic link is not followed.
func Lchownat(dir int, name string, uid, gid uint32) error {
	return unix.Fchownat(dir, name, int(uid), int(gid), unix.AT_SYMLINK_NOFOLLOW)
}

// Lchown gives a file away that fd stands for, also one opened with O_PATH,
// such as a symbolic link.
func Lchown(fd int, uid, gid uint32) error {
	return unix.Fchownat(fd, "", int(uid), int(gid), unix.AT_EMPTY_PATH|unix.AT_SYMLINK_NOFOLLOW)
}

// Fchmod sets permissions, and the bits for set-user-ID, set-group-ID and
// sticky.
func Fchmod(fd int, mode uint32) error { return unix.Fchmod(fd, mode&0o7777) }

// SetTimes sets when a file was last modified and, to the same, when it was
// last read; a symbolic link is not followed. With an empty name it is dir
// itself.
func SetTimes(dir int, name string, sec, nsec int64) error {
	ts, err := unix.TimeToTimespec(time.Unix(sec, nsec))
	if err != nil {
		return err
	}
	times := [2]unix.Timespec{ts, ts}
	if name == "" {
		// Without a path it means the descriptor; AT_EMPTY_PATH is younger.
		_, _, errno := unix.Syscall6(unix.SYS_UTIMENSAT, uintptr(dir), 0, uintptr(unsafe.Pointer(&times)), 0, 0, 0)
		if errno != 0 {
			return errno
		}
		return nil
	}
	return unix.UtimesNanoAt(dir, name, times[:], unix.AT_SYMLINK_NOFOLLOW)
}

// FdPath is a name by which calls reach the file that a descriptor stands for,
// also where they take no descriptor or it was opened with O_PATH.
func FdPath(fd int) string { return "/proc/self/fd/" + strconv.Itoa(fd) }

// ChmodPath is chmod.
func ChmodPath(path string, mode uint32) error { return unix.Chmod(path, mode&0o7777) }

// SetXattr sets an extended attribute of an open file.
func SetXattr(fd int, name string, value []byte) error { return unix.Fsetxattr(fd, name, value, 0) }

// SetXattrPath sets an extended attribute.
func SetXattrPath(path, name string, value []byte) error { return unix.Setxattr(path, name, value, 0) }

// RemoveXattr removes an extended attribute of an open file.
func RemoveXattr(fd int, name string) error { return unix.Fremovexattr(fd, name) }

// Xattrs reads the extended attributes of a file. A file system without them
// has none.
func Xattrs(path string) (map[string][]byte, error) {
	names, err := grown(func(b []byte) (int, error) { return unix.Listxattr(path, b) })
	if errors.Is(err, unix.ENOTSUP) || err == nil && len(names) == 0 {
		return nil, nil
	}
	if err != nil {
		return nil, os.NewSyscallError("listxattr", err)
	}
	all := make(map[string][]byte)
	for raw := range bytes.SplitSeq(bytes.TrimSuffix(names, []byte{0}), []byte{0}) {
		name := string(raw)
		value, err := grown(func(b []byte) (int, error) { return unix.Getxattr(path, name, b) })
		if errors.Is(err, unix.ENODATA) {
			continue // it was removed meanwhile
		}
		if err != nil {
			return nil, os.NewSyscallError("getxattr "+name, err)
		}
		all[name] = value
	}
	return all, nil
}

// Xattr reads one extended attribute; ok is false when the file does not have
// it.
func Xattr(path, name string) (value []byte, ok bool, err error) {
	value, err = grown(func(b []byte) (int, error) { return unix.Getxattr(path, name, b) })
	if errors.Is(err, unix.ENODATA) || errors.Is(err, unix.ENOTSUP) {
		return nil, false, nil
	}
	return value, err == nil, err
}

// grown calls f with buffers until one is large enough.
func grown(f func([]byte) (int, error)) ([]byte, error) {
	for size := 256; ; size *= 4 {
		buf := make([]byte, size)
		n, err := f(buf)
		if errors.Is(err, unix.ERANGE) && size < 1<<20 {
			continue
		}
		if err != nil {
			return nil, err
		}
		return buf[:n], nil
	}
}

// MakeDevice puts major and minor number together.
func MakeDevice(major, minor uint32) uint64 { return unix.Mkdev(major, minor) }

// NextData gives the next range of a file's content that is not a hole
// (lseek SEEK_DATA and SEEK_HOLE); the error is ENXIO when there is none.
func NextData(fd int, offset int64) (start, end int64, err error) {
	start, err = unix.Seek(fd, offset, unix.SEEK_DATA)
	if err != nil {
		return 0, 0, err
	}
	end, err = unix.Seek(fd, start, unix.SEEK_HOLE)
	return start, end, err
}
