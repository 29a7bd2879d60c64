package rootfs

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"github.com/sandkit/sandkit/internal/sys"
)

// viewAttr are the attributes of a view: the host's programs look at it, and
// must not come across set-user-ID programs and devices of an image.
const viewAttr = sys.MOUNT_ATTR_NODEV | sys.MOUNT_ATTR_NOSUID

// Directories in the memory that a view has of its own.
const (
	topName   = "top" // has the root's attributes: the upper or uppermost directory
	workName  = "work"
	emptyName = "empty" // the lower directory of an image without layers
)

// mount makes a detached overlay of the layers.
func (s *Stack) mount(o *MountOptions) (*sys.FD, error) {
	fd, err := s.mountDetached(o)
	if errors.Is(err, syscall.EINVAL) {
		// The kernel takes no detached mounts as layers (before Linux 6.15),
		// or not one layer after the other (before 6.5).
		fd, err = s.mountAside(o)
	}
	if err != nil {
		return nil, fmt.Errorf("mount image: %w", err)
	}
	return fd, nil
}

// mountDetached makes the overlay of descriptors only.
func (s *Stack) mountDetached(o *MountOptions) (*sys.FD, error) {
	scratch, err := s.scratch(o)
	if err != nil {
		return nil, err
	}
	defer scratch.Close()
	inScratch := func(name string) string { return sys.FdPath(scratch.Int()) + "/" + name }
	var options [][2]string
	if o.Writable {
		options = append(options, [2]string{"upperdir", inScratch(topName)}, [2]string{"workdir", inScratch(workName)})
	} else {
		options = append(options, [2]string{"lowerdir+", inScratch(topName)})
	}
	for _, l := range slices.Backward(s.Layers) {
		fd, err := l.openRoot()
		if err != nil {
			return nil, err
		}
		defer fd.Close()
		options = append(options, [2]string{"lowerdir+", sys.FdPath(fd.Int())})
	}
	if len(s.Layers) == 0 {
		options = append(options, [2]string{"lowerdir+", inScratch(emptyName)})
	}
	return sys.MountDetached("overlay", "", o.attr(), options...)
}

// attr are the mount's attributes.
func (o *MountOptions) attr() uint64 {
	if o.Writable {
		return viewAttr
	}
	return viewAttr | sys.MOUNT_ATTR_RDONLY
}

// flags are the same for mount.
func (o *MountOptions) flags() uint64 {
	const flags = sys.MS_NODEV | sys.MS_NOSUID
	if o.Writable {
		return flags
	}
	return flags | sys.MS_RDONLY
}

// scratch makes the view's own memory.
func (s *Stack) scratch(o *MountOptions) (*sys.FD, error) {
	const minInodes, inodeBytes = 1024, 8192
	options := [][2]string{{"mode", "700"}}
	switch {
	case !o.Writable:
		options = append(options, [2]string{"size", "1m"})
	case o.Size > 0:
		options = append(options, [2]string{"size", strconv.FormatInt(max(o.Size, int64(os.Getpagesize())), 10)},
			[2]string{"nr_inodes", strconv.FormatInt(max(o.Size/inodeBytes, minInodes), 10)})
	}
	fd, err := sys.MountDetached("tmpfs", "tmpfs", viewAttr, options...)
	if err != nil {
		return nil, err
	}
	for _, name := range []string{topName, workName, emptyName} {
		if err := sys.Mkdirat(fd.Int(), name); err != nil {
			return nil, errors.Join(os.NewSyscallError("mkdir", err), fd.Close())
		}
	}
	if err := s.Root.set(fd.Int(), topName); err != nil {
		return nil, errors.Join(err, fd.Close())
	}
	return fd, nil
}

// set gives a directory the attributes.
func (a *Attr) set(dir int, name string) error {
	fd, err := sys.Openat(dir, name, sys.O_RDONLY|sys.O_DIRECTORY|sys.O_NOFOLLOW)
	if err != nil {
		return os.NewSyscallError("open directory", err)
	}
	defer fd.Close()
	if err := sys.Fchown(fd.Int(), a.UID, a.GID); err != nil {
		return os.NewSyscallError("chown", err)
	}
	for name, value := range a.Xattrs {
		// tmpfs has no user.* attributes before Linux 6.6.
		if err := sys.SetXattr(fd.Int(), name, value); err != nil && !errors.Is(err, syscall.EOPNOTSUPP) {
			return os.NewSyscallError("set attribute "+name, err)
		}
	}
	if err := sys.Fchmod(fd.Int(), a.Mode); err != nil {
		return os.NewSyscallError("chmod", err)
	}
	if a.ModTime.IsZero() {
		return nil
	}
	return os.NewSyscallError("set times", sys.SetTimes(fd.Int(), "", a.ModTime.Unix(), int64(a.ModTime.Nanosecond())))
}

// aside is where mountAside attaches what it needs: a directory that every
// procfs has, in a mount table that nobody else sees.
const aside = "/proc/driver"

// mountAside makes the overlay in a mount table of its own, where layers can be
// attached and have short names: options are limited to a page.
func (s *Stack) mountAside(o *MountOptions) (fd *sys.FD, err error) {
	err = sys.WithOwnMounts(func() error {
		scratch, err := s.scratch(o)
		if err != nil {
			return err
		}
		defer scratch.Close()
		if err := sys.AttachMount(scratch.Int(), aside); err != nil {
			return err
		}
		if err := sys.Chdir(aside); err != nil {
			return os.NewSyscallError("chdir", err)
		}
		var lowers []string
		for i, l := range slices.Backward(s.Layers) {
			name := strconv.Itoa(i)
			if err := l.attach(name); err != nil {
				return err
			}
			lowers = append(lowers, name)
		}
		if err := sys.Mount("overlay", emptyName, "overlay", o.flags(), o.overlayData(lowers)); err != nil {
			return err
		}
		fd, err = sys.CloneMount(emptyName, 0)
		return err
	})
	return fd, err
}

// overlayData are the overlay's options for mount.
func (o *MountOptions) overlayData(lowers []string) string {
	if len(lowers) == 0 {
		lowers = []string{emptyName}
	}
	if !o.Writable {
		return "lowerdir=" + strings.Join(append([]string{topName}, lowers...), ":")
	}
	return "lowerdir=" + strings.Join(lowers, ":") + ",upperdir=" + topName + ",workdir=" + workName
}
