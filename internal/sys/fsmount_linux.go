package sys

import (
	"errors"
	"fmt"
	"os"
	"strings"

	"golang.org/x/sys/unix"
)

// MountDetached makes a mount of a new file system that is attached nowhere: it
// goes when the last descriptor of it, and of what is in it, is closed (fsopen,
// fsconfig and fsmount, Linux 5.2). Attr are MOUNT_ATTR flags. An empty source
// is not set; options are names and values, of which an empty one makes a flag.
// The error has what the kernel says of the reason.
func MountDetached(fstype, source string, attr uint64, options ...[2]string) (*FD, error) {
	fs, err := unix.Fsopen(fstype, unix.FSOPEN_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("fsopen %s: %w", fstype, err)
	}
	context := NewFD(fs)
	defer context.Close()
	if source != "" {
		options = append([][2]string{{"source", source}}, options...)
	}
	for _, o := range options {
		if o[1] == "" {
			err = unix.FsconfigSetFlag(fs, o[0])
		} else {
			err = unix.FsconfigSetString(fs, o[0], o[1])
		}
		if err != nil {
			return nil, explained(fs, "set option "+o[0]+" of "+fstype, err)
		}
	}
	if err := unix.FsconfigCreate(fs); err != nil {
		return nil, explained(fs, "make "+fstype, err)
	}
	fd, err := unix.Fsmount(fs, unix.FSMOUNT_CLOEXEC, int(attr))
	if err != nil {
		return nil, explained(fs, "fsmount "+fstype, err)
	}
	return NewFD(fd), nil
}

// explained adds what the kernel has written about an error.
func explained(fs int, what string, err error) error {
	var said []string
	buf := make([]byte, 1024)
	for range 16 {
		n, readErr := unix.Read(fs, buf)
		if readErr != nil || n <= 0 {
			break
		}
		if line := strings.TrimSpace(string(buf[:n])); strings.HasPrefix(line, "e ") {
			said = append(said, line[2:])
		}
	}
	if len(said) == 0 {
		return fmt.Errorf("%s: %w", what, err)
	}
	return fmt.Errorf("%s: %w (%s)", what, err, strings.Join(said, "; "))
}

// CloneMount makes a detached mount of what is at a path (open_tree, Linux 5.2):
// without what is mounted below it, and with more attributes (mount_setattr,
// Linux 5.12), unless attr is 0.
func CloneMount(path string, attr uint64) (*FD, error) {
	fd, err := unix.OpenTree(unix.AT_FDCWD, path, unix.OPEN_TREE_CLONE|unix.OPEN_TREE_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("open_tree %s: %w", path, err)
	}
	if attr != 0 {
		set := unix.MountAttr{Attr_set: attr}
		if err := unix.MountSetattr(fd, "", unix.AT_EMPTY_PATH, &set); err != nil {
			return nil, errors.Join(fmt.Errorf("mount_setattr: %w", err), unix.Close(fd))
		}
	}
	return NewFD(fd), nil
}

// AttachMount attaches a detached mount to a file or directory.
func AttachMount(mount int, target string) error {
	if err := unix.MoveMount(mount, "", unix.AT_FDCWD, target, unix.MOVE_MOUNT_F_EMPTY_PATH); err != nil {
		return &os.PathError{Op: "move_mount", Path: target, Err: err}
	}
	return nil
}

// Mount mounts the old way (mount), for what the newer calls cannot say: flags
// are MS_ constants.
func Mount(source, target, fstype string, flags uint64, data string) error {
	if err := unix.Mount(source, target, fstype, uintptr(flags), data); err != nil {
		return &os.PathError{Op: "mount " + fstype + " at", Path: target, Err: err}
	}
	return nil
}

// Unmount takes a mount from the mount table at once; who uses it goes on.
func Unmount(path string) error {
	if err := unix.Unmount(path, unix.MNT_DETACH); err != nil {
		return &os.PathError{Op: "umount", Path: path, Err: err}
	}
	return nil
}

// WithOwnMounts calls f on a thread with a mount table and a working directory
// of its own, which the kernel drops with the thread when f returns: mounts stay
// only as far as descriptors hold them. It takes the right to make mount
// namespaces. What f starts does not run on that thread.
func WithOwnMounts(f func() error) error {
	return onSpoiltThread(func() error {
		if err := unix.Unshare(unix.CLONE_FS | unix.CLONE_NEWNS); err != nil {
			return os.NewSyscallError("unshare", err)
		}
		if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
			return os.NewSyscallError("make mounts private", err)
		}
		return f()
	})
}

// Chdir changes the working directory of the calling thread, for WithOwnMounts.
func Chdir(path string) error { return unix.Chdir(path) }
