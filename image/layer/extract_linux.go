package layer

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"runtime"
	"syscall"

	"github.com/sandkit/sandkit/internal/sys"
)

// Extract copies a directory out of layers, given the lowest first, as a mount of
// them would show it, into one that is empty: content, owners, modes, times,
// extended attributes, hard links, and those of the directory itself. The path
// may lead over symbolic links, and never leads out. The error matches
// syscall.ENOENT when nothing is there, and ENOTDIR when it is no directory. What
// was copied before an error stays.
func Extract(ctx context.Context, dst *os.File, layers []*os.File, name string, o ExtractOptions) error {
	sources, err := sourcesOf(layers)
	if err == nil {
		e := &extractor{ctx: ctx, o: o, root: int(dst.Fd()), links: make(map[inode]string), buf: make([]byte, 256<<10)}
		err = e.extract(newView(sources, o.Format), name)
	}
	runtime.KeepAlive(layers) // views have numbers only
	runtime.KeepAlive(dst)
	if err != nil {
		return fmt.Errorf("copy %s: %w", name, err)
	}
	return nil
}

type extractor struct {
	ctx   context.Context //nolint:containedctx // it ends with the call that made the extractor
	o     ExtractOptions
	root  int
	links map[inode]string // where files with several names were copied to
	buf   []byte
}

func (e *extractor) extract(v *view, name string) error {
	f, err := v.find(name)
	if err != nil {
		return err
	}
	defer f.close()
	if f == nil {
		return syscall.ENOENT // all that there is cannot be hidden by a part of it
	}
	if f.st.Mode&sys.S_IFMT != sys.S_IFDIR {
		return syscall.ENOTDIR
	}
	return e.dir(f, e.root, "")
}

// dir copies what is in a directory, and then what it is itself.
func (e *extractor) dir(f *found, dir int, prefix string) error {
	names, err := f.sub.names()
	if err != nil {
		return err
	}
	for _, name := range names {
		if e.ctx.Err() != nil {
			return context.Cause(e.ctx)
		}
		if err := e.name(f.sub, dir, prefix, name); err != nil {
			return at(prefix+name, err)
		}
	}
	return e.stat(dir, f)
}

// name copies one name.
func (e *extractor) name(v *view, dir int, prefix, name string) error {
	f, err := v.lookup(name)
	if f == nil || err != nil {
		return err
	}
	defer f.close()
	switch f.st.Mode & sys.S_IFMT {
	case sys.S_IFDIR:
		if err := sys.Mkdirat(dir, name); err != nil {
			return os.NewSyscallError("mkdir", err)
		}
		fd, err := sys.Openat(dir, name, sys.O_RDONLY|sys.O_DIRECTORY|sys.O_NOFOLLOW)
		if err != nil {
			return os.NewSyscallError("open directory", err)
		}
		defer fd.Close()
		return e.dir(f, fd.Int(), path.Join(prefix, name)+"/")
	case sys.S_IFCHR, sys.S_IFBLK:
		if e.o.Rootless {
			return nil
		}
	}
	id := inode{f.st.Device, f.st.Inode}
	if first := e.links[id]; first != "" && f.st.Links > 1 {
		err := sys.Linkat(e.root, first, dir, name)
		if err == nil || !errors.Is(err, syscall.EMLINK) && !errors.Is(err, syscall.ENAMETOOLONG) {
			return os.NewSyscallError("link", err)
		}
	}
	e.links[id] = prefix + name
	if f.st.Mode&sys.S_IFMT == sys.S_IFREG {
		return e.file(v, f, dir, name)
	}
	return e.special(f, dir, name)
}

// file copies a regular file.
func (e *extractor) file(v *view, f *found, dir int, name string) (err error) {
	src, err := v.content(f)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, src.Close()) }()
	fd, err := sys.CreateFile(dir, name)
	if err != nil {
		return os.NewSyscallError("create", err)
	}
	to := fd.File(name)
	defer func() { err = errors.Join(err, to.Close()) }()
	if err := copySparse(to, &patient{e.ctx, src}, e.buf); err != nil {
		return err
	}
	return e.stat(int(to.Fd()), f)
}

// patient reads until a context ends.
type patient struct {
	ctx context.Context //nolint:containedctx // it ends with the copy
	r   io.Reader
}

// Read reads.
func (p *patient) Read(b []byte) (int, error) {
	if p.ctx.Err() != nil {
		return 0, context.Cause(p.ctx)
	}
	return p.r.Read(b)
}

// special copies what is not to be opened: a link, device, FIFO or socket.
func (e *extractor) special(f *found, dir int, name string) error {
	if f.st.Mode&sys.S_IFMT == sys.S_IFLNK {
		target, err := f.in.readlink(f.name)
		if err == nil {
			err = sys.Symlinkat(target, dir, name)
		}
		if err != nil {
			return os.NewSyscallError("symlink", err)
		}
	} else if err := sys.Mknodat(dir, name, f.st.Mode, f.st.Rdev); err != nil {
		return os.NewSyscallError("mknod", err)
	}
	fd, err := sys.Openat(dir, name, sys.O_PATH|sys.O_NOFOLLOW)
	if err != nil {
		return os.NewSyscallError("open", err)
	}
	defer fd.Close()
	if !e.o.Rootless {
		if err := sys.Lchown(fd.Int(), f.st.UID, f.st.GID); err != nil {
			return os.NewSyscallError("chown", err)
		}
	}
	if f.st.Mode&sys.S_IFMT != sys.S_IFLNK {
		if err := sys.ChmodPath(sys.FdPath(fd.Int()), f.st.Mode); err != nil {
			return os.NewSyscallError("chmod", err)
		}
	}
	return os.NewSyscallError("set times", sys.SetTimes(dir, name, f.st.MtimeSec, f.st.MtimeNs))
}

// stat makes an open file or directory like another one. The order matters: a
// change of owner takes set-user-ID and capabilities away, and the mode may take
// away the permission to set attributes.
func (e *extractor) stat(fd int, f *found) error {
	if !e.o.Rootless {
		if err := sys.Fchown(fd, f.st.UID, f.st.GID); err != nil {
			return os.NewSyscallError("chown", err)
		}
	}
	xattrs, err := f.in.xattrs(f.name)
	if err != nil {
		return err
	}
	for name, value := range xattrs {
		if !settable(name) {
			continue
		}
		err := sys.SetXattr(fd, name, value)
		if errors.Is(err, syscall.ENOTSUP) || e.o.Rootless && errors.Is(err, syscall.EPERM) {
			continue
		}
		if err != nil {
			return os.NewSyscallError("set attribute "+name, err)
		}
	}
	if err := sys.Fchmod(fd, f.st.Mode); err != nil {
		return os.NewSyscallError("chmod", err)
	}
	return os.NewSyscallError("set times", sys.SetTimes(fd, "", f.st.MtimeSec, f.st.MtimeNs))
}
