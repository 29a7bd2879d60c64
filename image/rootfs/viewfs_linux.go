package rootfs

import (
	iofs "io/fs"
	"os"
	"path"

	"github.com/sandkit/sandkit/internal/safepath"
	"github.com/sandkit/sandkit/internal/sys"
)

// viewFS reads a view by paths that never lead out of it.
type viewFS struct{ view *View }

var (
	_ iofs.ReadLinkFS = viewFS{}
	_ iofs.StatFS     = viewFS{}
)

// open opens a name inside the root.
func (v viewFS) open(op, name string, flags int) (*os.File, error) {
	if !iofs.ValidPath(name) {
		return nil, &iofs.PathError{Op: op, Path: name, Err: iofs.ErrInvalid}
	}
	v.view.mu.Lock()
	defer v.view.mu.Unlock()
	if v.view.root == nil {
		return nil, &iofs.PathError{Op: op, Path: name, Err: iofs.ErrClosed}
	}
	return safepath.Open(v.view.root, name, flags)
}

// Open opens a file or directory for reading. A FIFO does not block.
func (v viewFS) Open(name string) (iofs.File, error) {
	f, err := v.open("open", name, sys.O_RDONLY|sys.O_NONBLOCK|sys.O_NOCTTY)
	if err != nil {
		return nil, err
	}
	return &viewFile{f, v, name}, nil
}

// Stat describes a file; links are followed.
func (v viewFS) Stat(name string) (iofs.FileInfo, error) { return v.stat("stat", name, 0) }

// Lstat describes a file, of a link the link itself.
func (v viewFS) Lstat(name string) (iofs.FileInfo, error) {
	return v.stat("lstat", name, sys.O_NOFOLLOW)
}

func (v viewFS) stat(op, name string, flags int) (iofs.FileInfo, error) {
	f, err := v.open(op, name, sys.O_PATH|flags)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	return namedInfo{info, path.Base(name)}, nil
}

// ReadLink reads a symbolic link.
func (v viewFS) ReadLink(name string) (string, error) {
	f, err := v.open("readlink", name, sys.O_PATH|sys.O_NOFOLLOW)
	if err != nil {
		return "", err
	}
	defer f.Close()
	target, err := sys.Readlink(int(f.Fd()))
	if err != nil {
		return "", &iofs.PathError{Op: "readlink", Path: name, Err: err}
	}
	return target, nil
}

// namedInfo has the name that was asked for; that of the root is not the
// descriptor's.
type namedInfo struct {
	iofs.FileInfo
	name string
}

// Name is the last component.
func (n namedInfo) Name() string { return n.name }

// viewFile is an open file. The names that os.File knows for what is in a
// directory could lead out of the root, so that they are not used.
type viewFile struct {
	*os.File
	v    viewFS
	name string
}

// Stat describes the file.
func (f *viewFile) Stat() (iofs.FileInfo, error) {
	info, err := f.File.Stat()
	if err != nil {
		return nil, err
	}
	return namedInfo{info, path.Base(f.name)}, nil
}

// ReadDir lists a directory.
func (f *viewFile) ReadDir(n int) ([]iofs.DirEntry, error) {
	names, err := f.Readdirnames(n)
	entries := make([]iofs.DirEntry, 0, len(names))
	for _, name := range names {
		info, statErr := f.v.Lstat(path.Join(f.name, name))
		if statErr != nil {
			return entries, statErr
		}
		entries = append(entries, iofs.FileInfoToDirEntry(info))
	}
	return entries, err
}
