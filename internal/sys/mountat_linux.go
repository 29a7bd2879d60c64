package sys

import (
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

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
