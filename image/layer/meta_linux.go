package layer

import (
	"errors"
	"fmt"
	"os"
	"syscall"

	"github.com/sandkit/sandkit/internal/sys"
)

// setOpen gives a file or directory that is open its metadata. The order
// matters: a change of owner takes set-user-ID and capabilities away, the mode
// may take away the permission to set attributes, and everything changes times.
func (b *dirBackend) setOpen(fd int, n *node, m *meta, fresh bool) error {
	if !b.o.Rootless && (!fresh || b.born != (owner{int64(m.uid), int64(m.gid)})) {
		if err := sys.Fchown(fd, m.uid, m.gid); err != nil {
			return os.NewSyscallError("chown", err)
		}
	}
	set := func(name string, value []byte) error { return sys.SetXattr(fd, name, value) }
	if !fresh {
		if err := sys.Fchmod(fd, 0o700); err != nil {
			return os.NewSyscallError("chmod", err)
		}
		if err := removeXattrs(fd); err != nil {
			return err
		}
	}
	if err := b.setXattrs(n, m, set); err != nil {
		return err
	}
	stat := m.stat
	if stat == "" && b.o.Rootless && (m.inUID != 0 || m.inGID != 0) {
		stat = fmt.Sprintf("%d:%d", m.inUID, m.inGID)
	}
	if stat != "" {
		if err := b.setXattr(n, xattrStat, stat, set); err != nil {
			return err
		}
	}
	if err := sys.Fchmod(fd, m.mode); err != nil {
		return os.NewSyscallError("chmod", err)
	}
	return os.NewSyscallError("set times", sys.SetTimes(fd, "", m.sec, m.nsec))
}

// setNamed does the same for what is not to be opened: links, devices, FIFOs.
func (b *dirBackend) setNamed(dir int, n *node, m *meta) error {
	if !b.o.Rootless && b.born != (owner{int64(m.uid), int64(m.gid)}) {
		if err := sys.Lchownat(dir, n.name, m.uid, m.gid); err != nil {
			return os.NewSyscallError("chown", err)
		}
	}
	if n.kind != kindSymlink || len(m.xattrs) > 0 {
		fd, err := sys.Openat(dir, n.name, sys.O_PATH|sys.O_NOFOLLOW)
		if err != nil {
			return os.NewSyscallError("open", err)
		}
		err = b.setPath(sys.FdPath(fd.Int()), n, m)
		fd.Close()
		if err != nil {
			return err
		}
	}
	return os.NewSyscallError("set times", sys.SetTimes(dir, n.name, m.sec, m.nsec))
}

func (b *dirBackend) setPath(path string, n *node, m *meta) error {
	err := b.setXattrs(n, m, func(name string, value []byte) error { return sys.SetXattrPath(path, name, value) })
	if err != nil || n.kind == kindSymlink {
		return err
	}
	return os.NewSyscallError("chmod", sys.ChmodPath(path, m.mode))
}

// finish gives a directory what it has besides its entries.
func (b *dirBackend) finish(n *node) error {
	defer b.forget(n)
	if n.meta == nil && !n.opaque {
		return nil
	}
	fd, err := b.open(n)
	if err != nil {
		return err
	}
	if n.opaque && b.o.Format != Flat {
		name := b.o.Format.xattrPrefix() + "opaque"
		if err := sys.SetXattr(fd, name, []byte("y")); err != nil {
			return os.NewSyscallError("set attribute "+name, err)
		}
	}
	switch {
	case n.meta == nil:
		return nil
	case n.restore:
		if err := sys.Fchmod(fd, n.meta.mode); err != nil {
			return os.NewSyscallError("chmod", err)
		}
		return os.NewSyscallError("set times", sys.SetTimes(fd, "", n.meta.sec, n.meta.nsec))
	}
	return b.setOpen(fd, n, n.meta, b.o.Format != Flat)
}

func (b *dirBackend) setXattrs(n *node, m *meta, set func(string, []byte) error) error {
	for _, name := range m.xattrNames() {
		if err := b.setXattr(n, name, m.xattrs[name], set); err != nil {
			return err
		}
	}
	return nil
}

// setXattr sets one attribute. What the file system or the kernel does not
// take, such as user attributes of links, is noted as left out.
func (b *dirBackend) setXattr(n *node, name, value string, set func(string, []byte) error) error {
	err := set(name, []byte(value))
	switch {
	case err == nil:
		return nil
	case errors.Is(err, syscall.ENOTSUP),
		errors.Is(err, syscall.EPERM) && (b.o.Rootless || n.kind == kindSymlink || n.kind == kindOther):
		b.info.skip(n.path(), "attribute "+name)
		return nil
	case errors.Is(err, syscall.EINVAL), errors.Is(err, syscall.ERANGE), errors.Is(err, syscall.E2BIG):
		return malformed("attribute %s: %w", name, err)
	}
	return os.NewSyscallError("set attribute "+name, err)
}

// removeXattrs removes what a layer below may have set.
func removeXattrs(fd int) error {
	all, err := sys.Xattrs(sys.FdPath(fd))
	if err != nil {
		return err
	}
	for name := range all {
		if settable(name) || name == xattrStat {
			if err := sys.RemoveXattr(fd, name); err != nil && !errors.Is(err, syscall.ENODATA) {
				return os.NewSyscallError("remove attribute "+name, err)
			}
		}
	}
	return nil
}
