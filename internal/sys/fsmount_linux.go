package sys

import (
	"errors"
	"fmt"
	"os"
	"strings"

	"golang.org/x/sys/unix"
)

// MountDetached makes a file system and a mount of it that is nowhere in the
// tree of files (fsopen, fsconfig, fsmount; Linux 5.2). Attr are MOUNT_ATTR_*
// flags. An option without value is set as a flag. What the kernel says about a
// failure is in the error. The mount goes away when the caller closes the
// descriptor, unless it was moved to a place.
func MountDetached(fstype, source string, attr uint64, options ...[2]string) (*FD, error) {
	n, err := unix.Fsopen(fstype, unix.FSOPEN_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", fstype, os.NewSyscallError("fsopen", err))
	}
	ctx := NewFD(n)
	defer ctx.Close()
	if source != "" {
		options = append([][2]string{{"source", source}}, options...)
	}
	for _, o := range options {
		if o[1] == "" {
			err = unix.FsconfigSetFlag(n, o[0])
		} else {
			err = unix.FsconfigSetString(n, o[0], o[1])
		}
		if err != nil {
			return nil, mountError(n, fmt.Sprintf("%s: option %s", fstype, o[0]), os.NewSyscallError("fsconfig", err))
		}
	}
	if err := unix.FsconfigCreate(n); err != nil {
		return nil, mountError(n, fstype, os.NewSyscallError("fsconfig", err))
	}
	mnt, err := unix.Fsmount(n, unix.FSMOUNT_CLOEXEC, int(attr))
	if err != nil {
		return nil, mountError(n, fstype, os.NewSyscallError("fsmount", err))
	}
	return NewFD(mnt), nil
}

// mountError adds what the kernel has to say: lines of a letter for their kind,
// a space and the text.
func mountError(ctx int, what string, err error) error {
	var said []string
	b := make([]byte, 4096)
	for len(said) < 16 {
		n, readErr := unix.Read(ctx, b)
		if errors.Is(readErr, unix.EINTR) {
			continue
		}
		if readErr != nil || n <= 0 {
			break
		}
		if line := strings.TrimSpace(string(b[:n])); len(line) > 2 {
			said = append(said, line[2:])
		}
	}
	if len(said) > 0 {
		err = fmt.Errorf("%w (%s)", err, strings.Join(said, "; "))
	}
	return fmt.Errorf("%s: %w", what, err)
}

// CloneDetached makes another detached mount of the root of one, which is shared
// by all (open_tree). Kernels before 6.15 say EINVAL.
func CloneDetached(mount *os.File) (*FD, error) {
	fd, err := unix.OpenTree(int(mount.Fd()), "", unix.OPEN_TREE_CLONE|unix.OPEN_TREE_CLOEXEC|unix.AT_EMPTY_PATH)
	if err != nil {
		return nil, os.NewSyscallError("open_tree", err)
	}
	return NewFD(fd), nil
}
