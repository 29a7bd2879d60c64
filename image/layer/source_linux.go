package layer

import (
	"fmt"
	"io"
	"os"

	"github.com/sandkit/sandkit/image/erofs"
	"github.com/sandkit/sandkit/internal/sys"
)

// source is a directory of a layer that is read. No name is followed if it is
// a link; an empty one is the directory itself.
type source interface {
	stat(name string) (sys.Stat, error)
	open(name string) (source, error) // a directory
	file(name string) (io.ReadCloser, error)
	readlink(name string) (string, error)
	xattr(name, attribute string) (value []byte, ok bool, err error)
	xattrs(name string) (map[string][]byte, error)
	names() ([]string, error)
	close()
}

// fdSource is a directory of the kernel's.
type fdSource struct {
	fd    int
	owner *sys.FD // nil when another closes it
}

func (s fdSource) stat(name string) (sys.Stat, error) { return sys.Fstatat(s.fd, name) }

func (s fdSource) open(name string) (source, error) {
	fd, err := sys.Openat(s.fd, name, sys.O_RDONLY|sys.O_DIRECTORY|sys.O_NOFOLLOW)
	if err != nil {
		return nil, os.NewSyscallError("open directory", err)
	}
	return fdSource{fd.Int(), fd}, nil
}

func (s fdSource) file(name string) (io.ReadCloser, error) { return openRegular(s.fd, name) }

func (s fdSource) readlink(name string) (string, error) { return sys.Readlinkat(s.fd, name) }

func (s fdSource) xattr(name, attribute string) (value []byte, ok bool, err error) {
	err = s.withPath(name, func(path string) error {
		value, ok, err = sys.Xattr(path, attribute)
		return err
	})
	return value, ok, err
}

func (s fdSource) xattrs(name string) (all map[string][]byte, err error) {
	err = s.withPath(name, func(path string) error {
		all, err = sys.Xattrs(path)
		return err
	})
	return all, err
}

// withPath calls f with a path of a name that is good for any length of path
// and does not follow a link.
func (s fdSource) withPath(name string, f func(path string) error) error {
	if name == "" {
		return f(sys.FdPath(s.fd))
	}
	fd, err := sys.Openat(s.fd, name, sys.O_PATH|sys.O_NOFOLLOW)
	if err != nil {
		return os.NewSyscallError("open", err)
	}
	defer fd.Close()
	return f(sys.FdPath(fd.Int()))
}

func (s fdSource) names() ([]string, error) { return readNames(s.fd) }

func (s fdSource) close() { s.owner.Close() }

// sourcesOf gives the roots of layers: directories, or files with images. They
// hold nothing that has to be closed, and are good for as long as the files
// are.
func sourcesOf(layers []*os.File) ([]source, error) {
	roots := make([]source, len(layers))
	for i, l := range layers {
		st, err := sys.Fstatat(int(l.Fd()), "")
		if err != nil {
			return nil, os.NewSyscallError("stat", err)
		}
		roots[i] = fdSource{fd: int(l.Fd())}
		if st.Mode&sys.S_IFMT != sys.S_IFREG {
			continue
		}
		r, err := erofs.Open(l, st.Size)
		if err != nil {
			return nil, fmt.Errorf("layer %d below: %w", i, err)
		}
		// No device has a number like that.
		roots[i] = imageSource{r, "", 1<<63 | uint64(i)}
	}
	return roots, nil
}
