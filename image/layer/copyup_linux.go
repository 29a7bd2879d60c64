package layer

import (
	"errors"
	"io"
	"os"
	"path"
	"syscall"

	"github.com/sandkit/sandkit/internal/sys"
)

// link makes a hard link to a file of the layers below: a copy of the file
// takes its place in this one.
func (s *settler) link(p, target string, early bool) error {
	parent, err := s.resolve(path.Dir("/" + target)[1:])
	if err != nil {
		return err
	}
	target = path.Join(parent, path.Base(target))
	f, err := s.below(target)
	if err != nil {
		return err
	}
	defer f.close()
	if early && (f == nil || f.st.Mode&sys.S_IFMT == sys.S_IFDIR) {
		return nil
	}
	if f == nil {
		return malformed("hard link to %q, which is not there: %w", target, syscall.ENOENT)
	}
	s.changed = true
	s.copied[p] = true
	if early {
		if err := s.layer.remove(p, false); err != nil {
			return err
		}
		return s.layer.copyUp(f, p)
	}
	if _, err := s.layer.stat(target); err == nil && !s.copied[target] {
		return s.layer.copyUp(f, p) // something of the layer was moved there
	}
	if err := s.ensure(path.Dir(target)); err != nil {
		return err
	}
	if _, err := s.layer.stat(target); errors.Is(err, syscall.ENOENT) {
		if err := s.layer.copyUp(f, target); err != nil {
			return err
		}
		s.copied[target] = true
	}
	err = s.layer.link(target, p)
	if errors.Is(err, syscall.EEXIST) || errors.Is(err, syscall.EPERM) {
		return ErrConflict // something was moved here, or to the target
	}
	return err
}

// copyUp copies a file of a layer below.
func copyUp(f *found, dir int, name string) error {
	switch f.st.Mode & sys.S_IFMT {
	case sys.S_IFREG:
	case sys.S_IFLNK:
		target, err := f.in.readlink(f.name)
		if err == nil {
			err = sys.Symlinkat(target, dir, name)
		}
		if err != nil {
			return os.NewSyscallError("symlink", err)
		}
		return copyNamed(f, dir, name)
	case sys.S_IFDIR:
		return malformed("hard link to a directory: %w", syscall.EPERM)
	default:
		if err := sys.Mknodat(dir, name, f.st.Mode, f.st.Rdev); err != nil {
			return os.NewSyscallError("mknod", err)
		}
		return copyNamed(f, dir, name)
	}
	xattrs, err := kept(f.in, f.name)
	if err != nil {
		return err
	}
	src, err := f.in.file(f.name)
	if err != nil {
		return err
	}
	defer func() { _ = src.Close() }()
	fd, err := sys.CreateFile(dir, name)
	if err != nil {
		return os.NewSyscallError("create", err)
	}
	dst := fd.File(name)
	if _, err = io.Copy(dst, src); err == nil {
		err = setStat(int(dst.Fd()), f.st, xattrs)
	}
	return errors.Join(err, dst.Close())
}

// copyNamed gives a copy that is not to be opened what the file has.
func copyNamed(f *found, dir int, name string) error {
	if f.st.UID != uint32(os.Geteuid()) || f.st.GID != uint32(os.Getegid()) {
		if err := sys.Lchownat(dir, name, f.st.UID, f.st.GID); err != nil {
			return os.NewSyscallError("chown", err)
		}
	}
	xattrs, err := kept(f.in, f.name)
	if err != nil {
		return err
	}
	err = fdSource{fd: dir}.withPath(name, func(path string) error {
		for attribute, value := range xattrs {
			if err := sys.SetXattrPath(path, attribute, value); err != nil {
				return os.NewSyscallError("set attribute "+attribute, err)
			}
		}
		if f.st.Mode&sys.S_IFMT == sys.S_IFLNK {
			return nil
		}
		return os.NewSyscallError("chmod", sys.ChmodPath(path, f.st.Mode)) // making it minded the umask
	})
	if err != nil {
		return err
	}
	return os.NewSyscallError("set times", sys.SetTimes(dir, name, f.st.MtimeSec, f.st.MtimeNs))
}
