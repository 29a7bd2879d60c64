package transfer

import (
	"bytes"
	"errors"
	iofs "io/fs"
	"os"
	"path"
	"syscall"

	"github.com/sandkit/sandkit/internal/safepath"
	"github.com/sandkit/sandkit/internal/sys"
)

// FS is a read-only view of a root. Links in it are followed inside the root:
// absolute ones start there. Only regular files and directories can be opened
// ([SpecialError]), so that nothing waits or has effects.
//
// It has the interfaces of io/fs for everything that it can do itself:
// [iofs.StatFS], [iofs.ReadDirFS], [iofs.ReadFileFS], [iofs.ReadLinkFS].
// FileInfo.Sys is a *[syscall.Stat_t] with owners as inside. It may be used by
// several goroutines.
type FS struct {
	root *os.File
	ids  IDs
}

var (
	_ iofs.StatFS     = (*FS)(nil)
	_ iofs.ReadDirFS  = (*FS)(nil)
	_ iofs.ReadFileFS = (*FS)(nil)
	_ iofs.ReadLinkFS = (*FS)(nil)
)

// NewFS makes a view of the root, which must stay open as long as it is used.
func NewFS(root *os.File, ids IDs) *FS { return &FS{root, ids} }

// Open opens a regular file or a directory for reading.
func (v *FS) Open(name string) (iofs.File, error) {
	f, info, err := v.open("open", name)
	if err != nil {
		return nil, err
	}
	if info.IsDir() {
		return &directory{file: file{f, info}, view: v, path: name}, nil
	}
	return &file{f, info}, nil
}

// Stat looks at what name leads to.
func (v *FS) Stat(name string) (iofs.FileInfo, error) { return v.look("stat", name, 0) }

// Lstat looks at name itself.
func (v *FS) Lstat(name string) (iofs.FileInfo, error) { return v.look("lstat", name, sys.O_NOFOLLOW) }

// ReadLink gives the text of a symbolic link, as it is.
func (v *FS) ReadLink(name string) (string, error) {
	f, err := v.path("readlink", name, sys.O_NOFOLLOW)
	if err != nil {
		return "", err
	}
	defer f.Close()
	mode, err := sys.Mode(int(f.Fd()))
	if err == nil && mode&sys.S_IFMT != sys.S_IFLNK {
		err = syscall.EINVAL
	}
	var to string
	if err == nil {
		to, err = sys.Readlink(int(f.Fd()))
	}
	return to, pathError("readlink", name, err)
}

// ReadDir lists a directory, sorted by name. What vanishes meanwhile is left
// out.
func (v *FS) ReadDir(name string) ([]iofs.DirEntry, error) {
	f, info, err := v.open("readdir", name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	if !info.IsDir() {
		return nil, pathError("readdir", name, syscall.ENOTDIR)
	}
	return (&directory{file: file{f, info}, view: v, path: name}).sorted()
}

// ReadFile reads a whole file. It reserves no memory for what a file's size
// only promises.
func (v *FS) ReadFile(name string) ([]byte, error) {
	f, info, err := v.open("open", name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	if info.IsDir() {
		return nil, pathError("read", name, syscall.EISDIR)
	}
	var b bytes.Buffer
	b.Grow(int(min(info.Size(), 1<<20)) + bytes.MinRead)
	_, err = b.ReadFrom(f)
	return b.Bytes(), pathError("read", name, err)
}

// path opens what name leads to without any effect on it (O_PATH).
func (v *FS) path(op, name string, flags int) (*os.File, error) {
	if !iofs.ValidPath(name) {
		return nil, pathError(op, name, iofs.ErrInvalid)
	}
	f, err := safepath.Open(v.root, name, flags|sys.O_PATH)
	return f, pathError(op, name, err)
}

func (v *FS) look(op, name string, flags int) (iofs.FileInfo, error) {
	f, err := v.path(op, name, flags)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	i, err := v.info(int(f.Fd()), "", path.Base(name))
	if err != nil {
		return nil, pathError(op, name, err)
	}
	return i, nil
}

// open opens a file or directory for reading, and nothing else.
func (v *FS) open(op, name string) (*os.File, *info, error) {
	f, err := v.path(op, name, 0)
	if err != nil {
		return nil, nil, err
	}
	defer f.Close()
	i, err := v.info(int(f.Fd()), "", path.Base(name))
	if err != nil {
		return nil, nil, pathError(op, name, err)
	}
	readable, err := reopen(int(f.Fd()), i.stat.Mode, path.Base(name))
	if err != nil {
		return nil, nil, pathError(op, name, err)
	}
	return readable, i, nil
}

// reopen opens the very file that a descriptor (O_PATH) stands for, so that
// nothing can be put into its place. O_NONBLOCK is for files with a lease.
func reopen(fd int, mode uint32, name string) (*os.File, error) {
	var f *sys.FD
	var err error
	switch mode & sys.S_IFMT {
	case sys.S_IFDIR:
		f, err = sys.Openat(fd, ".", sys.O_RDONLY|sys.O_DIRECTORY)
	case sys.S_IFREG:
		f, err = sys.Openat(sys.AT_FDCWD, sys.FdPath(fd), sys.O_RDONLY|sys.O_NONBLOCK|sys.O_NOCTTY)
	default:
		return nil, &SpecialError{fileMode(mode).Type()}
	}
	if err != nil {
		return nil, err
	}
	return f.File(name), nil
}

// pathError is about name as the caller gave it.
func pathError(op, name string, err error) error {
	if err == nil {
		return nil
	}
	if e, ok := errors.AsType[*iofs.PathError](err); ok {
		err = e.Err
	}
	return &iofs.PathError{Op: op, Path: name, Err: err}
}
