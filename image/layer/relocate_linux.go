package layer

import (
	"errors"
	"io"
	"os"
	"path"
	"strings"
	"syscall"

	"github.com/sandkit/sandkit/internal/sys"
)

// resolve follows links in the layers below, with their root as "/": it gives
// the path without links that p means. What is missing is taken as it stands.
func (s *settler) resolve(p string) (string, error) {
	cur, todo := "", strings.Split(p, "/")
	for hops, steps := 0, 0; len(todo) > 0; steps++ {
		if steps == maxSteps {
			return "", malformed("path with too many steps: %w", syscall.ELOOP)
		}
		part := todo[0]
		todo = todo[1:]
		switch part {
		case "", ".":
			continue
		case "..":
			cur = strings.TrimPrefix(path.Dir("/"+cur), "/")
			continue
		}
		next := path.Join(cur, part)
		f, err := s.below(next)
		if err != nil {
			return "", err
		}
		if f == nil || f.st.Mode&sys.S_IFMT != sys.S_IFLNK {
			f.close()
			cur = next
			continue
		}
		target, err := sys.Readlinkat(f.in.fd, f.name)
		f.close()
		if err != nil {
			return "", err
		}
		if hops++; hops > maxHops {
			return "", malformed("too many symbolic links: %w", syscall.ELOOP)
		}
		if strings.HasPrefix(target, "/") {
			cur = ""
		}
		todo = append(strings.Split(target, "/"), todo...)
	}
	return cur, nil
}

// move moves an implicit directory to where a link below points: there the
// layer's files would have gone, had it been unpacked over the others.
func (s *settler) move(p string) error {
	to, err := s.resolve(p)
	if err != nil {
		return err
	}
	if to == p || strings.HasPrefix(to, p+"/") {
		return ErrConflict
	}
	s.changed = true
	if to != "" {
		if err := s.ensure(to); err != nil {
			return err
		}
	}
	if err := s.moveInto(p, to); err != nil {
		return err
	}
	s.moved[p] = to
	return nil
}

// ensure makes directories of the layer that are as they are below.
func (s *settler) ensure(p string) error {
	if p == "" || p == "." {
		return nil
	}
	parent := path.Dir(p)
	if err := s.ensure(parent); err != nil {
		return err
	}
	fd, err := openPath(s.dir, parent)
	if err != nil {
		return err
	}
	defer fd.Close()
	st, err := sys.Fstatat(fd.Int(), path.Base(p))
	if err == nil && st.Mode&sys.S_IFMT == sys.S_IFDIR {
		return nil
	}
	if !errors.Is(err, syscall.ENOENT) {
		return errors.Join(ErrConflict, err)
	}
	f, err := s.below(p)
	if err != nil {
		return err
	}
	defer f.close()
	if err := keepTimes(fd.Int(), func() error { return sys.Mkdirat(fd.Int(), path.Base(p)) }); err != nil {
		return err
	}
	s.changed = true
	if f == nil {
		s.metas = append(s.metas, settledMeta{path: p, st: sys.Stat{Mode: 0o755, UID: ownUID(fd), GID: ownGID(fd)}})
		return nil
	}
	if f.st.Mode&sys.S_IFMT != sys.S_IFDIR {
		return ErrConflict
	}
	return s.inherit(p, f)
}

// ownUID and ownGID are a directory's owners: new ones get the same.
func ownUID(fd *sys.FD) uint32 {
	st, err := sys.Fstatat(fd.Int(), "")
	if err != nil {
		return uint32(os.Geteuid())
	}
	return st.UID
}

func ownGID(fd *sys.FD) uint32 {
	st, err := sys.Fstatat(fd.Int(), "")
	if err != nil {
		return uint32(os.Getegid())
	}
	return st.GID
}

// moveInto moves what is in one directory into another, and removes it.
func (s *settler) moveInto(from, to string) error {
	src, err := openPath(s.dir, from)
	if err != nil {
		return err
	}
	defer src.Close()
	dst, err := openPath(s.dir, to)
	if err != nil {
		return err
	}
	defer dst.Close()
	names, err := readNames(src.Int())
	if err != nil {
		return err
	}
	for _, name := range names {
		st, err := sys.Fstatat(dst.Int(), name)
		switch {
		case errors.Is(err, syscall.ENOENT):
			err = keepTimes(dst.Int(), func() error { return sys.Renameat(src.Int(), name, dst.Int(), name) })
		case err == nil && st.Mode&sys.S_IFMT == sys.S_IFDIR:
			err = s.moveInto(path.Join(from, name), path.Join(to, name))
		case err == nil:
			err = ErrConflict // which of them came last is not known any more
		}
		if err != nil {
			return err
		}
	}
	opaque := s.format.xattrPrefix() + "opaque"
	if v, ok, err := sys.Xattr(sys.FdPath(src.Int()), opaque); err != nil || ok {
		if err == nil {
			err = sys.SetXattr(dst.Int(), opaque, v)
		}
		if err != nil {
			return err
		}
	}
	parent, err := openPath(s.dir, path.Dir(from))
	if err != nil {
		return err
	}
	defer parent.Close()
	return keepTimes(parent.Int(), func() error { return sys.Unlinkat(parent.Int(), path.Base(from), sys.AT_REMOVEDIR) })
}

// keepTimes does something in a directory whose times stay.
func keepTimes(fd int, f func() error) error {
	st, err := sys.Fstatat(fd, "")
	if err == nil {
		err = f()
	}
	if err == nil {
		err = sys.SetTimes(fd, "", st.MtimeSec, st.MtimeNs)
	}
	return err
}

// whiteout removes a whiteout that hides nothing.
func (s *settler) whiteout(p string) error {
	f, err := s.below(p)
	if f != nil || err != nil {
		f.close()
		return err
	}
	fd, err := openPath(s.dir, path.Dir(p))
	if err != nil {
		return err
	}
	defer fd.Close()
	s.changed = true
	return keepTimes(fd.Int(), func() error { return sys.Unlinkat(fd.Int(), path.Base(p), 0) })
}

// opaqueRoot hides every name in the root of the layers below.
func (s *settler) opaqueRoot() error {
	names, err := newView(s.lowers, s.format).names()
	if err != nil {
		return err
	}
	root := int(s.dir.Fd())
	for _, name := range names {
		s.changed = true
		err := keepTimes(root, func() error { return sys.Mknodat(root, name, sys.S_IFCHR, 0) })
		if errors.Is(err, syscall.EEXIST) {
			err = s.hide(name)
		}
		if err != nil {
			return at(name, err)
		}
	}
	return nil
}

// hide makes a directory of the layer hide those below; what is no directory
// does anyway.
func (s *settler) hide(name string) error {
	fd, err := openPath(s.dir, name)
	if errors.Is(err, syscall.ENOTDIR) || errors.Is(err, syscall.ELOOP) {
		return nil
	}
	if err != nil {
		return err
	}
	defer fd.Close()
	return sys.SetXattr(fd.Int(), s.format.xattrPrefix()+"opaque", []byte("y"))
}

// link makes a hard link to a file of the layers below: a copy of the file
// takes its place in this one.
func (s *settler) link(p, target string) error {
	parent, err := s.resolve(path.Dir("/" + target)[1:])
	if err != nil {
		return err
	}
	target = path.Join(parent, path.Base(target))
	f, err := s.below(target)
	if err != nil {
		return err
	}
	if f == nil {
		return malformed("hard link to %q, which is not there: %w", target, syscall.ENOENT)
	}
	defer f.close()
	if err := s.ensure(path.Dir(target)); err != nil {
		return err
	}
	from, err := openPath(s.dir, path.Dir(target))
	if err != nil {
		return err
	}
	defer from.Close()
	to, err := openPath(s.dir, path.Dir(p))
	if err != nil {
		return err
	}
	defer to.Close()
	s.changed = true
	if _, err := sys.Fstatat(from.Int(), path.Base(target)); errors.Is(err, syscall.ENOENT) {
		if err := keepTimes(from.Int(), func() error { return copyUp(f, from.Int(), path.Base(target)) }); err != nil {
			return err
		}
	}
	return keepTimes(to.Int(), func() error {
		return os.NewSyscallError("link", sys.Linkat(from.Int(), path.Base(target), to.Int(), path.Base(p)))
	})
}

// copyUp copies a file of a layer below.
func copyUp(f *found, dir int, name string) error {
	switch f.st.Mode & sys.S_IFMT {
	case sys.S_IFREG:
	case sys.S_IFLNK:
		target, err := sys.Readlinkat(f.in.fd, f.name)
		if err == nil {
			err = sys.Symlinkat(target, dir, name)
		}
		return errors.Join(err, copyNamed(f, dir, name))
	case sys.S_IFDIR:
		return malformed("hard link to a directory: %w", syscall.EPERM)
	default:
		return errors.Join(sys.Mknodat(dir, name, f.st.Mode, f.st.Rdev), copyNamed(f, dir, name))
	}
	xattrs, err := kept(f.in.fd, f.name)
	if err != nil {
		return err
	}
	src, err := openRegular(f.in.fd, f.name)
	if err != nil {
		return err
	}
	defer src.Close()
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

// copyNamed gives a copy that is not to be opened owner and times.
func copyNamed(f *found, dir int, name string) error {
	if f.st.UID != uint32(os.Geteuid()) || f.st.GID != uint32(os.Getegid()) {
		if err := sys.Lchownat(dir, name, f.st.UID, f.st.GID); err != nil {
			return os.NewSyscallError("chown", err)
		}
	}
	return os.NewSyscallError("set times", sys.SetTimes(dir, name, f.st.MtimeSec, f.st.MtimeNs))
}
